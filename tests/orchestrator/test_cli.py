"""The command line as people use it, on trials that take no time: what it prints, and the code it ends with."""

import json
import signal
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import fakes
import pytest

from orchestrator.cli import invoke
from orchestrator.ledger import Ledger
from orchestrator.plan import expand
from orchestrator.spec import load_experiment
from trainables.claims import Process
from trainables.execution import Job, execute
from trainables.record import TrialFolder
from trainables.storage import open_storage

FAKE_SHARPTUNE = Path(__file__).parent.parent / "support" / "fake_sharptune.py"
CHAINS = """\
experiment: chains
stages:
  root:
    trainable: chain
    config: {epochs: 3, steps: 2}
    grid: {seed: [0, 1]}
  child:
    trainable: chain
    needs: root
    config: {link: "${root.genotype}", epochs: 3, steps: 2}
    grid: {width: [1, 2], seed: [0]}
tables:
  - name: widths
    stage: child
    rows: [width]
    columns: [error, error_best]
"""


class Result(tuple):
    """(code, out, err) of one call."""

    code = property(lambda self: self[0])
    out = property(lambda self: self[1])
    err = property(lambda self: self[2])

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def chains(tmp_path, monkeypatch) -> Path:
    """An experiment of two roots and their four children, in a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHARPTUNE_STORAGE", raising=False)
    path = tmp_path / "chains.yaml"
    path.write_text(CHAINS)
    return path


@pytest.fixture
def sharptune(chains, capsys):
    """Call the command in this process, on the fakes' catalog."""

    def call(*arguments: str) -> Result:
        capsys.readouterr()
        code = invoke([str(argument) for argument in arguments], catalog=fakes.CATALOG)
        return Result((code, *capsys.readouterr()))

    return call


@pytest.fixture
def run(sharptune):
    """`sharptune run` in this process."""
    return lambda *arguments: sharptune("run", "chains.yaml", "--runner", "local", *arguments)


def planned(path: Path) -> list:
    return list(expand(load_experiment(path), fakes.CATALOG).trials)


def states(result: Result) -> dict[str, str]:
    return {trial["id"]: trial["state"] for trial in result.json["trials"]}


def rows(storage: str = "runs") -> dict:
    """What must be identical between two ways of getting there."""
    return {
        trial_id: (row.config, row.state, row.metrics, row.artifacts, row.files["predictions.npz"]["sha256"])
        for trial_id, row in Ledger(open_storage(storage)).rows().items()
    }


def job(trial, storage: str = "runs", driver: str = "another") -> Job:
    return Job(
        spec=trial.spec,
        trainable=fakes.CHAIN,
        storage=str(Path(storage).absolute()),
        driver=driver,
        driver_process=Process.current(),
    )


def test_a_run_ends_with_all_done_and_its_table(run):
    result = run()

    assert (result.code, result.err) == (0, "")
    assert "chains: all 6 trials are done" in result.out
    assert "n=2" in result.out


def test_a_second_run_runs_nothing_and_prints_the_same_table(run):
    first, before = run(), rows()
    second = run()

    assert second.code == 0
    assert second.out.startswith("chains: all 6 trials are done")
    assert "starts" not in second.out
    assert second.out.split("\n\n")[1:] == first.out.split("\n\n")[1:]
    assert rows() == before


def test_when_all_is_done_neither_ray_nor_torch_is_loaded(run):
    run()
    code = (
        "import sys, fakes, orchestrator.cli as c; code = c.invoke(['run', 'chains.yaml'], catalog=fakes.CATALOG);"
        "print(code, {'ray', 'torch'} & set(sys.modules))"
    )

    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout.splitlines()[-1] == "0 set()"
    assert time.monotonic() - started < 10


def test_plan_names_every_trial_and_runs_nothing(sharptune):
    result = sharptune("plan", "chains.yaml")

    assert result.code == 0
    assert result.out.count("never started") == 6
    assert "root: 2 trials, each on 1 CPU" in result.out
    assert not Path("runs").exists()


