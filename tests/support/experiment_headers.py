"""What the header of an experiment file says of its protocol, held against what its trials would do.

A header has a paragraph of one entry for each stage, or for each part of one, which a label of the grid names:

    # Protocol:
    #   search: 60 epochs, no warm-up, batch 64, learning rate 0.025 to 0.001, p = 1, no Cutout, no AutoAugment
    #   found, published (plain): 1,000 epochs, 5 of warm-up, batch 64, learning rate 0.025 to 1e-8, p = 1, 2 or 10,
    #     Cutout 16, no AutoAugment
    #   control: random architectures

Lists of values multiply; several entries for the same trials add up. All the rest of a header is prose.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.planning.plan import Plan

NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?(?:e-\d+)?"
VALUES = rf"{NUMBER}(?:(?:, | or | and ){NUMBER})*"

ENTRY = re.compile(r"(?P<stages>\w+(?:, \w+)*)(?: \((?P<label>[^:]+)\))?: (?P<said>.*)")
SAID = re.compile(
    rf"(?P<epochs>{VALUES}) epochs?, (?:no|(?P<warmup_epochs>{VALUES}) of) warm-up, batch (?P<batch_size>{VALUES}), "
    rf"learning rate (?P<learning_rate>{VALUES}) to (?P<learning_rate_min>{VALUES}), p = (?P<p>{VALUES}), "
    rf"(?:no Cutout|Cutout (?P<cutout>{VALUES})), (?:no AutoAugment|(?P<autoaugment>AutoAugment))"
)
FIELDS = tuple(SAID.groupindex)
RANDOM = "random architectures"
"""What is said of searches that search nothing, and so read none of the fields."""
Settings = tuple[float, ...] | str
"""A value for each of FIELDS, or RANDOM."""

QUOTING = ("Reproduces:", "Differs:", "Cost:", "Published:")
"""Beginnings of paragraphs that may speak of other protocols than the file's own."""
MENTIONS = {
    "epochs": rf"({VALUES}) epochs",
    "warmup_epochs": rf"({VALUES}) of warm-up",
    "batch_size": rf"\bbatch(?: of)? ({VALUES})",
    "learning_rate": rf"\blearning rate ({VALUES})",
    "p": rf"\bp = ({VALUES})",
    "cutout": rf"\bCutout(?: of)? ({VALUES})",
    "drop_path": rf"\bdrop path ({VALUES})",
    "weight_decay": rf"\bweight decay ({VALUES})",
    "channels": rf"({VALUES}) channels",
    "layers": rf"({VALUES}) cells",
}
"""How prose speaks of a field's value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One entry of a protocol: which trials it is about, and what it says of them."""

    stages: tuple[str, ...]
    label: str | None
    said: str

    def settings(self) -> set[Settings] | None:
        """Return all combinations that it names; None where it cannot be read."""
        if self.said == RANDOM:
            return {RANDOM}
        match = SAID.fullmatch(self.said)
        if match is None:
            return None
        return set(itertools.product(*(_values(match[field]) for field in FIELDS)))


def paragraphs_of(text: str) -> list[str]:
    """Return the paragraphs of the comment that a file begins with, lines and their indentation kept."""
    comment = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in comment).split("\n\n")


def protocol_of(text: str) -> list[str]:
    """Return the entries of a file's protocol, each on one line."""
    for paragraph in paragraphs_of(text):
        title, *entries = re.split(r"\n  (?! )", paragraph)
        if title == "Protocol:":
            return [" ".join(entry.split()) for entry in entries]
    return []


def mistakes_in(text: str, plan: Plan) -> list[str]:
    """Return what the protocol of a file says wrongly of its plan, or leaves out."""
    entries: list[Entry] = []
    mistakes: list[str] = []
    for line in protocol_of(text):
        match = ENTRY.fullmatch(line)
        entry = match and Entry(stages=tuple(match["stages"].split(", ")), label=match["label"], said=match["said"])
        if entry is None or entry.settings() is None:
            mistakes.append(f"cannot read {line!r}")
        else:
            entries.append(entry)
    unknown = {stage for entry in entries for stage in entry.stages} - set(plan.stages)
    mistakes += [f"there is no stage {stage}" for stage in sorted(unknown)]
    return [*mistakes, *(mistake for stage in plan.stages for mistake in _mistakes_of(stage, entries, plan))]


def _mistakes_of(stage: str, entries: list[Entry], plan: Plan) -> Iterator[str]:
    said: dict[str | None, set[Settings]] = {}
    for entry in entries:
        if stage in entry.stages:
            said.setdefault(entry.label, set()).update(entry.settings() or ())
    done: dict[str | None, set[Settings]] = {label: set() for label in said}
    trained = [trial for trial in plan.of_stage(stage) if "epochs" in trial.effective[stage]]  # diagnoses have none
    for trial in trained:
        labels = [label for label in said if label and label in trial.values[stage].values()] or [None]
        for label in labels:
            done.setdefault(label, set()).add(_settings_of(trial.effective[stage]))
    for label, settings in done.items():
        where = stage if label is None else f"{stage} ({label})"
        if label not in said:
            yield f"nothing is said of {where}"
        elif not settings:
            yield f"there are no trials of {where}"
        elif settings != said[label]:
            yield f"{where}: {_difference(settings, said[label])}"


def mentions_in(text: str) -> list[tuple[str, float]]:
    """Return (field, value) for all that prose says of a file's own settings, its protocol apart."""
    prose = [" ".join(each.split()) for each in paragraphs_of(text) if not each.startswith(("Protocol:", *QUOTING))]
    return [
        (field, value)
        for field, pattern in MENTIONS.items()
        for paragraph in prose
        for values in re.findall(pattern, paragraph)
        for value in _values(values)
    ]


def _settings_of(config: Mapping[str, Any]) -> Settings:
    return RANDOM if config.get("strategy") == "random" else tuple(float(config[field]) for field in FIELDS)


def _values(written: str | None) -> list[float]:
    """Return the numbers of a list; 0 for what is said not to be there, 1 for what is there without a number."""
    if written is None:
        return [0.0]
    return [float(number.replace(",", "")) for number in re.findall(NUMBER, written)] or [1.0]


def _difference(done: set[Settings], said: set[Settings]) -> str:
    """Return, field by field, which values trials have that differ from those that are said."""
    if (RANDOM in done) != (RANDOM in said):
        return f"{RANDOM} are {'left out' if RANDOM in done else 'not there'}"
    pairs = [(_listed(done, place), _listed(said, place)) for place in range(len(FIELDS))]
    fields = [
        f"{field} is {has} and not {says}" for field, (has, says) in zip(FIELDS, pairs, strict=True) if has != says
    ]
    return "; ".join(fields) or "the values are combined otherwise"


def _listed(settings: set[Settings], place: int) -> str:
    values = {float(each[place]) for each in settings if not isinstance(each, str)}
    return ", ".join(f"{value:g}" for value in sorted(values)) or "nothing"
