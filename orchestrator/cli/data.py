"""The command `data`: which datasets there are, and fetching them."""

from collections.abc import Iterator
from pathlib import Path

import click

from orchestrator.cli.options import json_option
from orchestrator.cli.output import say, say_json
from trainables.data.catalog import DATASETS, EMBEDDED, EVALUATION_SETS, DatasetInfo, EvaluationSet, cache_root
from trainables.data.datasets import describe, resolve
from trainables.trial import JSON


@click.group()
def data() -> None:
    """Datasets: what there is, and fetching them."""


@data.command()
@click.argument("name", required=False)
@json_option
def show(name: str | None, as_json: bool) -> None:
    """Show the datasets, or the one called NAME, and whether they are on this machine."""
    from trainables.data.cache import present

    names = [resolve(name, base=Path.cwd())] if name else sorted([*DATASETS, *EVALUATION_SETS])
    sets = [(EVALUATION_SETS.get(n) or describe(n), present(n)) for n in names]
    if as_json:
        say_json([_dataset_json(info, here) for info, here in sets])
        return
    for n, (info, here) in zip(names, sets, strict=True):
        say(f"{n}: {info.title}")
        for line in (
            _evaluation_set_lines(info, here) if isinstance(info, EvaluationSet) else _dataset_lines(info, here)
        ):
            say(f"  {line}")
    say(f"cache: {cache_root()}")


@data.command()
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take the dataset from here: CIFAR-10 as cifar-10-batches-py, Parquet files, or one folder per class; "
    "CIFAR-100 as cifar-100-python; ImageNet as Parquet files or one folder per class; CIFAR-10.1 as its official .npy "
    "files.",
)
@json_option
def fetch(name: str, folder: Path | None, as_json: bool) -> None:
    """Fetch dataset NAME into this machine's cache, or import the folder NAME; the pixels are checked."""
    from trainables.data import sources

    def tell(message: str) -> None:
        say(message, err=True)

    if folder is None:
        fetched = sources.fetch(name, base=Path.cwd(), progress=tell)
    elif name in (known := [*(name for name in DATASETS if name not in EMBEDDED), *EVALUATION_SETS]):
        fetched = sources.fetch_folder(name, folder, progress=tell)
    else:
        goes = ", ".join(known)
        raise click.UsageError(f"--folder goes with {goes}; to import another folder, name it instead of a dataset")
    if as_json:
        say_json({"dataset": fetched.identity, "source": fetched.source}, indent=None)
    else:
        say(f"{fetched.identity} is on this machine, from {fetched.source}")


def _dataset_json(info: DatasetInfo | EvaluationSet, here: bool) -> dict[str, JSON]:
    if isinstance(info, EvaluationSet):
        counts = {"train_images": 0, "test_images": info.images}
        files = dict(zip(info.files, info.sha256, strict=True))
        return {"name": info.name, "title": info.title, "of": info.of, **counts, "sha256": files, "present": here}
    counts = {"train_images": info.train_images, "test_images": info.test_images}
    return {**info.to_json(), **counts, "present": here}


def _dataset_lines(info: DatasetInfo, here: bool) -> Iterator[str]:
    files = info.stored == "files"
    size = f"cut to {info.image_size} pixels when they are read" if files else f"{info.image_size} pixels wide"
    yield f"{info.train_images:,} training and {info.test_images:,} test images, {size}"
    if info.sha256:
        what = "files" if files else "pixels"
        yield f"sha256 of the {what}: train {info.sha256['train'][:12]}…, test {info.sha256['test'][:12]}…"
    yield "on this machine" if here else "not on this machine yet"


def _evaluation_set_lines(info: EvaluationSet, here: bool) -> Iterator[str]:
    yield f"{info.images:,} test images, for networks trained on {info.of}"
    yield f"sha256 of its files: pixels {info.sha256[0][:12]}…, labels {info.sha256[1][:12]}…"
    yield "on this machine" if here else f"not on this machine yet: {info.remedy}"