def test_plan_as_json_is_what_the_design_promises(sharptune, chains):
    data = sharptune("plan", "chains.yaml", "--json").json

    assert set(data) == {"experiment", "trials", "counts"}
    assert data["counts"] == {"done": 0, "running": 0, "resumable": 0, "new": 6, "failed": 0, "blocked": 0}
    promised = {"id", "stage", "label", "parents", "config", "resources", "state", "reason"}
    assert promised <= set(data["trials"][0])
    roots = [trial["id"] for trial in data["trials"] if trial["stage"] == "root"]
    assert [t["parents"] for t in data["trials"] if t["stage"] == "child"] == [[r] for r in roots for _ in range(2)]
    assert [trial["id"] for trial in data["trials"]] == [trial.trial_id for trial in planned(chains)]
    assert data["trials"][0]["resources"] == {"gpus": 0, "cpus": 1}


def test_plan_says_of_each_trial_why_it_will_run_or_not(sharptune, chains):
    first, second, *children = planned(chains)
    list(execute(job(first), should_stop=lambda: False))
    stops = iter([False, False, False, True, True])
    list(execute(job(second), should_stop=lambda: next(stops)))
    claim = TrialFolder(open_storage("runs"), children[0].trial_id).claims.acquire(
        driver="another", driver_process=Process.current()
    )

    result = sharptune("plan", "chains.yaml", "--json")

    assert states(result) == {
        first.trial_id: "done",
        second.trial_id: "resumable",
        children[0].trial_id: "running",
        **{child.trial_id: "new" for child in children[1:]},
    }
    reasons = {trial["id"]: trial["reason"] for trial in result.json["trials"]}
    assert reasons[second.trial_id] == "interrupted after epoch 1"
    assert f"process {claim.worker_process.pid}" in reasons[children[0].trial_id]


def test_a_failed_trial_is_named_and_what_needs_it_is_blocked(sharptune, run):
    result = run("--set", "stages.root.config.nan_at=2")
    failed = [line.split()[1] for line in result.out.splitlines() if line.startswith("failed: ")]

    assert result.code == 1
    assert len(failed) == 2
    assert "chains: 6 trials; 2 failed, 4 blocked" in result.out
    assert "loss is nan in epoch 2, step 1" in result.out

    status = sharptune("status", "chains.yaml", "--set", "stages.root.config.nan_at=2")
    assert status.code == 1
    assert status.out.count(f"blocked    needs trial {failed[0]}, which failed") == 2


def test_a_failed_trial_is_not_run_again_until_retry(sharptune, chains, run, monkeypatch):
    bad = ["--set", "stages.root.config.raise_at=2"]
    run(*bad)
    again = run(*bad)
    assert again.code == 1
    assert "starts" not in again.out

    shown = sharptune("retry", "chains.yaml", *bad)
    assert shown.code == 0
    assert shown.out.count("will run again; its failed row is kept as row.json.failed-1") == 2

    monkeypatch.setattr(fakes.ChainRun, "_misbehave", lambda self: None)  # the world is well again
    fixed = run(*bad)
    assert fixed.code == 0
    assert "chains: all 6 trials are done" in fixed.out
    assert "resumes after epoch 1, step 0" in fixed.out


def test_retry_takes_the_beginning_of_an_id(sharptune, run):
    run("--set", "stages.root.config.raise_at=1")
    failed = next(trial for trial, row in Ledger(open_storage("runs")).rows().items() if row.state == "failed")

    result = sharptune("retry", failed[:6])

    assert (result.code, result.out.split()[0]) == (0, failed)


def test_logs_show_what_happened(sharptune, chains, run):
    run()
    trial = planned(chains)[0].trial_id

    result = sharptune("logs", trial[:8])

    assert result.code == 0
    assert "epoch 1: error=" in result.out
    assert "done: error=" in result.out.splitlines()[-1]
    assert sharptune("logs", trial, "--follow").out == result.out


