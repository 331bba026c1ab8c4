"""The settings of a trial: frozen, typed, with the defaults of the released code unless said otherwise.

No default depends on another field. `seed` is not here: it is a part of the trial's identity of its own. A field may
hold a *reference*, `{"parent": 0, "key": "genotype"}`, which the worker replaces by what the parent found.
"""

import itertools
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from trainables.architecture.spaces import read_space, written_space
from trainables.errors import SharptuneError
from trainables.trial import MOST_GPUS

Weighting = Literal["scalar", "max_w"]
Operations = Literal["ssc", "original"]
Network = Literal["cifar", "imagenet", "multichannel", "multichannel_released", "nas_bench_201"]
"""What final training builds: cells on small images, cells on 224 × 224, a MultiChannelNet path, the same without the
path's last operation, as the released code built it, and a cell of NAS-Bench-201 in three stages."""

SECOND_ORDER_PRECISIONS = ("fp32", "tf32")
"""Those that a search of second order can be computed in: `trainables.optimization.bilevel.SecondOrder` says why."""


def _integer(value: Any) -> Any:
    """Take 3 and 3.0 for the same whole number; a bool is not a number."""
    if isinstance(value, bool):
        raise ValueError("must be a whole number, not true or false")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int):
        raise ValueError("must be a whole number")
    return value


def _number(value: Any) -> Any:
    """Take 3 and 3.0 for the same number; a bool is not a number, nor is NaN or infinity."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    if not isinstance(value, int | float):
        raise ValueError("must be a number")
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return float(value)


def _space(written: Any) -> Any:
    """Return a space as it is hashed: by name where it has one, else by content."""
    try:
        return written_space(read_space(written))
    except SharptuneError as error:
        raise ValueError(str(error)) from error


Space = Annotated[Any, AfterValidator(_space)]
"""A name of `spaces.py`, a list of primitives, or a mapping: see `read_space`."""
Integer = Annotated[int, BeforeValidator(_integer)]
Number = Annotated[float, BeforeValidator(_number)]


class Restart(BaseModel):
    """One warm restart: a further period of the schedule, with its own highest learning rate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Annotated[Integer, Field(ge=1)]
    """How long the period is."""
    learning_rate: Annotated[Number, Field(gt=0)]
    """The highest of the period."""


class _Config(BaseModel):
    """What search and final training share."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    dataset: str = "cifar10"
    """A dataset's name; of a folder, which an experiment names by its path, `sha256:<hex>` of its decoded pixels."""
    train_images: Annotated[Integer, Field(ge=2)] | None = None
    """Use the first n / classes training images of each class, in official order; all when absent."""
    batch_size: Annotated[Integer, Field(ge=2)] = 64
    """Images in one step."""
    learning_rate: Annotated[Number, Field(gt=0)] = 0.025
    """The highest of the schedule: of SGD for the weights."""
    momentum: Annotated[Number, Field(ge=0, lt=1)] = 0.9
    """Of SGD."""
    weight_decay: Annotated[Number, Field(ge=0)] = 3e-4
    """Of the weights."""
    grad_clip: Annotated[Number, Field(gt=0)] | None = 5.0
    """Largest L2 norm of the weights' gradient; none when null."""
    p: Annotated[Number, Field(ge=1)] = 2.0
    """The power of Cosine Power Annealing (arXiv:1903.09900, Eq. 2); 1 is cosine annealing."""
    warmup_epochs: Annotated[Integer, Field(ge=0)] = 5
    """Epochs in which the learning rate rises to its highest."""
    warm_restarts: tuple[Restart, ...] = ()
    """Periods after the first one; `epochs` counts all of them together."""
    precision: Literal["fp32", "tf32", "bf16", "fp16"] = "fp32"
    """How the network is computed: see `trainables.optimization.precision`."""
    autoaugment: bool = False
    """Augment by the policies that were found for CIFAR-10 (arXiv:1805.09501), besides crops and flips."""

    @model_validator(mode="after")
    def _schedule_fits(self) -> Self:
        epochs: int = getattr(self, "epochs")  # noqa: B009  (each subclass has its own default)
        first = epochs - sum(restart.epochs for restart in self.warm_restarts)
        if first < 1:
            raise ValueError(
                f"warm_restarts take {epochs - first} epochs, which leaves none of the {epochs} for the first period"
            )
        if self.warmup_epochs >= first:
            raise ValueError(
                f"warmup_epochs must be less than the first period's {first} epochs, got {self.warmup_epochs}"
            )
        highest = [self.learning_rate, *(restart.learning_rate for restart in self.warm_restarts)]
        if any(later > earlier for earlier, later in itertools.pairwise(highest)):
            raise ValueError(f"the learning rates of warm restarts must not grow, got {highest}")
        lowest: float = getattr(self, "learning_rate_min")  # noqa: B009
        if lowest > min(highest):
            raise ValueError(f"learning_rate_min {lowest} is above the learning rate {min(highest)}")
        return self


