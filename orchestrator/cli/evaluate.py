"""The commands for networks that have been trained: export network, evaluate."""

import sys
from pathlib import Path
from typing import Any, Literal, TypeAlias

import click

from orchestrator.cli.options import is_experiment, json_option, open_ledger, storage_option
from orchestrator.cli.output import say, say_json
from orchestrator.errors import LedgerError
from orchestrator.exports.files import write_file
from orchestrator.tables.statistics import clopper_pearson
from trainables.data.datasets import describe as describe_dataset
from trainables.data.datasets import ensure, resolve
from trainables.errors import DataError
from trainables.trial import JSON

CONFIDENCE = 0.95
Which: TypeAlias = Literal["best", "last", "selected"]

# Classes of trainables.exporting, which loads torch and so is only imported inside functions.
Export: TypeAlias = Any
Score: TypeAlias = Any

weights_option = click.option(
    "--weights",
    type=click.Choice(["best", "last", "selected"]),
    default="best",
    show_default=True,
    help="Of a TRIAL: those of the epoch that was best on the test set, of the last one, or of the one that its "
    "validation images selected.",
)


@click.command()
@click.argument("trial")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="TRIAL-WEIGHTS.safetensors.")
@weights_option
@click.option("--check/--no-check", default=True, show_default=True, help="Measure the test error of what was written.")
@storage_option
@json_option
def network(trial: str, output: Path | None, weights: Which, check: bool, storage: str, as_json: bool) -> None:
    """Write the network that TRIAL trained into one file: weights, genotype, settings, and how to scale pixels.

    The test error is then measured once more, from the file, and compared with the trial's row.
    """
    if is_experiment(trial):
        raise click.UsageError(f"{trial} is an experiment; sharptune export rows {trial} exports its trials")
    exported = _of_trial(trial, weights, storage)
    path = output or Path(f"{exported.about['trial']}-{weights}.safetensors")
    data = exported.to_bytes()
    write_file(str(path), data)
    report = _own_test(path) if check else None
    if as_json:
        about = {name: exported.about[name] for name in ("trial", "weights", "epoch")}
        say_json({"file": str(path), **about, "bytes": len(data), "test": report}, indent=None)
        return
    say(f"wrote {path}: {_called(exported)}, {len(data) / 1e6:.1f} MB")
    if report:
        say(_comparison(report))


@click.command()
@click.argument("what", metavar="FILE|TRIAL")
@click.option(
    "--dataset", metavar="NAME|FOLDER", help="By default the test images that the trial itself was tested on."
)
@click.option("--batch-size", type=click.IntRange(1), help="Images at once; by default as in training.")
@weights_option
@storage_option
@json_option
def evaluate(
    what: str, dataset: str | None, batch_size: int | None, weights: Which, storage: str, as_json: bool
) -> None:
    """Measure the errors of an exported FILE, or of the network that TRIAL trained, on the test images of a dataset.

    Intervals are exact binomial ones (Clopper and Pearson) at 95 %.
    """
    from trainables.exporting import matched_by_position, own_test, read_export

    is_file = Path(what).is_file()
    exported = read_export(Path(what)) if is_file else _of_trial(what, weights, storage, files_too=True)
    own, images = own_test(exported.about)
    identity = resolve(dataset, base=Path.cwd()) if dataset else own
    found = _score(exported, identity, images=None if dataset else images, batch_size=batch_size)
    report = _report(exported, identity, found, images=images)
    if matched_by_position(exported, info := describe_dataset(identity)):
        say(f"note: {info.title} or the network only counts its classes; they are taken in order", err=True)
    if as_json:
        say_json(report, indent=None)
        return
    say(f"{what}: {_called(exported)}")
    say(f"{info.title}; {found.images:,} test images, on {found.device}")
    if found.unreadable:
        say(f"  {found.unreadable:,} more cannot be read, and do not count")
    for top in ("top1", "top5"):
        if report[f"{top}_error"] is not None:
            low, high = report[f"{top}_interval"]
            say(f"  top-{top[-1]} error  {report[f'{top}_error']:6.2f} %  [{low:.2f}, {high:.2f}]")
    if report["recorded"] is not None:
        say(f"  {_comparison(report)}")


