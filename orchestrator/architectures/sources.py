"""Where the published architectures come from: which paper, and what it calls them."""

from collections.abc import Mapping
from typing import NamedTuple

NASNET = "arXiv:1707.07012"
AMOEBANET = "arXiv:1802.01548"
DARTS = "arXiv:1806.09055"
SHARPDARTS = "arXiv:1903.09900"
REPOSITORY = "github.com/ahundt/sharpDARTS"


class Source(NamedTuple):
    """Who published an architecture, and what it is there."""

    where: str
    what: str


SOURCES: Mapping[str, Source] = {
    "NASNet": Source(NASNET, "NASNet-A, as DARTS transcribed it"),
    "AmoebaNet": Source(AMOEBANET, "AmoebaNet-A, as DARTS transcribed it"),
    "DARTS_V1": Source(DARTS, "DARTS, first order"),
    "DARTS_V2": Source(DARTS, "DARTS, second order"),
    "SHARP_DARTS": Source(SHARPDARTS, "sharpDARTS"),
    "SHARPSEPCONV_DARTS": Source(SHARPDARTS, "SharpSepConvDARTS"),
    "SHARPSEPCONV_DARTS_MAX_W": Source(REPOSITORY, "SharpSepConvDARTS with Max-W"),
    "SHARP_DARTS_MAX_W": Source(REPOSITORY, "sharpDARTS with Max-W"),
    "SHARPER_SCALAR": Source(REPOSITORY, "SharperDARTS"),
    "SHARPER_MAX_W": Source(REPOSITORY, "SharperDARTS with Max-W"),
    "SHARPER_SCALAR_genotype_no_hack": Source(REPOSITORY, "SharperDARTS, 'none' kept"),
    "SHARPER_MAX_W_genotype_no_hack": Source(REPOSITORY, "SharperDARTS with Max-W, 'none' kept"),
    "SHARPSEPCONV_DARTS_MAX_W_epoch47": Source(REPOSITORY, "SharpSepConvDARTS with Max-W after 47 epochs"),
    "MULTI_CHANNEL_SCALAR_PATH": Source(REPOSITORY, "longest path, scalar weighting"),
    "MULTI_CHANNEL_GREEDY_SCALAR_TOP_DOWN": Source(SHARPDARTS, "Table 4, Scalar: greedy from the image"),
    "MULTI_CHANNEL_GREEDY_SCALAR_BOTTOM_UP": Source(REPOSITORY, "scalar weighting, greedy from the classifier"),
    "MULTI_CHANNEL_MAX_W_PATH": Source(REPOSITORY, "longest path, Max-W"),
    "MULTI_CHANNEL_GREEDY_MAX_W_TOP_DOWN": Source(SHARPDARTS, "Table 4, Max-W: greedy from the image"),
    "MULTI_CHANNEL_GREEDY_MAX_W_BOTTOM_UP": Source(REPOSITORY, "Max-W, greedy from the classifier"),
    "MULTI_CHANNEL_HANDMADE_PATH": Source(SHARPDARTS, "Table 4, Handmade"),
    "MULTI_CHANNEL_RANDOM_PATH": Source(REPOSITORY, "at random, published after the paper"),
    "MULTI_CHANNEL_RANDOM_OPTIMAL": Source(REPOSITORY, "at random, published after the paper"),
}
"""Of each published architecture. Those of the repository are in its code or logs, not in the paper's tables."""
