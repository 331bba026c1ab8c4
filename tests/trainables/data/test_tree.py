"""Folders as they lie on disks: links, what systems leave behind, what cannot be read, names of any bytes."""

import os
import shutil
from pathlib import Path

import pytest
from tiny_folders import class_folders, ppm

from trainables.data import folders
from trainables.data.cache import read_info
from trainables.data.folders import import_folder
from trainables.errors import DataError


@pytest.fixture(autouse=True)
def settled(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own cache, in which every folder is remembered at once."""
    monkeypatch.setattr(folders, "_SETTLED_SECONDS", -60.0)
    return cache


def linked(folder: Path, target: Path) -> Path:
    """A folder whose splits are links to another's."""
    folder.mkdir()
    for split in ("train", "test"):
        (folder / split).symlink_to(target / split)
    return folder


def add_image(folder: Path, *, seed: int = 90) -> None:
    (folder / "train" / "cat" / "9.ppm").write_bytes(ppm(seed))
    (folder / "train" / "dog" / "9.ppm").write_bytes(ppm(seed + 1))


def test_folders_of_links_are_told_apart(tmp_path: Path):
    first, second = class_folders(tmp_path / "first"), class_folders(tmp_path / "second")
    add_image(second)
    (tmp_path / "unmounted").mkdir()

    identities = [import_folder(linked(tmp_path / f"links-{place.name}", place)) for place in (first, second)]

    assert identities == [import_folder(first), import_folder(second)]
    assert identities[0] != identities[1]
    with pytest.raises(DataError, match="unmounted holds no dataset"):
        import_folder(tmp_path / "unmounted")


def test_a_change_behind_a_link_is_seen(tmp_path: Path):
    first = class_folders(tmp_path / "first")
    folder = linked(tmp_path / "links", first)
    before = import_folder(folder)

    add_image(first)
    after = import_folder(folder)

    assert len({before, after}) == 2
    shutil.copytree(first, tmp_path / "second")
    add_image(tmp_path / "second", seed=95)
    (folder / "train").unlink()
    (folder / "train").symlink_to(tmp_path / "second" / "train")
    assert import_folder(folder) not in {before, after}


def test_a_class_without_images_is_seen_also_in_a_folder_that_was_read_before(tmp_path: Path):
    folder = class_folders(tmp_path / "folder")
    import_folder(folder)

    for split in ("train", "test"):
        (folder / split / "emu").mkdir()

    with pytest.raises(DataError, match=r"class 'emu' of .* has no training image"):
        import_folder(folder)


def test_images_behind_links_count(tmp_path: Path):
    plain = class_folders(tmp_path / "plain")
    folder = class_folders(tmp_path / "folder")
    (folder / "train" / "cat" / "more").rename(tmp_path / "elsewhere")
    (folder / "train" / "cat" / "more").symlink_to(tmp_path / "elsewhere")
    (folder / "train" / "dog").rename(tmp_path / "dogs")
    (folder / "train" / "dog").symlink_to(tmp_path / "dogs")

    assert import_folder(folder) == import_folder(plain)


@pytest.mark.parametrize("varied", [False, True])
@pytest.mark.parametrize(
    "leftover",
    [
        "train/.ipynb_checkpoints/0-checkpoint.ppm",
        "train/cat/._0.PPM",
        "train/cat/.ipynb_checkpoints/0.ppm",
        "train/__MACOSX/cat/0.ppm",
        "test/.cache/0.ppm",
        ".ipynb_checkpoints/train-00000-of-00001.parquet",
        "train/cat/.DS_Store",
        "train/cat/Thumbs.db",
        "train/desktop.ini",
    ],
)
def test_what_a_system_leaves_behind_is_no_data(tmp_path: Path, leftover: str, varied: bool):
    folder = class_folders(tmp_path / "folder", varied=varied)
    clean = import_folder(folder)

    (folder / leftover).parent.mkdir(parents=True, exist_ok=True)
    (folder / leftover).write_bytes(ppm(3) if leftover.endswith("ppm") else b"\0\1")

    assert import_folder(folder) == clean
    assert read_info(clean).class_names == ("cat", "dog")


def broken_link_to_an_image(folder: Path) -> None:
    (folder / "train" / "cat" / "5.png").symlink_to("/nowhere/5.png")


def broken_link_to_a_class(folder: Path) -> None:
    (folder / "train" / "emu").symlink_to("/nowhere/emu")


def circle(folder: Path) -> None:
    (folder / "train" / "cat" / "again").symlink_to(folder / "train")


def pointer(folder: Path) -> None:
    (folder / "test" / "dog" / "0.PPM").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")


@pytest.mark.parametrize("varied", [False, True])
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            broken_link_to_an_image,
            r"5.png is a link to /nowhere/5.png, which cannot be read \(No such file .*; mount or",
        ),
        (broken_link_to_a_class, "train/emu is a link to /nowhere/emu, which cannot be read"),
        (circle, "train/cat/again is a link to .*/train, in which it lies itself; remove the link"),
        (pointer, "dog/0.PPM is a Git LFS pointer, not the file itself; in its repository run: git lfs pull"),
    ],
)
def test_what_leads_nowhere_is_one_sentence(tmp_path: Path, spoil, sentence: str, varied: bool):
    folder = class_folders(tmp_path / "folder", varied=varied)
    spoil(folder)

    with pytest.raises(DataError, match=sentence) as error:
        import_folder(folder)

    assert "\n" not in str(error.value)