class SearchConfig(_Config):
    """Architecture search (arXiv:1806.09055 section 2; arXiv:1903.09900 sections 3 and 4)."""

    space: Space = "darts_ssc"
    """What is searched: a name, a list of primitives, or a mapping."""
    strategy: Literal["gradient", "random"] = "gradient"
    """`random` searches nothing: it draws an architecture uniformly from the space, as a control."""
    weighting: Weighting = "scalar"
    """How operations of an edge are weighted: by their softmax, or so that the leading one counts whole."""
    order: Annotated[Literal[1, 2], BeforeValidator(_integer)] = 1
    """2 looks one step of the weights ahead for the alphas' gradient (arXiv:1806.09055, section 2.3)."""
    epochs: Annotated[Integer, Field(ge=1)] = 50
    """How often it sees its training images."""
    learning_rate_min: Annotated[Number, Field(ge=0)] = 1e-4
    """Where the schedule ends."""
    channels: Annotated[Integer, Field(ge=1)] = 16
    """Of the first cells."""
    layers: Annotated[Integer, Field(ge=3)] = 8
    """Cells one after the other."""
    arch_learning_rate: Annotated[Number, Field(gt=0)] = 3e-4
    """Of Adam for the alphas."""
    arch_weight_decay: Annotated[Number, Field(ge=0)] = 1e-3
    """Of the alphas."""
    alpha_start_epoch: Annotated[Integer, Field(ge=1)] = 1
    """The first epoch in which the alphas move."""
    alpha_every: Annotated[Integer, Field(ge=1)] = 1
    """Steps of the weights for each step of the alphas."""
    prune_below: Annotated[Number, Field(ge=0, lt=1)] | None = None
    """In a MultiChannelNet, leave out operations whose weight is not above this; the released code says 1/1024."""
    activation_checkpointing: bool = False
    """Compute activations twice instead of keeping them: the same gradients, less memory, more time."""
    params_min: Annotated[Integer, Field(ge=0)] | None = None
    """Of a random architecture: the least parameters of its final network, at the paper's size."""
    params_max: Annotated[Integer, Field(ge=1)] | None = None
    """The most parameters of it."""
    cutout: Annotated[Integer, Field(ge=0)] = 0
    """Side of the square that is cut out, in pixels; 0 cuts nothing."""


