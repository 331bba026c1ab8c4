"""A small experiment for tests of tables: searches by weighting and seed, trainings by p and seed, and their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from orchestrator.document.spec import ColumnSpec, CompareSpec
from trainables.catalog import CATALOG
from trainables.trainable import Trainable
from trainables.trial import TrialRow, TrialSpec, artifact_digest

COMMIT = "a" * 40


@dataclass(frozen=True, kw_only=True)
class FakeTrial:
    spec: TrialSpec
    stage: str
    label: str
    coordinates: Mapping[str, Any]
    config: Mapping[str, Any] = field(default_factory=dict)
    ancestors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def trial_id(self) -> str:
        return self.spec.trial_id

    @property
    def parents(self) -> tuple[str, ...]:
        return self.spec.parents

    @property
    def lineage(self) -> tuple[str, ...]:
        return (self.stage, *self.ancestors)


@dataclass(frozen=True, kw_only=True)
class FakePlan:
    """A plan that finds keys as plans do: the own stage first, then the ancestors'."""

    stages: tuple[str, ...]
    trials: tuple[FakeTrial, ...]

    @property
    def entries(self) -> dict[str, Trainable]:
        return {trial.stage: CATALOG[trial.spec.trainable] for trial in self.trials}

    def of_stage(self, stage: str) -> list[FakeTrial]:
        return [trial for trial in self.trials if trial.stage == stage]

    def value(self, trial: FakeTrial, key: str) -> Any:
        for name in [key, *(f"{stage}.{key}" for stage in (trial.stage, *reversed(self.stages)))]:
            if name in trial.coordinates:
                return trial.coordinates[name]
        return trial.config[key]

    def values(self, trials: Sequence[FakeTrial], key: str) -> list[Any]:
        return [self.value(trial, key) for trial in trials]


@dataclass(frozen=True, kw_only=True)
class FakeTable:
    name: str = "weighting"
    stage: str = "train"
    rows: Sequence[str] = ("weighting", "p")
    lines: Sequence[Any] = ()
    digits: str | None = None
    columns: Sequence[Any] = ("test_error_best", "params", "addmult", "search.gpu_days")
    filter: Mapping[str, Any] = field(default_factory=dict)
    pool: Sequence[str] = ()
    runs: bool = True
    few: bool = True
    constant: str = "show"
    rounding: str = "unit"
    statistic: str = "median"
    baseline: Mapping[str, Any] | None = None
    compare: CompareSpec | None = None
    bold: bool | None = None
    paper: str | None = None
    published: bool | Sequence[str] = False
    title: str | None = None
    note: str | None = None
    width: str | None = None

    def __post_init__(self) -> None:
        columns = [ColumnSpec(metric=column) if isinstance(column, str) else column for column in self.columns]
        object.__setattr__(self, "columns", columns)


@dataclass(frozen=True, kw_only=True)
class World:
    """A plan and the rows of its trials, all done."""

    plan: FakePlan
    rows: dict[str, TrialRow]

    def find(self, stage: str, **coordinates: Any) -> FakeTrial:
        """Return the one trial of a stage at these coordinates (`search_seed` stands for `search.seed`)."""
        wanted = {key.replace("search_", "search."): value for key, value in coordinates.items()}
        keys = {key if "." in key else f"{stage}.{key}": value for key, value in wanted.items()}
        found = [
            trial
            for trial in self.plan.trials
            if trial.stage == stage and all(trial.coordinates.get(key) == value for key, value in keys.items())
        ]
        assert len(found) == 1
        return found[0]

    def change(self, trial: FakeTrial, **changes: Any) -> None:
        self.rows[trial.trial_id] = replace(self.rows[trial.trial_id], **changes)

    def fail(self, trial: FakeTrial) -> None:
        self.change(trial, state="failed", metrics={}, artifacts={}, error="loss is nan in epoch 3, step 17")


def error_of(weighting: str, search_seed: int, p: int, seed: int) -> float:
    """Return the error that a training of the world ends with, in percent."""
    return round(6.0 - (weighting == "max_w") + 0.1 * p + 0.05 * seed + 0.01 * search_seed, 4)


def make_world(
    *,
    weightings: Sequence[str] = ("scalar", "max_w"),
    search_seeds: Sequence[int] = (0,),
    ps: Sequence[int] = (1, 2),
    seeds: Sequence[int] = (0, 1, 2),
) -> World:
    trials: list[FakeTrial] = []
    rows: dict[str, TrialRow] = {}
    for weighting in weightings:
        for search_seed in search_seeds:
            search = _search(weighting, search_seed)
            genotype = {"normal": [weighting, search_seed]}
            trials.append(search)
            rows[search.trial_id] = _row(
                search,
                metrics={"search_val_error_best": 8.0 + search_seed},
                artifacts={"genotype": genotype},
                timing={"gpu_days": 0.8 + 0.2 * search_seed},
            )
            for p in ps:
                for seed in seeds:
                    train = _train(search, p, seed)
                    trials.append(train)
                    error = error_of(weighting, search_seed, p, seed)
                    rows[train.trial_id] = _row(
                        train,
                        metrics={"test_error_best": error, "params": 3_529_270.0, "addmult": 576_010_000.0},
                        parents={search.trial_id: {"genotype": artifact_digest(genotype)}},
                        timing={"gpu_days": 1.5 + seed},
                    )
    return World(plan=FakePlan(stages=("search", "train"), trials=tuple(trials)), rows=rows)


def gappy_world() -> World:
    """Return a world with a failed, a missing and an odd run among the trainings of scalar, p = 1."""
    world = make_world(search_seeds=(0, 1))
    here = {"search.weighting": "scalar", "search.seed": 0}
    world.fail(world.find("train", **here, p=1, seed=0))
    del world.rows[world.find("train", **here, p=1, seed=1).trial_id]
    odd = world.find("train", **here, p=1, seed=2)
    world.change(odd, provenance={**world.rows[odd.trial_id].provenance, "commit": "b" * 40})
    return world


def _search(weighting: str, seed: int) -> FakeTrial:
    spec = TrialSpec(trainable="search", version=1, config={"weighting": weighting}, seed=seed)
    coordinates = {"search.weighting": weighting, "search.seed": seed}
    return FakeTrial(spec=spec, stage="search", label=f"weighting={weighting} seed={seed}", coordinates=coordinates)


def _train(search: FakeTrial, p: int, seed: int) -> FakeTrial:
    spec = TrialSpec(trainable="train", version=1, config={"p": p}, seed=seed, parents=(search.trial_id,))
    coordinates = {**search.coordinates, "train.p": p, "train.seed": seed}
    return FakeTrial(
        spec=spec,
        stage="train",
        label=f"p={p} seed={seed}",
        coordinates=coordinates,
        config={"dataset": "cifar10"},
        ancestors={"search": (search.trial_id,)},
    )


def _row(trial: FakeTrial, **values: Any) -> TrialRow:
    provenance = {"commit": COMMIT, "versions": {"torch": "2.0"}, "hardware": "one GPU"}
    whole = {"config": {}, "state": "done", "artifacts": {}, "provenance": provenance, **values}
    return TrialRow(trial_id=trial.trial_id, spec=trial.spec, **whole)