@pytest.mark.parametrize("varied", [False, True])
def test_a_folder_that_may_not_be_read_is_not_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, varied: bool):
    folder = class_folders(tmp_path / "folder", varied=varied)
    closed = str(folder / "train" / "cat" / "more")
    scandir = os.scandir

    def refuse(place):
        if os.fspath(place) == closed:
            raise PermissionError(13, "Permission denied", closed)
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refuse)

    with pytest.raises(
        DataError, match="cat/more cannot be read: Permission denied; make it readable, or move it away"
    ):
        import_folder(folder)


LATIN = os.fsdecode(b"caf\xe9")


def test_images_under_any_name_are_read_where_nothing_holds_on_to_the_name(tmp_path: Path):
    folder = class_folders(tmp_path / "folder")
    identity = import_folder(folder)
    (folder / "train" / "cat" / "0.PPM").rename(folder / "train" / "cat" / f"0{LATIN}.PPM")

    assert import_folder(folder) == identity


def latin_image(folder: Path) -> None:
    (folder / "train" / "cat" / "0.PPM").rename(folder / "train" / "cat" / f"{LATIN}.PPM")


def latin_class(folder: Path) -> None:
    for split in ("train", "test"):
        (folder / split / "cat").rename(folder / split / LATIN)


@pytest.mark.parametrize("spoil", [latin_image, latin_class])
def test_a_name_that_cannot_be_written_down_is_one_sentence(tmp_path: Path, spoil):
    folder = class_folders(tmp_path / "folder", varied=True)
    spoil(folder)

    with pytest.raises(DataError, match=r"the name of b'.*caf\\xe9.*' is not UTF-8; rename it"):
        import_folder(folder)


def test_so_is_one_of_a_folder_above_where_the_images_stay_there(tmp_path: Path):
    arrays, files = (class_folders(tmp_path / LATIN / kind, varied=kind == "files") for kind in ("arrays", "files"))

    assert import_folder(arrays) == import_folder(class_folders(tmp_path / "plain"))
    with pytest.raises(DataError, match="is not UTF-8; rename it"):
        import_folder(files)
    (tmp_path / "link").symlink_to(files)
    with pytest.raises(DataError, match="is not UTF-8; rename it"):
        import_folder(tmp_path / "link")


def test_a_folder_of_any_name_is_shown(tmp_path: Path, sharptune):
    class_folders(tmp_path / LATIN)

    assert "caf\ufffd" in sharptune("data", "show", tmp_path / LATIN).out


def test_a_link_to_the_whole_folder_is_followed(tmp_path: Path):
    folder = class_folders(tmp_path / "folder")
    (tmp_path / "link").symlink_to(folder)

    assert import_folder(tmp_path / "link") == import_folder(folder)


def test_an_empty_image_says_so(tmp_path: Path):
    folder = class_folders(tmp_path / "folder")
    (folder / "test" / "dog" / "0.PPM").write_bytes(b"")

    with pytest.raises(DataError, match=r"dog/0.PPM is no image that can be read: it is empty"):
        import_folder(folder)