def test_growing_the_experiment_runs_only_what_is_new(chains, run):
    run()
    before = rows()
    chains.write_text(CHAINS.replace("width: [1, 2]", "width: [1, 2, 3]"))

    result = run()

    assert result.code == 0
    assert "chains: 8 trials; 6 done, 2 new" in result.out
    assert result.out.count("  starts") == 2
    after = rows()
    assert len(after) == 8
    assert {trial: after[trial] for trial in before} == before


def test_two_experiments_share_the_trials_they_have_in_common(chains, sharptune, run):
    run()
    other = chains.with_name("other.yaml")
    other.write_text(CHAINS.replace("experiment: chains", "experiment: other").replace("  root:", "  base:", 1))
    text = other.read_text().replace("needs: root", "needs: base").replace("${root.", "${base.")
    other.write_text(text.replace("width: [1, 2]", "width: [2, 4]"))

    result = sharptune("run", "other.yaml", "--runner", "local")

    assert "other: 6 trials; 4 done, 2 new" in result.out
    assert result.out.count("  starts") == 2
    assert len(rows()) == 8


def test_the_status_of_a_storage_needs_no_experiment(sharptune, run):
    assert "runs: 0 trials" in sharptune("status").out
    run()

    result = sharptune("status", "--json")

    assert result.code == 0
    assert result.json["counts"]["done"] == len(result.json["trials"]) == 6
    assert {"id", "state", "reason", "trainable"} <= set(result.json["trials"][0])
    assert sharptune("status", "chains.yaml", "--json").json == sharptune("plan", "chains.yaml", "--json").json


def test_run_as_json_prints_json_only(run):
    result = run("--json")

    assert result.json["counts"]["done"] == 6
    assert "done" in result.err


def test_a_dry_run_leaves_no_trace(run):
    result = run("--dry-run")

    assert result.code == 0
    assert result.out.count("would run") == 6
    assert not Path("runs").exists()


def test_a_table_as_json_has_numbers_and_the_trials_behind_them(sharptune, run):
    run()
    data = sharptune("table", "chains.yaml", "widths", "--format", "json").json
    cell = data["rows"][0]["cells"]["error"]

    assert {"median", "low", "high", "n", "trials"} <= set(cell)
    assert cell["n"] == len(cell["trials"]) == 2
    found = sorted(rows()[trial][2]["error"] for trial in cell["trials"])
    assert (cell["low"], cell["high"]) == (found[0], found[1])
    assert cell["median"] == pytest.approx(sum(found) / 2)
    assert sharptune("table", "chains.yaml", "--json").json == data


def test_several_tables_are_one_json_document(sharptune, chains):
    chains.write_text(CHAINS + "  - {name: again, stage: root, rows: [], columns: [error]}\n")

    assert [table["name"] for table in sharptune("table", "chains.yaml", "--json").json] == ["widths", "again"]


@pytest.mark.parametrize("form", ["text", "markdown", "latex", "csv", "json"])
def test_a_table_has_every_format_also_before_anything_ran(sharptune, form):
    result = sharptune("table", "chains.yaml", "--format", form)

    assert (result.code, result.err) == (0, "")
    assert "error_best" in result.out.replace("\\_", "_")


def test_a_number_can_be_walked_back_to_its_runs(sharptune, run):
    run()
    cell = sharptune("table", "chains.yaml", "--json").json["rows"][1]["cells"]["error"]

    result = sharptune("table", "chains.yaml", "--explain")
    block = next(b for b in result.out.split("\n\n") if b.startswith(f"width=2  error  median {cell['median']:.6g}"))

    assert len(block.splitlines()) == 3
    for trial in cell["trials"]:
        line = next(line for line in block.splitlines() if trial in line)
        assert f"{cell['values'][trial]:.10g}" in line
        assert "seed 0" in line
        folder = Path(line.split()[-1])
        assert (folder.name, json.loads((folder / "row.json").read_text())["trial_id"]) == (trial, trial)


