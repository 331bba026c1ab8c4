"""What ran where and when, from the timing and the provenance of rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from orchestrator.document.spec import FigureSpec
from orchestrator.figures.figure import Epochs, Figure, Line
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.tables.grouping import selected
from orchestrator.words import duration
from trainables.trial import JSON, TrialRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One trial, from its first start to its row. Times are seconds since the first of all."""

    trial: str
    label: str
    stage: str
    host: str
    """Where its row was written."""
    lane: int
    """Tells it from those that ran at the same time on the same host, from 0."""
    start: float
    end: float
    state: str
    """done or failed."""
    attempts: int
    hosts: tuple[str, ...]
    """All on which it worked, in their order."""
    worked: float
    """Seconds in which one of its attempts worked; the rest is waiting between them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelinePanel:
    """All spans; hosts in the order in which they were first used."""

    title: str
    began: str
    """The time of second 0, as the rows say it."""
    spans: tuple[Span, ...]

    @property
    def stages(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(span.stage for span in self.spans))

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(span.host for span in self.spans))

    def to_json(self) -> dict[str, JSON]:
        """Return all that is drawn."""
        return {
            "title": self.title,
            "began": self.began,
            "spans": [{**asdict(span), "hosts": list(span.hosts)} for span in self.spans],
        }

    def lines(self) -> Iterator[Line]:
        """Yield each trial."""
        for span in self.spans:
            yield {**asdict(span), "hosts": " ".join(span.hosts), "began": self.began}

    def words(self) -> str:
        """Return how many trials ran on how many hosts, in how long."""
        if not self.spans:
            return "nothing has run yet"
        took = duration(max(span.end for span in self.spans))
        by_stage = ", ".join(f"{sum(s.stage == stage for s in self.spans)} of {stage}" for stage in self.stages)
        again = sum(span.attempts > 1 for span in self.spans)
        failed = sum(span.state == "failed" for span in self.spans)
        said = [
            f"{len(self.spans)} trials ({by_stage}) on {', '.join(self.hosts)} within {took}",
            f"{again} of them in several attempts" * bool(again),
            f"{failed} failed" * bool(failed),
        ]
        return ", ".join(filter(None, said))


def build(
    plan: Plan, rows: Mapping[str, TrialRow], spec: FigureSpec, read_epochs: Callable[[TrialRow], Epochs]
) -> tuple[Figure, ...]:
    """Return the one figure, of all stages unless one is named."""
    trials = selected(plan, spec.stage, spec.filter) if spec.stage else list(plan.trials)
    unique = list({trial.trial_id: trial for trial in trials}.values())
    there = [(trial, rows[trial.trial_id]) for trial in unique if trial.trial_id in rows]
    timed = [(trial, row, when) for trial, row in there if (when := _times(row)) is not None]
    notes = [
        f"the row of trial {trial.trial_id} ({trial.label}) does not say when it ran, and is left out"
        for trial, row in there
        if _times(row) is None
    ]
    spans = tuple(_spans(sorted(timed, key=lambda each: (each[2], each[0].trial_id))))
    began = min((when[0] for _, _, when in timed), default=None)
    panel = TimelinePanel(title="", began=began.isoformat() if began else "", spans=spans)
    return (
        Figure(
            name=spec.name,
            title=spec.title or spec.name,
            kind="timeline",
            panels=(panel,) if spans else (),
            notes=tuple(notes),
            missing=_missing(unique, rows),
        ),
    )


def _missing(trials: Iterable[PlannedTrial], rows: Mapping[str, TrialRow]) -> str:
    ids = {trial.trial_id for trial in trials}
    absent = len(ids - set(rows))
    return f"{absent} of {len(ids)} runs {'is' if absent == 1 else 'are'} not in yet" if absent else ""


def _spans(timed: Iterable[tuple[PlannedTrial, TrialRow, tuple[datetime, datetime]]]) -> Iterator[Span]:
    """Yield spans, in the order of their starts; each in the first lane of its host that is free."""
    timed = list(timed)
    began = timed[0][2][0] if timed else None
    lanes: dict[str, list[float]] = {}
    for trial, row, (started, finished) in timed:
        assert began is not None
        start, end = (started - began).total_seconds(), (finished - began).total_seconds()
        host = _text(row.provenance.get("host")) or "an unknown host"
        ends = lanes.setdefault(host, [])
        lane = next((place for place, free in enumerate(ends) if free <= start), len(ends))
        ends[lane : lane + 1] = [end]
        worked = row.timing.get("wall_seconds")
        yield Span(
            trial=trial.trial_id,
            label=trial.label,
            stage=trial.stage,
            host=host,
            lane=lane,
            start=start,
            end=end,
            state=row.state,
            attempts=_count(row.provenance.get("attempts")),
            hosts=_hosts(row) or (host,),
            worked=float(worked) if isinstance(worked, int | float) else end - start,
        )


def _times(row: TrialRow) -> tuple[datetime, datetime] | None:
    """Return when a trial started and was finished; None where its row does not say so."""
    try:
        times = [datetime.fromisoformat(str(row.timing[key])) for key in ("started", "finished")]
        started, finished = (time if time.tzinfo else time.replace(tzinfo=UTC) for time in times)
        return (started, finished) if started <= finished else None
    except (KeyError, ValueError, TypeError):
        return None


def _hosts(row: TrialRow) -> tuple[str, ...]:
    segments = row.provenance.get("segments")
    named = (
        [_text(each.get("host")) for each in segments if isinstance(each, Mapping)]
        if isinstance(segments, list)
        else []
    )
    return tuple(dict.fromkeys(filter(None, named)))


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ""


def _count(value: JSON) -> int:
    return value if isinstance(value, int) and value > 0 else 1
