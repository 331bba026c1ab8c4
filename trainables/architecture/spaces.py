"""Search spaces as lists of names: which primitives an edge chooses from, and how those primitives are built.

Nothing here imports torch; `operations.py` builds what is named here, and a test holds the two together.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from trainables.architecture.nas_bench_201 import cell as nas_bench_201
from trainables.errors import InvalidSpace, SharptuneError, unknown_name

OperationSet = Literal["ssc", "original"]
"""`ssc`: separable and dilated primitives are SharpSepConv blocks; `original`: those of DARTS (arXiv:1806.09055)."""

NONE = "none"
"""The primitive that outputs zero: it takes part in the softmax of a search and is never chosen by a derivation."""

_COMMON = (
    NONE,
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "conv_7x1_1x7",
)

OPERATION_SETS: Mapping[str, tuple[str, ...]] = {
    "ssc": (
        *_COMMON,
        "flood_conv_3x3",
        "flood_conv_5x5",
        "dil_flood_conv_3x3",
        "dil_flood_conv_5x5",
        "choke_conv_3x3",
        "dil_choke_conv_3x3",
    ),
    "original": _COMMON,
}
"""The names each set of operations can build."""

OPERATION_NAMES: tuple[str, ...] = OPERATION_SETS["ssc"]
"""The names of all operations: a genotype may use these and no others."""


def _check_primitives(primitives: tuple[str, ...], known: tuple[str, ...]) -> None:
    for primitive in primitives:
        if primitive not in known:
            raise unknown_name("primitive", primitive, known)
    if repeated := [primitive for primitive in primitives if primitives.count(primitive) > 1]:
        raise InvalidSpace(f"the primitive {repeated[0]!r} is there twice")
    if not primitives:
        raise InvalidSpace("a space needs primitives")
    if set(primitives) == {NONE}:
        raise InvalidSpace("a space needs a primitive besides 'none'")


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchSpace:
    """Cells: what an edge of a supernet chooses from. The order of `primitives` is that of the alphas' columns.

    Raises: InvalidSpace, UnknownName when no supernet can be built of it.
    """

    kind: ClassVar[str] = "cells"
    finds: ClassVar[str] = "cells"
    """The kind of genotype that a search of it ends in."""

    name: str
    """Empty for a space that somebody wrote down themselves."""
    primitives: tuple[str, ...]
    operations: OperationSet

    def __post_init__(self) -> None:
        if self.operations not in OPERATION_SETS:
            raise unknown_name("operations", self.operations, OPERATION_SETS)
        _check_primitives(self.primitives, OPERATION_SETS[self.operations])

    def to_json(self) -> dict[str, Any]:
        """Return the content, without the name."""
        return {"kind": self.kind, "operations": self.operations, "primitives": list(self.primitives)}


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiChannelSpace:
    """MultiChannelNet: which operation leads from which number of channels to which, at each depth.

    A network has `blocks` blocks of `layers` layers; the last layer of a block halves height and width. Each layer has
    one weight for each number of channels in, number of channels out, and primitive; all weights of a layer share one
    softmax. Operations are built from SharpSepConv. Source: arXiv:1903.09900, section 4.1 and Figure 6.

    Raises: InvalidSpace, UnknownName when no supernet can be built of it.
    """

    kind: ClassVar[str] = "multichannel"
    finds: ClassVar[str] = "path"
    operations: ClassVar[OperationSet] = "ssc"

    name: str
    scales: tuple[int, ...] = (32, 64, 128, 256)
    """The numbers of channels to choose from."""
    blocks: int = 4
    layers: int = 2
    primitives: tuple[str, ...] = ("sep_conv_3x3", "max_pool_3x3")
    head_channels: int = 768
    """Channels of the one map that the supernet's classifier looks at; SharpSepConvs lead to it from every scale.

    The final network of a path always has the paper's 768.
    """

    def __post_init__(self) -> None:
        _check_primitives(self.primitives, OPERATION_SETS["ssc"])
        if NONE in self.primitives:
            raise InvalidSpace("a path cannot lead through 'none'; leave it out of the primitives")
        if not self.scales or len(set(self.scales)) != len(self.scales) or min(self.scales) < 1:
            raise InvalidSpace(f"scales must be different numbers of channels, got {list(self.scales)}")
        if "skip_connect" in self.primitives and min(self.scales) < 2:
            raise InvalidSpace("a skip_connect that halves the image needs 2 channels or more, got the scale 1")
        for name in ("blocks", "layers", "head_channels"):
            if getattr(self, name) < 1:
                raise InvalidSpace(f"{name} must be 1 or more, got {getattr(self, name)}")

    def to_json(self) -> dict[str, Any]:
        """Return the content, without the name."""
        content = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        del content["name"]
        return {"kind": self.kind, **content}


@dataclass(frozen=True, kw_only=True, slots=True)
class NasBench201Space:
    """The cells of NAS-Bench-201: one operation for each of six edges, the same in every cell of the network.

    The order of `primitives` is that of the alphas' columns. Source: arXiv:2001.00326, section 2.

    Raises: InvalidSpace, UnknownName when no supernet can be built of it.
    """

    kind: ClassVar[str] = nas_bench_201.KIND
    finds: ClassVar[str] = nas_bench_201.KIND
    operations: ClassVar[None] = None
    """Of no set: a primitive is what the benchmark says it is."""

    name: str
    primitives: tuple[str, ...] = nas_bench_201.OPERATIONS
    cells_per_stage: int = 5
    """Of the supernet, which has three stages; the benchmark's networks have 5 in each."""

    def __post_init__(self) -> None:
        _check_primitives(self.primitives, nas_bench_201.OPERATIONS)
        if self.cells_per_stage < 1:
            raise InvalidSpace(f"cells_per_stage must be 1 or more, got {self.cells_per_stage}")

    def to_json(self) -> dict[str, Any]:
        """Return the content, without the name."""
        return {"kind": self.kind, "cells_per_stage": self.cells_per_stage, "primitives": list(self.primitives)}


