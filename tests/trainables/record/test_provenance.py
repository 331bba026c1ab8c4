"""Which code a number was made by, and on how many CPUs."""

from pathlib import Path

import pytest

from trainables.record import provenance


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A package of two files in place of ours."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "provenance.py").write_text("one = 1\n")
    (tmp_path / "inner" / "other.py").write_text("two = 2\n")
    monkeypatch.setattr(provenance, "TRAINABLES", tmp_path)
    return tmp_path


def test_the_digest_is_of_the_files_names_and_contents_as_they_are_now(package):
    first = provenance.code_digest()
    (package / "inner" / "other.py").write_text("two = 3\n")
    edited = provenance.code_digest()
    (package / "inner" / "other.py").rename(package / "inner" / "another.py")
    renamed = provenance.code_digest()
    (package / "notes.txt").write_text("no code")

    assert len({first, edited, renamed}) == 3
    assert provenance.code_digest() == renamed


def test_files_that_were_only_touched_are_the_same_code(package):
    before = provenance.code_digest()
    (package / "provenance.py").write_text("one = 1\n")

    assert provenance.code_digest() == before


def control_groups(root: Path, groups: str, **files: str) -> Path:
    """Write a root whose process is in these control groups, with files by `folder/of/group/file`."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    for path, content in files.items():
        file = root / "sys/fs/cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content + "\n")
    return root


ONE = {"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"}
"""Half a CPU, in the first version."""


@pytest.mark.parametrize(
    ("groups", "files", "quota"),
    [
        pytest.param("0::/\n", {"cpu.max": "250000 100000"}, 2.5, id="a container that sees its group as the root"),
        pytest.param("0::/\n", {"cpu.max": "max 100000"}, None, id="no limit"),
        pytest.param("0::/\n", {}, None, id="no controller of CPUs"),
        pytest.param("0::/\n", {"cpu.max": "garbled"}, None, id="not to be read"),
        pytest.param(
            "0::/pod/main\n",
            {"pod/main/cpu.max": "max 100000", "pod/cpu.max": "300000 100000", "cpu.max": "max 100000"},
            3.0,
            id="the limit of the pod around it",
        ),
        pytest.param(
            "0::/pod/main\n",
            {"pod/main/cpu.max": "100000 100000", "pod/cpu.max": "300000 100000"},
            1.0,
            id="the smallest up the tree",
        ),
        pytest.param("0::/docker/abc\n", {"cpu.max": "100000 50000"}, 2.0, id="a path that is not seen inside"),
        pytest.param("2:cpu,cpuacct:/job\n", {f"cpu,cpuacct/job/{k}": v for k, v in ONE.items()}, 0.5, id="version 1"),
        pytest.param("3:cpuset:/\n1:cpu:/\n0::/\n", {f"cpu/{k}": v for k, v in ONE.items()}, 0.5, id="both versions"),
        pytest.param(
            "1:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            None,
            id="version 1, no limit",
        ),
    ],
)
def test_the_quota_of_a_container_is_seen(tmp_path, groups, files, quota):
    assert provenance.cpu_quota(control_groups(tmp_path, groups, **files)) == quota


def test_a_machine_without_control_groups_has_no_quota(tmp_path):
    assert provenance.cpu_quota(tmp_path) is None


@pytest.mark.parametrize(
    ("cores", "bound", "limit", "count", "why"),
    [
        (64, 64, "max 100000", 64, ""),
        (64, 64, "150000 100000", 2, "of 64: its control group has a quota of 1.5"),
        (64, 64, "10000 100000", 1, "of 64: its control group has a quota of 0.1"),
        (64, 8, "1600000 100000", 8, "of 64: it is bound to these"),
        (64, 8, "200000 100000", 2, "of 64: its control group has a quota of 2"),
    ],
)
def test_what_a_process_may_use_is_told_with_what_keeps_it_from_the_rest(
    tmp_path, monkeypatch, cores, bound, limit, count, why
):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(bound)))

    assert provenance.cpus(control_groups(tmp_path, "0::/\n", **{"cpu.max": limit})) == (count, why)
