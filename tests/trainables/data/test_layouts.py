"""Which files of a folder make its splits: nothing is left out, counted twice, or chosen without a word."""

import shutil
from pathlib import Path

import pytest
from tiny_folders import class_folders, ppm, write_rows

from trainables.data.cache import read_info
from trainables.data.folders import import_folder
from trainables.errors import DataError

pytestmark = pytest.mark.usefixtures("cache")


def shards(folder: Path, *train: str, test: tuple[str, ...] = ("test.parquet",)) -> Path:
    for number, name in enumerate((*train, *test)):
        write_rows(folder / name, [0, 1], seed=10 * number)
    return folder


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        (
            ["train-00000-of-00003.parquet", "train-00002-of-00003.parquet"],
            "folder lacks file 1 of 3 beside train-00000-of-00003.parquet; fetch it again",
        ),
        (["train-00000-of-00003.parquet"], "lacks file 1 of 3"),
        (["data/train-00001-of-00003-0a1b.parquet", "data/train-00003-of-00003-2c3d.parquet"], "lacks file 2 of 3"),
        (["train/0000.parquet", "train/0002.parquet"], "lacks file 1 beside 0000.parquet"),
        (
            ["train-00000-of-00001-aa.parquet", "train-00000-of-00001-bb.parquet"],
            "file 0 twice, as train-00000-of-00001-aa.parquet and train-00000-of-00001-bb.parquet; move one",
        ),
        (["train-00000-of-00001.parquet", "train-00000-of-00001 (1).parquet"], "holds file 0 twice"),
        (
            ["train-00000-of-00001.parquet", "train-00000-of-00002.parquet", "train-00001-of-00002.parquet"],
            "files of two snapshots, train-00000-of-00001.parquet and train-00000-of-00002.parquet; move th",
        ),
        (["train.parquet", "train-00000-of-00001.parquet"], "files of two snapshots"),
        (["train.parquet", "Train.PARQUET"], "holds Train.PARQUET and train.parquet, which may be one file twice"),
        (["train.parquet", "training.parquet"], r"several sets of the same files, train\*.parquet, training\*.parquet"),
    ],
)
def test_parquet_files_that_are_not_all_there_or_too_many_are_refused(tmp_path: Path, train: list[str], sentence: str):
    place = "test-00000-of-00001.parquet"
    place = f"{Path(train[0]).parent}/{place}" if train[0].startswith("data") else place
    folder = shards(tmp_path / "folder", *train, test=(place,))

    with pytest.raises(DataError, match=sentence):
        import_folder(folder)


@pytest.mark.parametrize(
    "train",
    [
        ["train-00001-of-00002.parquet", "train-00002-of-00002.parquet"],
        ["train-00000-of-00002-0a.parquet", "train-00001-of-00002-b1.parquet"],
        ["train_2019.parquet", "train_2021.parquet"],
        ["train-0.PARQUET", "train-1.parquet"],
        ["train_day-00000-of-00001.parquet", "train_night-00000-of-00001.parquet"],
    ],
)
def test_parquet_files_that_are_all_there_are_read(tmp_path: Path, train: list[str]):
    folder = shards(tmp_path / "folder", *train)
    for leftover in ("_SUCCESS", "train-00009-of-00010.parquet.tmp", ".train-00000.parquet.crc", "._train.parquet"):
        (folder / leftover).write_bytes(b"")

    assert read_info(import_folder(folder)).train_images == 4


def test_missing_files_of_a_split_that_is_not_read_do_not_matter(tmp_path: Path):
    folder = shards(tmp_path / "folder", "train.parquet")
    write_rows(folder / "validation-00000-of-00002.parquet", [0, 1])
    write_rows(folder / "dev.parquet", [0, 1])

    assert read_info(import_folder(folder)).test_images == 2


def test_a_folder_may_be_named_from_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    identities = [
        import_folder(shards(tmp_path / "shards", "train.parquet")),
        import_folder(class_folders(tmp_path / "x")),
    ]
    monkeypatch.chdir(tmp_path)

    assert [import_folder(Path("shards")), import_folder(Path("x"))] == identities
    monkeypatch.chdir("x")
    assert import_folder(Path()) == identities[1]


@pytest.mark.parametrize("ending", [".jfif", ".jpe", ".pgm", ".pnm", ".JFIF"])
def test_images_count_under_every_usual_ending(tmp_path: Path, ending: str):
    folder = class_folders(tmp_path / "folder")
    identity = import_folder(folder)
    path = folder / "train" / "cat" / "0.PPM"
    path.rename(path.with_suffix(ending))

    assert import_folder(folder) == identity


@pytest.mark.parametrize(
    ("place", "content", "sentence"),
    [
        ("train/cat/3", ppm(9), "train/cat/3 is a PPM image, but its name does not end like one .*; rename it"),
        ("train/cat/3.jpg_large", ppm(9), "is a PPM image, but its name"),
        (
            "test/dog/more/3.heic",
            b"",
            "3.heic is no image in a format that is read here .*; convert or unpack it, or move",
        ),
        ("train/cat/all.zip", b"PK", "all.zip is no image in a format"),
        ("train/3.ppm", ppm(9), "train/3.ppm lies in no class's folder: put each image of .*/train into a folder that"),
    ],
)
def test_an_image_that_would_be_left_out_is_refused(tmp_path: Path, place: str, content: bytes, sentence: str):
    folder = class_folders(tmp_path / "folder")
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_bytes(content)

    with pytest.raises(DataError, match=sentence):
        import_folder(folder)