Space: TypeAlias = SearchSpace | MultiChannelSpace | NasBench201Space

_DARTS_PRIMITIVES = (
    NONE,
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)

_SHARP_CONVOLUTIONS = (
    "sep_conv_3x3",
    "dil_conv_3x3",
    "flood_conv_3x3",
    "dil_flood_conv_3x3",
    "choke_conv_3x3",
    "dil_choke_conv_3x3",
)

SPACES: Mapping[str, SearchSpace] = {
    # arXiv:1806.09055
    "darts": SearchSpace(name="darts", primitives=_DARTS_PRIMITIVES, operations="original"),
    # the same built from SharpSepConv: arXiv:1903.09900, section 4.2
    "darts_ssc": SearchSpace(name="darts_ssc", primitives=_DARTS_PRIMITIVES, operations="ssc"),
    # the nine primitives that the released code searched
    "sharpdarts": SearchSpace(
        name="sharpdarts", primitives=(NONE, "max_pool_3x3", "skip_connect", *_SHARP_CONVOLUTIONS), operations="ssc"
    ),
    # arXiv:1903.09900, Table 1 as printed: with an average pool
    "sharpdarts_table1": SearchSpace(
        name="sharpdarts_table1",
        primitives=(NONE, "max_pool_3x3", "avg_pool_3x3", "skip_connect", *_SHARP_CONVOLUTIONS),
        operations="ssc",
    ),
    # only in the released code, which calls it SharperDARTS
    "sharper": SearchSpace(
        name="sharper",
        primitives=(
            NONE,
            "max_pool_3x3",
            "avg_pool_3x3",
            "skip_connect",
            "sep_conv_3x3",
            "sep_conv_5x5",
            "sep_conv_7x7",
            "dil_conv_3x3",
            "dil_conv_5x5",
            "flood_conv_3x3",
            "flood_conv_5x5",
            "dil_flood_conv_3x3",
        ),
        operations="ssc",
    ),
}
"""The cell spaces by name."""

MULTICHANNEL_SPACES: Mapping[str, MultiChannelSpace] = {
    # 4 × 4 scales, 2 layers in each of 4 blocks, 2 primitives: 256 weights. What the released code searched, and what
    # agrees with the 14 nodes of the paper's paths.
    "multichannel": MultiChannelSpace(name="multichannel"),
    # ((4×4)×3×3×2) as arXiv:1903.09900, section 4.1 prints it: 288 weights.
    "multichannel_printed": MultiChannelSpace(name="multichannel_printed", blocks=3, layers=3),
}
"""MultiChannelNets by name."""