def _own_test(path: Path) -> dict[str, JSON] | None:
    """Return the report of a file's network on the images that its trial was tested on; None where they are not."""
    from trainables.exporting import own_test, read_export

    exported = read_export(path)
    identity, images = own_test(exported.about)
    try:
        ensure(identity)
    except DataError as error:
        say(f"note: the test error was not measured: {error}", err=True)
        return None
    return _report(exported, identity, _score(exported, identity, images=images), images=images)


def _of_trial(prefix: str, weights: Which, storage: str, *, files_too: bool = False) -> Export:
    """Return the network of the trial whose id begins so. Raises: SharptuneError."""
    from trainables.exporting import export_trial

    try:
        ledger = open_ledger(storage, to_read=True)
        trial_id = ledger.find(prefix)
    except LedgerError as error:
        raise LedgerError(f"{error}; nor is there a file {prefix!r}" if files_too else str(error)) from error
    return export_trial(ledger.folder(trial_id), weights)


def _score(exported: Export, identity: str, *, images: int | None, batch_size: int | None = None) -> Score:
    """Evaluate, with a bar on stderr where somebody is looking."""
    from trainables.exporting import score

    options: dict[str, Any] = {"images": images, **({"batch_size": batch_size} if batch_size else {})}
    if not sys.stderr.isatty():
        return score(exported, identity, **options)
    total = images or describe_dataset(identity).test_images
    with click.progressbar(length=total, label="testing", file=sys.stderr) as bar:
        return score(exported, identity, **options, progress=bar.update)


def _report(exported: Export, identity: str, found: Score, *, images: int | None) -> dict[str, JSON]:
    """Return what `--json` prints; `recorded` is the row's own error, where it was measured on these very images."""
    from trainables.exporting import RECORDED, own_test, recorded_error

    about = exported.about
    same = identity == own_test(about)[0] and found.images + found.unreadable == (
        images or describe_dataset(identity).test_images
    )
    top1, top5 = (_error(wrong, found.images) for wrong in (found.top1_wrong, found.top5_wrong))
    recorded = recorded_error(about) if same else None
    return {
        "trial": about["trial"],
        "weights": about["weights"],
        "dataset": identity,
        "images": found.images,
        "unreadable": found.unreadable,
        "device": found.device,
        "confidence": CONFIDENCE,
        **{f"top1_{name}": value for name, value in top1.items()},
        **{f"top5_{name}": value for name, value in top5.items()},
        "metric": RECORDED[about["weights"]] if same else None,
        "recorded": recorded,
        "equal": top1["error"] == recorded if same else None,
    }


def _error(wrong: int | None, images: int) -> dict[str, JSON]:
    """Return a count of wrong answers, their part in percent, and its interval."""
    if wrong is None:
        return {"wrong": None, "error": None, "interval": None}
    interval = clopper_pearson(wrong, images, confidence=CONFIDENCE)
    return {"wrong": wrong, "error": 100.0 * wrong / images, "interval": [100 * interval.low, 100 * interval.high]}


def _comparison(report: dict[str, JSON]) -> str:
    of_row = f"{report['metric']} of the trial's row"
    if report["equal"]:
        return f"{of_row}: exactly the same, {report['recorded']:.2f} %"
    return (
        f"{of_row}: {report['recorded']:g} %, and here {report['top1_error']:g} %; on other hardware or other "
        "versions an image or two may come out differently, not more"
    )


def _called(exported: Export) -> str:
    about = exported.about
    return f"trial {about['trial']}, {about['weights']} weights, of epoch {about['epoch']}"
