"""Done trials that new ones nearly are: the same but for one setting, or for the version of their kind."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

from orchestrator.ledger import Ledger, TrialState
from orchestrator.planning.plan import Plan, PlannedTrial
from trainables.trial import JSON, TrialRow, TrialSpec, canonical_json

MOST_READ = 300
"""Of more trials in the storage that are not of the plan only those are looked at that the index has."""
MOST_OPENED = 2000
"""Of more done trials of the same parents, nobody looks: their rows would have to be unpacked."""
VERSION = "version"


@dataclass(frozen=True, kw_only=True, slots=True)
class Near:
    """How many done trials the new ones of a stage nearly are."""

    stage: str
    differ_in: str
    """The setting, or `version`."""
    done: int

    def to_json(self) -> dict[str, JSON]:
        return asdict(self)

    def __str__(self) -> str:
        trials = "1 done trial differs" if self.done == 1 else f"{self.done} done trials differ"
        return f"{self.stage}: {trials} from new ones only in {self.differ_in}"


def near(plan: Plan, states: Mapping[str, TrialState], ledger: Ledger) -> list[Near]:
    """Return what explains why trials of a plan are new; nothing where none is, or where that takes much reading.

    Trials of other parents, or of another seed, are not compared.
    """
    new = [trial for trial in plan.trials if states[trial.trial_id].state == "new"]
    without: dict[object, set[tuple[str, str]]] = defaultdict(set)
    for row in _others(new, states, ledger) if new else ():
        for what, key in _less_one(row.spec):
            without[what].add((key, row.trial_id))
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for trial in new:
        for what, key in _less_one(trial.spec):
            for other, trial_id in without.get(what, ()):
                if other == key or "" in (other, key):  # which of the two has its default is not written
                    found[trial.stage, key or other].add(trial_id)
    return [Near(stage=stage, differ_in=key, done=len(ids)) for (stage, key), ids in sorted(found.items())]


def _others(new: Iterable[PlannedTrial], states: Mapping[str, TrialState], ledger: Ledger) -> Collection[TrialRow]:
    """Return done rows of trials that are not of the plan, among them all that were found of the same parents."""
    others = [trial_id for trial_id in ledger.ids() if trial_id not in states]
    if len(others) <= MOST_READ:
        return [row for row in ledger.rows(others).values() if row.state == "done"]
    families = {frozenset(trial.parents) for trial in new}
    rows = [row for row in ledger.indexed(others).values() if frozenset(row.parents) in families]
    return rows if len(rows) <= MOST_OPENED else ()


def _less_one(spec: TrialSpec) -> Iterator[tuple[object, str]]:
    """Yield what a trial is without each of its settings, with that one's name; and all of it, with none."""
    kind = (spec.trainable, spec.seed, spec.parents)
    settings = frozenset(_settings(spec))
    yield (kind, settings), ""
    for setting in settings:
        yield (kind, settings - {setting}), setting[0]


def _settings(spec: TrialSpec) -> Iterable[tuple[str, str]]:
    yield VERSION, str(spec.version)
    for key, value in spec.config.items():
        yield key, canonical_json(value)