NAS_BENCH_201 = NasBench201Space(name=nas_bench_201.KIND)
"""All five operations, and the benchmark's size."""

ALL_SPACES: Mapping[str, Space] = {**SPACES, **MULTICHANNEL_SPACES, NAS_BENCH_201.name: NAS_BENCH_201}
"""Those of every kind by name."""

SPACE_NAMES: tuple[str, ...] = tuple(ALL_SPACES)


def look_up_space(name: str) -> Space:
    """Return the space of that name. Raises: UnknownName."""
    if name not in ALL_SPACES:
        raise unknown_name("space", name, ALL_SPACES)
    return ALL_SPACES[name]


def read_space(written: Any) -> Space:
    """Return the space that a name, a list of primitives, or a mapping as of `to_json` stands for.

    A list is one of SharpSepConv operations. In a mapping `kind` may be left out for cells, and whatever is left out
    of any other is as in the space of its kind's name. Whatever equals a named space is that space.

    Raises: UnknownName, InvalidSpace: one sentence about the first thing that is wrong.
    """
    if isinstance(written, str):
        return look_up_space(written)
    if isinstance(written, list | tuple):
        written = {"primitives": written}
    if not isinstance(written, Mapping):
        raise InvalidSpace(f"a space is a name, a list of primitives or a mapping, got {written!r}")
    kind = written.get("kind", "cells")
    if not isinstance(kind, str) or kind not in _READERS:
        raise unknown_name("kind of space", kind, _READERS)
    space = _READERS[kind](written)
    return next((named for named in ALL_SPACES.values() if named.to_json() == space.to_json()), space)


def known_space(written: Any) -> Space | None:
    """Return the space that `written` is; None for what is none (yet): a reference, a mistake, nothing."""
    if not isinstance(written, str | Mapping):
        return None
    try:
        return read_space(written)
    except SharptuneError:
        return None


def written_space(space: Space) -> str | dict[str, Any]:
    """Return what `read_space` reads this space from: its name, if it has one."""
    return space.name or space.to_json()


def _read_cells(written: Mapping[str, Any]) -> SearchSpace:
    _check_keys(written, ("kind", "operations", "primitives"))
    if "primitives" not in written:
        raise InvalidSpace("a space of cells needs the key 'primitives'")
    return SearchSpace(
        name="",
        primitives=_read_names(written["primitives"]),
        operations=written.get("operations", "ssc"),
    )


def _read_multichannel(written: Mapping[str, Any]) -> MultiChannelSpace:
    default = MULTICHANNEL_SPACES["multichannel"].to_json()
    _check_keys(written, tuple(default))
    _check_counts(written, ("blocks", "layers", "head_channels"))
    content = {**default, **written}
    scales = content["scales"]
    if not isinstance(scales, list | tuple) or not all(map(_is_count, scales)):
        raise InvalidSpace(f"scales must be a list of whole numbers, got {scales!r}")
    return MultiChannelSpace(
        name="",
        scales=tuple(scales),
        blocks=content["blocks"],
        layers=content["layers"],
        primitives=_read_names(content["primitives"]),
        head_channels=content["head_channels"],
    )


def _read_nas_bench_201(written: Mapping[str, Any]) -> NasBench201Space:
    default = NAS_BENCH_201.to_json()
    _check_keys(written, tuple(default))
    _check_counts(written, ("cells_per_stage",))
    content = {**default, **written}
    return NasBench201Space(
        name="", primitives=_read_names(content["primitives"]), cells_per_stage=content["cells_per_stage"]
    )


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Space]] = {
    SearchSpace.kind: _read_cells,
    MultiChannelSpace.kind: _read_multichannel,
    NasBench201Space.kind: _read_nas_bench_201,
}


def _check_counts(written: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if not _is_count(written.get(name, 1)):
            raise InvalidSpace(f"{name} must be a whole number, got {written[name]!r}")


def _check_keys(written: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in written:
        if key not in known:
            raise unknown_name("key of a space", key, known)


def _read_names(written: Any) -> tuple[str, ...]:
    if not isinstance(written, list | tuple) or not all(isinstance(name, str) for name in written):
        raise InvalidSpace(f"primitives must be a list of names, got {written!r}")
    return tuple(written)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