class TrainConfig(_Config):
    """Final training of one network on the whole training set, less what is held out of it; tested on the test set."""

    genotype: dict[str, Any]
    """The cells or the path, as their `to_json` writes them; an experiment names them, or a file."""
    operations: Operations = "ssc"
    """How primitives are built: as SharpSepConv, or as DARTS builds them."""
    network: Network = "cifar"
    """What is built: cells for small images or for ImageNet, a path through a MultiChannelNet, or NAS-Bench-201."""
    mid_channels: Annotated[Integer, Field(ge=1)] = 32
    """Channels in the middle of a choke_conv."""
    accumulate: Annotated[Integer, Field(ge=1)] = 1
    """Compute each batch in this many parts of nearly one size, to save memory; batch norm then sees the parts."""
    ranks: Annotated[Integer, Field(ge=1, le=MOST_GPUS)] = 1
    """Processes that share each batch, each on a GPU of its own; batch norm sees their shares: see `team.py`."""
    validation_images: Annotated[Integer, Field(ge=1)] | None = None
    """Hold out the last n / classes of each class's training images (of those that `train_images` leaves), to select an
    epoch by: see `FinalRun`. None when absent, as in the paper."""
    test_images: Annotated[Integer, Field(ge=1)] | None = None
    """Use the first n / classes test images of each class; all when absent."""
    image_size: Annotated[Integer, Field(ge=8)] | None = None
    """Side of the square that images kept as files are cut to; 224 when absent. Images of an array are taken whole."""
    corrupt_limit: Annotated[Integer, Field(ge=0)] = 100
    """Images kept as files that may be unreadable, in an epoch; one more fails the trial."""
    epochs: Annotated[Integer, Field(ge=1)] = 2000
    """How often it sees its training images."""
    learning_rate_min: Annotated[Number, Field(ge=0)] = 1e-8
    """Where the schedule ends."""
    channels: Annotated[Integer, Field(ge=1)] = 36
    """Of the first cells."""
    layers: Annotated[Integer, Field(ge=3)] = 20
    """Cells one after the other."""
    cutout: Annotated[Integer, Field(ge=0)] = 16
    """Side of the square that is cut out, in pixels; 0 cuts nothing."""
    auxiliary: bool = True
    """Whether a second classifier helps amid the network, while training."""
    auxiliary_weight: Annotated[Number, Field(ge=0)] = 0.4
    """Of its loss."""
    drop_path: Annotated[Number, Field(ge=0, lt=1)] = 0.2
    """The chance of leaving a path out, in the last epoch; it grows from 0."""


OF_SUPERNET = ("dataset", "train_images", "space", "weighting", "channels", "layers", "prune_below")
"""Settings of a search that say what its supernet is, and which images validate it."""


class DiagnoseConfig(BaseModel):
    """What a search did to its supernet, from its last weights. The first settings are those of the search."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    weights: Any
    """Its last weights: `${search.weights}`, where the stage that is needed is called `search`."""
    dataset: str = "cifar10"
    """The search's."""
    train_images: Annotated[Integer, Field(ge=2)] | None = None
    """The search's."""
    space: Space = "darts_ssc"
    """The search's."""
    weighting: Weighting = "scalar"
    """The search's."""
    channels: Annotated[Integer, Field(ge=1)] = 16
    """The search's."""
    layers: Annotated[Integer, Field(ge=3)] = 8
    """The search's."""
    prune_below: Annotated[Number, Field(ge=0, lt=1)] | None = None
    """The search's."""
    batch_size: Annotated[Integer, Field(ge=2)] = 64
    """Images at once, by whose own statistics batch norms normalise: not the search's, but as many unless said."""
    hessian_images: Annotated[Integer, Field(ge=2)] = 256
    """Validation images that the loss is a mean over whose Hessian is looked at; fewer where there are fewer."""
    cells: Annotated[Integer, Field(ge=2)] = 100
    """Cells of a NAS-Bench-201 that are drawn for Kendall's τ; fewer where there are fewer."""
    cell_images: Annotated[Integer, Field(ge=2)] = 1000
    """Validation images that each drawn cell's one-shot accuracy is measured on; fewer where there are fewer."""


ConfigT = TypeVar("ConfigT", bound=BaseModel)


def is_reference(value: Any) -> bool:
    """Say whether a config value stands for something a parent trial finds."""
    return isinstance(value, Mapping) and set(value) == {"parent", "key"}


def canonical(config: BaseModel) -> dict[str, Any]:
    """Return, as JSON values, only what differs from the defaults of the config's class."""
    return config.model_dump(mode="json", exclude_defaults=True)
