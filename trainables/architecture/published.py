"""The cell genotypes published with DARTS, NASNet, AmoebaNet and sharpDARTS, as data.

Facts of github.com/quark0/darts and github.com/ahundt/sharpDARTS (`genotypes.py` in both), names as there.
"""

from collections.abc import Mapping

from trainables.architecture.cells import Edges, Genotype


def _edges(*nodes: str) -> Edges:
    """Read one text for each node, "operation state, operation state"."""
    pairs = [edge.split() for node in nodes for edge in node.split(",")]
    return tuple((operation, int(state)) for operation, state in pairs)


PUBLISHED: Mapping[str, Genotype] = {
    # arXiv:1707.07012, as DARTS transcribed it
    "NASNet": Genotype(
        normal=_edges(
            "sep_conv_5x5 1, sep_conv_3x3 0",
            "sep_conv_5x5 0, sep_conv_3x3 0",
            "avg_pool_3x3 1, skip_connect 0",
            "avg_pool_3x3 0, avg_pool_3x3 0",
            "sep_conv_3x3 1, skip_connect 1",
        ),
        normal_concat=(2, 3, 4, 5, 6),
        reduce=_edges(
            "sep_conv_5x5 1, sep_conv_7x7 0",
            "max_pool_3x3 1, sep_conv_7x7 0",
            "avg_pool_3x3 1, sep_conv_5x5 0",
            "skip_connect 3, avg_pool_3x3 2",
            "sep_conv_3x3 2, max_pool_3x3 1",
        ),
        reduce_concat=(4, 5, 6),
    ),
    # arXiv:1802.01548, as DARTS transcribed it
    "AmoebaNet": Genotype(
        normal=_edges(
            "avg_pool_3x3 0, max_pool_3x3 1",
            "sep_conv_3x3 0, sep_conv_5x5 2",
            "sep_conv_3x3 0, avg_pool_3x3 3",
            "sep_conv_3x3 1, skip_connect 1",
            "skip_connect 0, avg_pool_3x3 1",
        ),
        normal_concat=(4, 5, 6),
        reduce=_edges(
            "avg_pool_3x3 0, sep_conv_3x3 1",
            "max_pool_3x3 0, sep_conv_7x7 2",
            "sep_conv_7x7 0, avg_pool_3x3 1",
            "max_pool_3x3 0, max_pool_3x3 1",
            "conv_7x1_1x7 0, sep_conv_3x3 5",
        ),
        reduce_concat=(3, 4, 6),
    ),
    # arXiv:1806.09055, first order
    "DARTS_V1": Genotype(
        normal=_edges(
            "sep_conv_3x3 1, sep_conv_3x3 0",
            "skip_connect 0, sep_conv_3x3 1",
            "skip_connect 0, sep_conv_3x3 1",
            "sep_conv_3x3 0, skip_connect 2",
        ),
        normal_concat=(2, 3, 4, 5),
        reduce=_edges(
            "max_pool_3x3 0, max_pool_3x3 1",
            "skip_connect 2, max_pool_3x3 0",
            "max_pool_3x3 0, skip_connect 2",
            "skip_connect 2, avg_pool_3x3 0",
        ),
        reduce_concat=(2, 3, 4, 5),
    ),
    # arXiv:1806.09055, second order
    "DARTS_V2": Genotype(
        normal=_edges(
            "sep_conv_3x3 0, sep_conv_3x3 1",
            "sep_conv_3x3 0, sep_conv_3x3 1",
            "sep_conv_3x3 1, skip_connect 0",
            "skip_connect 0, dil_conv_3x3 2",
        ),
        normal_concat=(2, 3, 4, 5),
        reduce=_edges(
            "max_pool_3x3 0, max_pool_3x3 1",
            "skip_connect 2, max_pool_3x3 1",
            "max_pool_3x3 0, skip_connect 2",
            "skip_connect 2, max_pool_3x3 1",
        ),
        reduce_concat=(2, 3, 4, 5),
    ),
    # arXiv:1903.09900: the sharpDARTS space, scalar weighting
    "SHARP_DARTS": Genotype(
        normal=_edges(
            "choke_conv_3x3 0, choke_conv_3x3 1",
            "skip_connect 0, choke_conv_3x3 1",
            "skip_connect 0, skip_connect 1",
            "skip_connect 0, skip_connect 1",
        ),
        normal_concat=(2, 3, 4, 5),
        reduce=_edges(
            "max_pool_3x3 0, skip_connect 1",
            "max_pool_3x3 0, skip_connect 2",
            "max_pool_3x3 0, skip_connect 2",
            "skip_connect 2, flood_conv_3x3 0",
        ),
        reduce_concat=(2, 3, 4, 5),
    ),
    # arXiv:1903.09900: the DARTS space built from SharpSepConv, scalar weighting
    "SHARPSEPCONV_DARTS": Genotype(
        normal=_edges(
            "sep_conv_3x3 0, sep_conv_3x3 1",
            "sep_conv_3x3 0, sep_conv_3x3 2",
            "skip_connect 0, sep_conv_3x3 1",
            "skip_connect 0, sep_conv_3x3 1",
        ),
        normal_concat=(2, 3, 4, 5),
        reduce=_edges(
            "max_pool_3x3 0, skip_connect 1",
            "skip_connect 2, avg_pool_3x3 0",
            "skip_connect 2, avg_pool_3x3 0",
            "skip_connect 2, skip_connect 3",
        ),
        reduce_concat=(2, 3, 4, 5),
    ),
    # the same space, Max-W weighting
    "SHARPSEPCONV_DARTS_MAX_W": Genotype(
        normal=_edges(
            "dil_conv_3x3 0, dil_conv_5x5 1",
            "sep_conv_3x3 2, dil_conv_5x5 1",
            "avg_pool_3x3 2, sep_conv_3x3 0",
            "avg_pool_3x3 4, max_pool_3x3 3",
        ),
        normal_concat=(2, 3, 4, 5),
        reduce=_edges(
            "max_pool_3x3 0, skip_connect 1",
            "sep_conv_5x5 0, skip_connect 2",
            "sep_conv_5x5 0, dil_conv_5x5 3",
            "sep_conv_5x5 4, skip_connect 3",
        ),
        reduce_concat=(2, 3, 4, 5),
    ),
    # the sharpDARTS space, Max-W weighting
    "SHARP_DARTS_MAX_W": Genotype(
        normal=_edges(
            "sep_conv_3x3 0, choke_conv_3x3 1",
            "skip_connect 0, dil_conv_3x3 2",
            "dil_flood_conv_3x3 3, flood_conv_3x3 0",
            "dil_flood_conv_3x3 0, flood_conv_3x3 3",
        ),
        normal_concat=(2, 3, 4, 5),
        reduce=_edges(
            "max_pool_3x3 0, skip_connect 1",
            "dil_choke_conv_3x3 0, dil_flood_conv_3x3 2",
            "dil_conv_3x3 0, skip_connect 3",
            "flood_conv_3x3 0, skip_connect 3",
        ),
        reduce_concat=(2, 3, 4, 5),
    ),
    # the 12 primitives of SharperDARTS, scalar weighting
    "SHARPER_SCALAR": Genotype(
        normal=_edges(
            "skip_connect 0, sep_conv_3x3 1",
            "sep_conv_3x3 1, skip_connect 0",
            "dil_flood_conv_3x3 3, flood_conv_3x3 1",
            "dil_flood_conv_3x3 3, dil_conv_3x3 4",
        ),
        normal_concat=(2, 3, 4, 5),
        reduce=_edges(
            "max_pool_3x3 0, skip_connect 1",
            "skip_connect 1, avg_pool_3x3 0",
            "avg_pool_3x3 1, dil_flood_conv_3x3 0",
            "flood_conv_3x3 3, skip_connect 4",
        ),
        reduce_concat=(2, 3, 4, 5),
    ),
    # the same, Max-W weighting
    "SHARPER_MAX_W": Genotype(
        normal=_edges(
            "sep_conv_3x3 0, dil_conv_5x5 1",
            "max_pool_3x3 0, sep_conv_7x7 2",
            "avg_pool_3x3 3, flood_conv_3x3 0",
            "flood_conv_3x3 1, skip_connect 2",
        ),
        normal_concat=(2, 3, 4, 5),
        reduce=_edges(
            "flood_conv_5x5 0, dil_flood_conv_3x3 1",
            "sep_conv_3x3 0, skip_connect 2",
            "sep_conv_3x3 0, skip_connect 2",
            "dil_conv_5x5 4, sep_conv_3x3 0",
        ),
        reduce_concat=(2, 3, 4, 5),
    ),
    # SHARPER_SCALAR derived with `none` as an eligible operation
    "SHARPER_SCALAR_genotype_no_hack": Genotype(
        normal=_edges(
            "none 1, skip_connect 0",
            "none 2, none 1",
            "none 2, none 1",
            "none 2, dil_flood_conv_3x3 3",
        ),
        normal_concat=(2, 3, 4, 5),
        reduce=_edges(
            "max_pool_3x3 0, skip_connect 1",
            "skip_connect 1, avg_pool_3x3 0",
            "avg_pool_3x3 1, dil_flood_conv_3x3 0",
            "none 4, flood_conv_3x3 3",
        ),
        reduce_concat=(2, 3, 4, 5),
    ),
    # SHARPER_MAX_W derived with `none` as an eligible operation
    "SHARPER_MAX_W_genotype_no_hack": Genotype(
        normal=_edges(
            "sep_conv_3x3 0, dil_conv_5x5 1",
            "max_pool_3x3 0, sep_conv_7x7 2",
            "avg_pool_3x3 3, flood_conv_3x3 0",
            "none 4, none 3",
        ),
        normal_concat=(2, 3, 4, 5),
        reduce=_edges(
            "flood_conv_5x5 0, dil_flood_conv_3x3 1",
            "sep_conv_3x3 0, skip_connect 2",
            "sep_conv_3x3 0, skip_connect 2",
            "dil_conv_5x5 4, sep_conv_3x3 0",
        ),
        reduce_concat=(2, 3, 4, 5),
    ),
    # SHARPSEPCONV_DARTS_MAX_W in the middle of its search
    "SHARPSEPCONV_DARTS_MAX_W_epoch47": Genotype(
        normal=_edges(
            "dil_conv_3x3 0, sep_conv_3x3 1",
            "sep_conv_3x3 2, skip_connect 0",
            "avg_pool_3x3 2, sep_conv_3x3 0",
            "avg_pool_3x3 4, max_pool_3x3 3",
        ),
        normal_concat=(2, 3, 4, 5),
        reduce=_edges(
            "max_pool_3x3 0, skip_connect 1",
            "dil_conv_5x5 2, sep_conv_5x5 0",
            "sep_conv_5x5 0, sep_conv_3x3 2",
            "dil_conv_3x3 0, dil_conv_5x5 3",
        ),
        reduce_concat=(2, 3, 4, 5),
    ),
}

ALIASES: Mapping[str, str] = {
    "DARTS_PRIMITIVES_DIL_IS_SEPCONV": "SHARPSEPCONV_DARTS",
    "CHOKE_FLOOD_DIL_IS_SEP_CONV": "SHARP_DARTS",
    "DARTS": "DARTS_V2",
    "SHARPER_SCALAR_genotype_skip_none": "SHARPER_SCALAR",
    "SHARPER_MAX_W_genotype_skip_none": "SHARPER_MAX_W",
}
"""Other names of published genotypes: alias -> name."""