def test_a_missing_run_is_explained_too(sharptune):
    assert sharptune("table", "chains.yaml", "--explain").out.count("missing: it has no row yet") == 8


def test_a_table_fits_the_terminal(sharptune, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")

    assert max(map(len, sharptune("table", "chains.yaml").out.splitlines())) <= 40


def test_cost_as_json_has_the_four_numbers(sharptune):
    result = sharptune("cost", "DARTS_V2", "--json")

    assert result.code == 0
    assert list(result.json) == ["params", "params_with_auxiliary", "macs", "addmult"]
    assert result.json["params"] == 3_529_270
    assert result.json["macs"] < result.json["addmult"]


def test_what_is_known_of_datasets_as_json(sharptune):
    data = sharptune("data", "show", "--json").json

    assert {entry["name"]: (entry["train_images"], entry["test_images"]) for entry in data} == {
        "cifar10": (50_000, 10_000),
        "cifar10-mini": (2_000, 1_000),
    }
    assert all(isinstance(entry["present"], bool) and set(entry["sha256"]) == {"train", "test"} for entry in data)


def test_the_doctor_finds_this_machine_well(sharptune):
    checks = sharptune("doctor", "--json").json

    assert all(set(check) == {"check", "ok", "found"} for check in checks)
    assert {"sharptune", "versions", "processor", "device", "storage", "disk", "data"} == {c["check"] for c in checks}


def test_the_doctor_finds_a_storage_that_cannot_be(sharptune, chains):
    result = sharptune("doctor", "--storage", "chains.yaml")

    assert result.code == 1
    assert "FAIL  storage" in result.out


MISTAKES = {
    "an experiment there is not": (["plan", "quickstrat"], "did you mean 'quickstart'?"),
    "a file there is not": (["run", "nowhere.yaml"], "unknown experiment or file 'nowhere.yaml'"),
    "a folder": (["plan", "."], "is a folder"),
    "a set of a key there is not": (
        ["plan", "chains.yaml", "--set", "stages.root.config.epoch=1"],
        "--set stages.root.config.epoch=1",
    ),
    "a set of a stage there is not": (["plan", "chains.yaml", "--set", "stages.rot.config.epochs=1"], "'root'"),
    "a set without a value": (["plan", "chains.yaml", "--set", "foo"], "must look like"),
    "a set of the wrong type": (["run", "chains.yaml", "--set", "stages.root.config.epochs=x"], "read 'x'"),
    "a set beside no experiment": (["status", "--set", "a=1"], "--set goes with"),
    "a table there is not": (["table", "chains.yaml", "width"], "did you mean 'widths'?"),
    "a format there is not": (["table", "chains.yaml", "--format", "html"], "'html' is not one of"),
    "explained JSON": (["table", "chains.yaml", "--explain", "--json"], "--explain is text"),
    "a trial there is not": (["logs", "abc"], "there is no trial 'abc'"),
    "nothing to retry": (["retry", "abc"], "no trial in"),
    "a storage that is a file": (["plan", "chains.yaml", "--storage", "chains.yaml"], "is a file"),
    "a run into a file": (["run", "chains.yaml", "--storage", "chains.yaml"], "is a file"),
    "a run below a file": (["run", "chains.yaml", "--storage", "chains.yaml/runs"], "chains.yaml is a file"),
    "a status of a file": (["status", "--storage", "chains.yaml"], "is a file"),
    "a scheme there is not": (["plan", "chains.yaml", "--storage", "ftp://x/y"], "unknown scheme 'ftp'"),
    "a dataset there is not": (["data", "show", "cifar11"], "did you mean 'cifar10'?"),
    "a dataset to fetch there is not": (["data", "fetch", "cifar11"], "did you mean 'cifar10'?"),
    "a genotype there is not": (["cost", "DARTS_V3"], "did you mean 'DARTS_V2'?"),
    "an address for the local runner": (["run", "chains.yaml", "--runner", "local", "--address", "x:1"], "--runner"),
    "a command there is not": (["plna"], "No such command"),
    "an option there is not": (["plan", "chains.yaml", "--jsn"], "No such option"),
    "a large grid": (["plan", "chains.yaml", "--max-trials", "5"], "--max-trials"),
}


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_gets_a_sentence_and_exit_code_2(sharptune, arguments, sentence):
    result = sharptune(*arguments)

    assert result.code == 2
    assert sentence in result.err
    assert "Traceback" not in result.err
    assert result.out == ""


def test_all_mistakes_of_a_file_are_told_at_once_each_with_its_line(sharptune, chains):
    text = CHAINS.replace("trainable: chain", "trainable: chian", 1).replace("needs: root", "needs: roots")
    chains.write_text(text.replace("width: [1, 2]", "widht: []"))

    result = sharptune("run", "chains.yaml")
    places = {line.split(": ")[1] for line in result.err.splitlines()}

    assert result.code == 2
    assert places >= {"chains.yaml:4", "chains.yaml:9", "chains.yaml:11"}
    assert all(line.startswith("error: chains.yaml:") for line in result.err.splitlines())


def test_broken_yaml_is_a_mistake_like_any_other(sharptune, chains):
    chains.write_text("experiment: [\n")

    result = sharptune("plan", "chains.yaml")

    assert result.code == 2
    assert result.err.startswith("error: chains.yaml:")


def test_a_folder_that_is_not_ours_to_write_is_said_before_anything_runs(run, monkeypatch):
    def refuse(self, path, data, *, durable=True):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("trainables.storage.LocalStorage.write", refuse)

    result = run()

    assert result.code == 2
    assert "runs cannot be written: Permission denied" in result.err
    assert "starts" not in result.out


def test_a_full_disk_is_no_mistake_of_the_person(sharptune, run, monkeypatch):
    def full(self, path, data, *, durable=True):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("trainables.storage.LocalStorage.write", full)

    result = run()

    assert result.code == 1
    assert "No space left on device" in result.err


def test_data_that_is_not_here_is_said_before_anything_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "empty"))
    code = invoke(["run", "cifar10_short", "--storage", str(tmp_path / "runs")])
    err = capsys.readouterr().err

    assert code == 2
    assert "sharptune data fetch cifar10" in err
    assert not list(tmp_path.glob("runs/trials/*"))