@pytest.mark.parametrize("held_out", ["test", "TEST", "Testing", "val", "valid", "Validation", "dev"])
def test_splits_go_by_their_usual_names_in_any_case(tmp_path: Path, held_out: str):
    folder = class_folders(tmp_path / "folder", held_out=held_out)
    (folder / "train").rename(folder / "Training")

    assert import_folder(folder) == import_folder(class_folders(tmp_path / "plain"))


@pytest.mark.parametrize(
    ("held_out", "again", "sentence"),
    [
        ("test", "Test", "holds several sets of test images, in Test, test; move all but one away"),
        ("val", "valid", "holds several sets of validation images, in val, valid"),
        ("test", "Train", "holds several sets of train images, in Train, train"),
    ],
)
def test_two_sets_of_one_split_are_refused(tmp_path: Path, held_out: str, again: str, sentence: str):
    folder = class_folders(tmp_path / "folder", held_out=held_out)
    shutil.copytree(folder / held_out, folder / again)

    with pytest.raises(DataError, match=sentence):
        import_folder(folder)


def test_one_set_under_two_names_is_one(tmp_path: Path):
    folder = class_folders(tmp_path / "folder", held_out="val")
    (folder / "validation").symlink_to(folder / "val")

    assert read_info(import_folder(folder)).test_images == 4


def test_a_folder_in_two_formats_is_refused(tmp_path: Path):
    folder = shards(class_folders(tmp_path / "folder"), "train.parquet")

    with pytest.raises(
        DataError, match=r"holds Parquet files \(test.parquet\) and folders of images \(test\); move one"
    ):
        import_folder(folder)


def test_a_dataset_one_folder_further_down_or_not_unpacked_is_pointed_at(tmp_path: Path):
    class_folders(tmp_path / "pets" / "pets")
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "pets.tar.gz").write_bytes(b"")

    with pytest.raises(DataError, match=r"pets holds no dataset; .*; one may be in .*/pets/pets$"):
        import_folder(tmp_path / "pets")
    with pytest.raises(DataError, match=r"archive holds no dataset; .*; unpack pets.tar.gz first, if that holds it$"):
        import_folder(tmp_path / "archive")


def lacks_a_class(folder: Path) -> None:
    shutil.rmtree(folder / "test" / "dog")


def has_a_class_more(folder: Path) -> None:
    (folder / "test" / "emu").mkdir()
    (folder / "test" / "emu" / "0.ppm").write_bytes(ppm(0))


def spells_a_class_otherwise(folder: Path) -> None:
    (folder / "test" / "dog").rename(folder / "test" / "Dog")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lacks_a_class, "name different classes: only train has dog$"),
        (has_a_class_more, "name different classes: only test has emu$"),
        (spells_a_class_otherwise, r"only train has dog; only test has Dog \(they are spelt differently\)$"),
    ],
)
def test_classes_that_differ_are_named(tmp_path: Path, spoil, sentence: str):
    folder = class_folders(tmp_path / "folder")
    spoil(folder)

    with pytest.raises(DataError, match=sentence):
        import_folder(folder)


@pytest.mark.parametrize("flat", [False, True])
def test_test_images_without_classes_beside_validation_images_say_what_to_do(tmp_path: Path, flat: bool):
    folder = class_folders(tmp_path / "folder", held_out="val")
    place = folder / "test" / ("" if flat else "unknown")
    place.mkdir(parents=True)
    (place / "0.ppm").write_bytes(ppm(0))

    sentence = r"test has no labels: it has none of the classes of .*/train; "
    with pytest.raises(
        DataError, match=f"{sentence}move it out of .*, and the validation images are what is tested on"
    ):
        import_folder(folder)
    shutil.rmtree(folder / "val")
    shutil.copytree(folder / "test", folder / "val")
    with pytest.raises(DataError, match=f"{sentence}networks are tested on labelled images"):
        import_folder(folder)


def test_images_all_in_one_folder_are_not_taken_for_a_class(tmp_path: Path):
    for split in ("train", "test"):
        for number in range(2):
            path = tmp_path / "folder" / split / "images" / f"{number}.ppm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(ppm(number))

    with pytest.raises(DataError, match="folder has a single class, 'images', and networks tell classes apart"):
        import_folder(tmp_path / "folder")


def renamed(folder: Path, *names: str) -> None:
    for split in ("train", "test"):
        for before, name in zip(("cat", "dog"), names, strict=True):
            (folder / split / before).rename(folder / split / name)


def test_the_same_images_under_other_names_of_classes_are_not_mixed_up(tmp_path: Path):
    """An identity holds no names, so that what was trained before stays what it is."""
    identity = import_folder(class_folders(tmp_path / "first"))
    other = class_folders(tmp_path / "second")
    renamed(other, "kitten", "puppy")

    with pytest.raises(DataError, match="calls a class 'kitten' that was 'cat' when the same images were read before"):
        import_folder(other)
    assert read_info(identity).class_names == ("cat", "dog")


def test_names_are_taken_over_where_classes_were_only_counted(tmp_path: Path):
    shutil.copytree(class_folders(tmp_path / "named"), tmp_path / "counted")
    renamed(tmp_path / "counted", "0", "1")

    identity = import_folder(tmp_path / "counted")
    assert read_info(identity).class_names == ("0", "1")
    assert import_folder(tmp_path / "named") == identity == import_folder(tmp_path / "counted")
    assert read_info(identity).class_names == ("cat", "dog")
