"""The paths through MultiChannelNet published with sharpDARTS, as data.

Facts of github.com/ahundt/sharpDARTS (`genotypes.py`), names as there. Table 4 of arXiv:1903.09900 was made with the
two GREEDY_*_TOP_DOWN paths (Scalar, Max-W) and the handmade one, all without their last operation.
"""

from collections.abc import Mapping

from trainables.architecture.paths import MultiChannelPath, PathStep

_OPERATIONS = {"ssc": "sep_conv_3x3", "pool": "max_pool_3x3"}


def _path(*steps: str) -> MultiChannelPath:
    """Read "channels operation channels operation ... channels"; every second step has stride 2."""
    words = " ".join(steps).split()
    channels = [int(word) for word in words[::2]]
    return MultiChannelPath(
        steps=tuple(
            PathStep(
                operation=_OPERATIONS[operation],
                channels_in=channels[position],
                channels_out=channels[position + 1],
                stride=1 + position % 2,
            )
            for position, operation in enumerate(words[1::2])
        )
    )


PUBLISHED_PATHS: Mapping[str, MultiChannelPath] = {
    # the search's weights with the scalar weighting: their longest path, and greedy choices
    "MULTI_CHANNEL_SCALAR_PATH": _path("32 ssc 32 pool 128 ssc 128 pool 32 pool 256 pool 256 pool 256 pool 256"),
    "MULTI_CHANNEL_GREEDY_SCALAR_TOP_DOWN": _path("32 pool 64 pool 64 pool 256 ssc 32 ssc 256 ssc 32 pool 32 pool 64"),
    "MULTI_CHANNEL_GREEDY_SCALAR_BOTTOM_UP": _path(
        "128 ssc 256 pool 32 pool 32 pool 32 pool 256 pool 256 pool 256 ssc 32"
    ),
    # the same with Max-W
    "MULTI_CHANNEL_MAX_W_PATH": _path("256 pool 128 pool 256 pool 32 pool 256 ssc 256 pool 256 pool 256 pool 256"),
    "MULTI_CHANNEL_GREEDY_MAX_W_TOP_DOWN": _path("32 pool 32 ssc 128 ssc 128 ssc 128 ssc 64 ssc 64 ssc 128 pool 128"),
    "MULTI_CHANNEL_GREEDY_MAX_W_BOTTOM_UP": _path(
        "256 pool 128 pool 256 pool 128 ssc 128 pool 64 pool 64 pool 64 pool 64"
    ),
    # made by hand: SharpSepConvs, and pools that double the channels
    "MULTI_CHANNEL_HANDMADE_PATH": _path("32 ssc 32 pool 64 ssc 64 pool 128 ssc 128 pool 256 ssc 256 pool 256"),
    # drawn after the paper was submitted
    "MULTI_CHANNEL_RANDOM_PATH": _path("64 pool 128 ssc 128 pool 256 ssc 256 ssc 128 ssc 32 pool 64 ssc 32"),
    "MULTI_CHANNEL_RANDOM_OPTIMAL": _path("64 ssc 64 pool 128 pool 32 ssc 256 pool 32 pool 256 ssc 128 ssc 128"),
}
"""Name -> path. The first steps read 32 to 256 channels; each block has one step of stride 1 and one of stride 2."""

PATH_ALIASES: Mapping[str, str] = {
    "MULTI_CHANNEL_SCALAR": "MULTI_CHANNEL_SCALAR_PATH",
    "MULTI_CHANNEL_MAX_W": "MULTI_CHANNEL_MAX_W_PATH",
    "MULTI_CHANNEL_HANDMADE": "MULTI_CHANNEL_HANDMADE_PATH",
    "MULTI_CHANNEL_RANDOM": "MULTI_CHANNEL_RANDOM_PATH",
    "HANDMADE": "MULTI_CHANNEL_HANDMADE_PATH",
}
"""Other names of published paths: alias -> name."""
