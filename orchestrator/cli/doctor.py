"""The commands about this machine: data, doctor."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from orchestrator.cli.options import json_option, open_ledger, prove_writable, storage_option
from trainables.data.catalog import DATASETS, EMBEDDED, EVALUATION_SETS, DatasetInfo, EvaluationSet, cache_root
from trainables.data.datasets import describe, resolve
from trainables.errors import SharptuneError
from trainables.record import provenance
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
        click.echo(json.dumps([_dataset_json(info, here) for info, here in sets], indent=1))
        return
    for n, (info, here) in zip(names, sets, strict=True):
        click.echo(f"{n}: {info.title}")
        for line in (
            _evaluation_set_lines(info, here) if isinstance(info, EvaluationSet) else _dataset_lines(info, here)
        ):
            click.echo(f"  {line}")
    click.echo(f"cache: {cache_root()}")


@data.command()
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take the dataset from here: CIFAR-10 as cifar-10-batches-py, Parquet files, or one folder per class; "
    "ImageNet as the latter two; CIFAR-10.1 as its official .npy files.",
)
@json_option
def fetch(name: str, folder: Path | None, as_json: bool) -> None:
    """Fetch dataset NAME into this machine's cache, or import the folder NAME; the pixels are checked."""
    from trainables.data import sources

    def say(message: str) -> None:
        click.echo(message, err=True)

    if folder is None:
        fetched = sources.fetch(name, base=Path.cwd(), progress=say)
    elif name in (known := [*(name for name in DATASETS if name not in EMBEDDED), *EVALUATION_SETS]):
        fetched = sources.fetch_folder(name, folder, progress=say)
    else:
        goes = ", ".join(known)
        raise click.UsageError(f"--folder goes with {goes}; to import another folder, name it instead of a dataset")
    if as_json:
        click.echo(json.dumps({"dataset": fetched.identity, "source": fetched.source}))
    else:
        click.echo(f"{fetched.identity} is on this machine, from {fetched.source}")


@click.command()
@storage_option
@json_option
def doctor(storage: str, as_json: bool) -> int:
    """Check this machine: versions, processors, GPUs, storage, disk space, data."""
    checks = list(_checks(storage))
    if as_json:
        click.echo(json.dumps([{"check": name, "ok": ok, "found": found} for name, ok, found in checks], indent=1))
    else:
        for name, ok, found in checks:
            click.echo(f"{'ok  ' if ok else 'FAIL'}  {name:<12} {found}")
    return 0 if all(ok for _, ok, _ in checks) else 1


def _checks(storage: str) -> Iterator[tuple[str, bool, str]]:
    """Yield (what, whether it is well, what was found)."""
    yield "sharptune", True, f"{provenance.commit()} on Python {sys.version.split()[0]}"
    versions = provenance.versions()
    missing = [name for name, version in versions.items() if version == "not installed"]
    yield "versions", not missing, ", ".join(f"{name} {version}" for name, version in versions.items())
    yield "processor", True, f"{provenance.cpu_count()} CPUs, {provenance.processor()}"
    yield _accelerator()
    yield _try_storage(storage)
    free = shutil.disk_usage(_existing(cache_root())).free
    yield "disk", free > 2 * 2**30, f"{free / 2**30:.1f} GiB free where the data cache is ({cache_root()})"
    from trainables.data.cache import present
    from trainables.data.store import remedy

    for name in sorted([*DATASETS, *EVALUATION_SETS]):
        yield "data", True, f"{name} {'is here' if present(name) else f'is not here yet: {remedy(name)}'}"


def _accelerator() -> tuple[str, bool, str]:
    from trainables.loops.devices import describe

    return "device", True, describe()


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


def _try_storage(uri: str) -> tuple[str, bool, str]:
    """Write and delete a small file where the rows go."""
    try:
        storage = open_ledger(uri).storage
        prove_writable(storage)
    except (OSError, SharptuneError) as error:
        return "storage", False, str(error)
    return "storage", True, f"{storage.uri} can be written"


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
