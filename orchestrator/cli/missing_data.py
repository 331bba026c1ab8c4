"""What of a plan's data is not on this machine: no mistake, as it may be fetched before the run, or lie elsewhere."""

from collections.abc import Iterator, Mapping

from orchestrator.forecast.outlook import RUNNABLE
from orchestrator.ledger import TrialState
from orchestrator.planning.plan import Plan, PlannedTrial
from trainables.data.catalog import HELD_OUT
from trainables.data.datasets import why_missing


def dataset_of(trial: PlannedTrial) -> str:
    """Return the identity of the dataset a trial reads; "" for one that reads none."""
    return str(trial.effective[trial.stage].get("dataset") or "")


def missing_data(plan: Plan, states: Mapping[str, TrialState]) -> list[str]:
    """Return a sentence for each dataset that trials still to run need, and for each metric that will be missing."""
    todo = [trial for trial in plan.trials if states[trial.trial_id].state in RUNNABLE]
    found: list[str] = []
    for identity in dict.fromkeys(filter(None, map(dataset_of, todo))):
        found += [sentence] if (sentence := why_missing(identity)) else []
        held_out = HELD_OUT.get(identity)
        metrics = [metric for metric in _asked(plan) if held_out and metric.startswith(f"{held_out}_error")]
        if held_out and metrics and (sentence := why_missing(held_out)):
            found.append(f"{', '.join(dict.fromkeys(metrics))} will not be measured: {sentence}")
    return found


def _asked(plan: Plan) -> Iterator[str]:
    """Yield what the tables show, and what decides which of several is the best."""
    for table in plan.tables:
        yield from (column.metric.rpartition(".")[2] for column in table.columns)
    for trial in plan.trials:
        for value in trial.spec.config.values():
            if isinstance(value, Mapping) and isinstance(parent := value.get("parent"), Mapping):
                yield str(parent.get("best"))
