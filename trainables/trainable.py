"""What a kind of trial is to everybody else: a name, its settings, its code as import paths, what it measures.

Importing this loads neither torch nor Ray.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from trainables.errors import TrialFailure
from trainables.trial import JSON, WITHIN, Run, TrialRow

GPUS = "gpus"
"""No setting, but what `check` may find wrong too: what each trial asks for."""
KIND_OF_GENOTYPE = "kind of genotype"
"""No setting, but inherited too: `cells` or `path`, what a trial's genotype is."""
KIND_OF_TRIAL = "kind of trial"
"""No setting, but inherited too: the name of the nearest parent's entry."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What is known of a trial besides its config when it is planned."""

    gpus: float = 0
    """What it asks for."""
    referred: Mapping[str, str] = field(default_factory=dict)
    """Settings that stand for what a parent will have found -> its name; the config has their defaults, or None."""
    inherited: Mapping[str, JSON] = field(default_factory=dict)
    """What its parents leave it of what it inherits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trainable:
    """One entry of the catalog: all that anybody outside of `trainables` knows about a kind of trial.

    Code is named by import paths, "package.module:name", and loaded when it is needed. `start(config, *, seed,
    threads, gpus)` returns a `trainables.trial.Run` that computes with so many threads and on the GPU only where the
    trial was given some. Where settings are files of its parents, `start` takes `files`, too: their bytes by the
    settings' names; the settings themselves are what `TrialRow.found` says of a file. `version` is raised when a fix
    changes results, so that old and new rows never mix. The others (`check` to `absent`) are asked while trials are
    planned, so they load neither torch nor Ray; `computed` may, which tables ask for what has not run. They get a
    trial's settings by name, `check` the config itself; what stands for a parent's finding is no JSON value.
    """

    name: str
    version: int
    config: str
    start: str
    metrics: tuple[str, ...]
    """Names of the row's metrics, those a table may show."""
    noun: str = ""
    """What one of its trials is called in a sentence; "" where it goes by its stage."""
    rising: tuple[str, ...] = ()
    """Those of them of which the highest is the best."""
    artifacts: tuple[str, ...] = ()
    """Names of the row's artifacts, those a child may take with `${stage.name}`."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Names by which a child may take files beside the row with `${stage.name}` -> the files' own names."""
    progress: str = ""
    """The metric worth showing while it runs."""
    curves: tuple[str, ...] = ()
    """What it measures in every epoch: numbers of `epochs.parquet`, those a figure may show."""
    inherits: tuple[str, ...] = ()
    """Settings, and facts that only `check` asks for, that a trial takes over from its parents where they have them."""
    check: str = ""
    """`check(config, context)` returns what the config's class cannot see to be wrong: [(setting, sentence), …]."""
    unread: str = ""
    """`unread(config, context)` returns the settings that a trial will not read, because of its others, each with why,
    or with "" where trials of a stage may share it. An id is without them; one that no trial reads is refused."""
    cost: str = ""
    """`cost(settings)` returns a crude measure of the work, so that the longest can start first."""
    planned: str = ""
    """`planned(curve, settings)` returns a curve that settings alone determine, a number per epoch; None for others."""
    computed: str = ""
    """`computed(metric, settings)` returns a metric that settings alone determine, the number that the trial's row will
    have; None for others. It may load torch for what it returns."""
    leaves: str = ""
    """`leaves(settings)` returns what children may inherit besides the settings themselves."""
    transfer: str = ""
    """`transfer(name, value)` says whether a value other than the parents' can only be meant, not be a slip."""
    absent: str = ""
    """`absent(name, settings)` returns why a trial will not find one of its artifacts, metrics or curves; None where it
    will, as far as settings tell."""

    alphas: bool = False
    """Whether it records alphas, from which children can derive: `${stage.genotype_within_600M_addmult}`."""
    derived: str = ""
    """`derived(key, parent, alphas, config)` returns what such a key stands for: the parent's row, what reads its
    alphas, and the trial's config, but for what is still to be derived."""
    underivable: str = ""
    """`underivable(key, found_by, config)` returns why such a key can stand for nothing, whatever the alphas of a trial
    with the settings `found_by`; None where it can. To count networks it loads torch, while trials are planned, too."""
    alike: str = ""
    """`alike(settings)` returns settings that are equal for trials that compute the same digits; itself by default. It
    gets them without those that have their default values."""
    lacking: str = ""
    """`lacking(settings, gpus)` returns why the process that asks cannot run a trial; empty when it can."""
    arguments: Mapping[str, JSON] = field(default_factory=dict)
    """Further arguments that `start` takes, by name."""

    @classmethod
    def from_json(cls, data: Mapping[str, JSON]) -> "Trainable":
        """Return the entry that `dataclasses.asdict` made this of, by way of JSON."""
        values: dict[str, JSON] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**values)

    def config_class(self) -> type[BaseModel]:
        return load(self.config)

    def run(
        self, config: BaseModel, *, seed: int, threads: int, gpus: float, files: Mapping[str, bytes] | None = None
    ) -> Run:
        """Return the run of a trial, which may be given files of its parents. Raises: what `start` does."""
        given = {**self.arguments, **({"files": files} if files else {})}
        return load(self.start)(config, seed=seed, threads=threads, gpus=gpus, **given)

    def problems(self, config: BaseModel, context: Context) -> list[tuple[str, str]]:
        """Return what `check` has against a config; nothing where there is no check."""
        return list(load(self.check)(config, context)) if self.check else []

    def unread_by(self, config: BaseModel, context: Context) -> dict[str, str]:
        """Return the settings that a trial will not read, and why; nothing where it reads all, or nobody knows."""
        return load(self.unread)(config, context) if self.unread else {}

    def expected_cost(self, settings: Mapping[str, JSON]) -> float:
        """Return how much work a trial may be: its epochs, or else 1, where `cost` does not say."""
        if self.cost:
            return float(load(self.cost)(settings))
        epochs = settings.get("epochs")
        return float(epochs) if isinstance(epochs, int | float) else 1.0

    def planned_curve(self, curve: str, settings: Mapping[str, JSON]) -> list[float] | None:
        """Return a curve that is known before the trial has run, a number per epoch, if it is such a one."""
        return load(self.planned)(curve, settings) if self.planned else None

    def computed_metric(self, metric: str, settings: Mapping[str, JSON]) -> float | None:
        """Return a metric that is known before the trial has run, as its row will have it, if it is such a one."""
        return load(self.computed)(metric, settings) if self.computed else None

    def left_to(self, child: "Trainable", settings: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return what the children of a trial with these settings take over unless they say the same themselves."""
        left = {**settings, **(load(self.leaves)(settings) if self.leaves else {}), KIND_OF_TRIAL: self.name}
        return {name: left[name] for name in child.inherits if name in left}

    def may_differ(self, name: str, value: JSON) -> bool:
        """Say whether a trial may be given a value other than the one it inherits."""
        return bool(load(self.transfer)(name, value)) if self.transfer else False

    def why_not_here(self, settings: Mapping[str, JSON], gpus: float) -> str:
        """Return why this process cannot run a trial that is given GPUs; empty when it can, or nobody knows."""
        return load(self.lacking)(settings, gpus) if self.lacking and gpus else ""

    def derive(
        self,
        key: str,
        parent: TrialRow,
        alphas: Callable[[], Mapping[str, JSON]],
        settings: Mapping[str, JSON],
    ) -> JSON:
        """Return what a key stands for that begins with `WITHIN`. Raises: TrialFailure, and what `derived` does."""
        if not self.derived:
            raise TrialFailure(f"a trial of kind {self.name!r} takes no architecture within a budget")
        return load(self.derived)(key, parent, alphas, self.config_class().model_construct(**settings))

    def why_underivable(self, key: str, found_by: Mapping[str, object], config: BaseModel) -> str | None:
        """Return why a key that begins with `WITHIN` can stand for nothing; None when it can, or is another one."""
        if not key.startswith(WITHIN):
            return None
        if not self.underivable:
            return f"a trial of kind {self.name!r} takes no architecture within a budget"
        return load(self.underivable)(key, found_by, config)

    def why_absent(self, name: str, settings: Mapping[str, JSON]) -> str | None:
        """Return why trials with these settings will not find or measure something; None when they may."""
        known = name in (*self.metrics, *self.artifacts, *self.files, *self.curves)
        known = known or (bool(self.alphas) and name.startswith(WITHIN))
        return load(self.absent)(name, settings) if self.absent and known else None


def load(path: str) -> Any:
    """Return what an import path names: "package.module:name"."""
    module, _, name = path.partition(":")
    return getattr(sys.modules.get(module) or importlib.import_module(module), name)