def test_a_folder_of_images_is_a_dataset_like_any_other(chains, capsys):
    """What must be on this machine is known by its pixels, not by the path that the file has."""
    images = Path(str(resources.files("trainables.data") / "cifar10_mini"))
    small = "train_images: 20, epochs: 1, warmup_epochs: 0, batch_size: 10, channels: 4, layers: 3"
    chains.write_text(
        f"experiment: own\nstages: {{search: {{trainable: search, config: {{dataset: {images}, {small}}}}}}}\n"
    )

    code = invoke(["run", "chains.yaml", "--runner", "local"])

    assert (code, capsys.readouterr().err) == (0, "")
    (row,) = Ledger(open_storage("runs")).rows().values()
    assert row.config["dataset"] == "cifar10-mini"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_and_goes_on_to_the_same_rows(sharptune, run, number):
    slow = ["--set", "stages.root.config.seconds=0.02", "--set", "stages.child.config.seconds=0.02"]
    command = [sys.executable, str(FAKE_SHARPTUNE), "run", "chains.yaml", "--runner", "local", *slow]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "epoch 1" in line:
            break
    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "The same command goes on from here." in out
    assert "Stopping" in err
    assert "Traceback" not in err

    again = run(*slow)
    assert again.code == 0
    assert "resumes after" in again.out
    run("--storage", "undisturbed", *slow)
    assert rows("undisturbed") == rows()


def test_the_installed_command_and_the_module_are_the_same(chains):
    for command in (["sharptune"], [sys.executable, "-m", "orchestrator"]):
        command[0] = str(Path(sys.executable).with_name("sharptune")) if command[0] == "sharptune" else command[0]
        done = subprocess.run([*command, "plan", "nowhere"], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: unknown experiment")
