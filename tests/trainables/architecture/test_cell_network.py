"""The networks of a genotype against naive ones; the auxiliary head; drop path."""

import pytest
import torch
from torch.nn import functional as F

from trainables.architecture.cell_network import Cell, CellNetwork, ImageNetNetwork
from trainables.architecture.cell_supernet import CellSupernet
from trainables.architecture.drop_path import draw_keep
from trainables.architecture.genotype import InvalidGenotype
from trainables.architecture.hypercuboid_supernet import MultiChannelSupernet
from trainables.architecture.path_network import PathNetwork
from trainables.architecture.paths import MultiChannelPath, PathStep
from trainables.architecture.published import PUBLISHED
from trainables.architecture.spaces import SPACES, MultiChannelSpace
from trainables.errors import TrialFailure

BOTH = ("DARTS_V2", "AmoebaNet")
CASES = [(name, operations) for name in BOTH for operations in ("ssc", "original")] + [("SHARP_DARTS_MAX_W", "ssc")]


def build(name="DARTS_V2", operations="ssc", auxiliary=True, mid_channels=5, network=CellNetwork, layers=3):
    return network(
        genotype=PUBLISHED[name],
        operations=operations,
        channels=2,
        layers=layers,
        classes=3,
        auxiliary=auxiliary,
        mid_channels=mid_channels,
    )


@pytest.fixture
def twins(naive, request):
    name, operations = request.param
    ours = build(name, operations)
    return ours, twin_of(ours, naive.Network(PUBLISHED[name], operations, 2, 3, 3, middle=5))


def twin_of(ours, theirs):
    """The naive network, with the numbers of ours."""
    stems = [(ours.first_stem, theirs.first_stem)] if ours.first_stem is not None else []
    for module, twin in [
        *stems,
        (ours.stem, theirs.stem),
        (ours.classifier, theirs.classifier),
        (ours.auxiliary, theirs.auxiliary),
        *((c.preprocess0, t.first) for c, t in zip(ours.cells, theirs.cells, strict=True)),
        *((c.preprocess1, t.second) for c, t in zip(ours.cells, theirs.cells, strict=True)),
        *((c.operations, t.choices) for c, t in zip(ours.cells, theirs.cells, strict=True)),
    ]:
        for source, target in zip(module.parameters(), twin.parameters(), strict=True):
            target.data.copy_(source)
    return theirs


@pytest.mark.parametrize("twins", CASES, indirect=True, ids="-".join)
def test_the_network_equals_a_naive_one_to_the_last_digits(twins):
    ours, theirs = twins
    x, labels = torch.randn(3, 3, 32, 32), torch.tensor([0, 1, 2])

    results = []
    for network in twins:
        logits, auxiliary = network(x)
        (F.cross_entropy(logits, labels) + 0.4 * F.cross_entropy(auxiliary, labels)).backward()
        norm = torch.stack([p.grad.norm() for p in network.parameters() if p.grad is not None]).norm()
        results.append((logits, auxiliary, network.stem[0].weight.grad, norm))

    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-10)
    assert ours.eval()(x)[1] is None
    torch.testing.assert_close(ours(x)[0], theirs.eval()(x)[0], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "operations", "layers"),
    [("SHARP_DARTS_MAX_W", "ssc", 4), ("NASNet", "original", 3)],  # NASNet's cells differ in what they concatenate
)
def test_the_imagenet_network_equals_a_naive_one_to_the_last_digits(naive, name, operations, layers):
    ours = build(name, operations, network=ImageNetNetwork, layers=layers)
    theirs = twin_of(ours, naive.Network(PUBLISHED[name], operations, 2, layers, 3, middle=5, imagenet=True))
    auxiliary, ours.auxiliary = ours.auxiliary, None  # it needs larger images
    x, labels = torch.randn(3, 3, 64, 64), torch.tensor([0, 1, 2])

    results = []
    for network, logits in ((ours, ours(x)[0]), (theirs, theirs(x, auxiliary=False)[0])):
        F.cross_entropy(logits, labels).backward()
        norm = torch.stack([p.grad.norm() for p in network.parameters() if p.grad is not None]).norm()
        results.append((logits, network.first_stem[0].weight.grad, norm))

    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(ours.eval()(x)[0], theirs.eval()(x)[0], rtol=1e-9, atol=1e-10)
    maps = torch.randn(2, theirs.auxiliary[2].in_channels, 7, 7)
    torch.testing.assert_close(auxiliary(maps), theirs.auxiliary.train()(maps), rtol=1e-9, atol=1e-10)


def test_the_imagenet_network_takes_images_of_any_size_and_says_what_its_auxiliary_head_needs():
    def output(size, auxiliary):
        return build(network=ImageNetNetwork, auxiliary=auxiliary)(torch.randn(2, 3, size, size))

    assert output(32, False)[0].shape == output(75, False)[0].shape == (2, 3)
    assert output(193, True)[1].shape == output(224, True)[1].shape == (2, 3)
    with pytest.raises(TrialFailure, match="images of 193×193 pixels or more; set auxiliary: false"):
        output(192, True)


@pytest.mark.parametrize("twins", [("DARTS_V2", "ssc"), ("NASNet", "ssc")], indirect=True, ids="-".join)
def test_drop_path_drops_the_same_edges_as_its_draw_says(twins):
    ours, theirs = twins
    p, x = 0.4, torch.randn(4, 3, 32, 32)
    droppable = sum(cell.droppable for cell in ours.cells)
    drawn = torch.empty(droppable, 4).bernoulli_(1 - p, generator=torch.Generator().manual_seed(3))
    kept = draw_keep(ours.droppable, 4, drop_path=p, generator=torch.Generator().manual_seed(3))

    torch.testing.assert_close(ours(x, kept), theirs(x, keep=drawn / (1 - p)), rtol=1e-9, atol=1e-10)


def test_drop_path_draws_from_its_generator_and_from_nothing_else():
    network, x = build(), torch.randn(4, 3, 32, 32)
    outputs = []
    for seed in (1, 1, 2):
        before = torch.get_rng_state()
        generator = torch.Generator().manual_seed(seed)
        outputs.append(network(x, draw_keep(network.droppable, 4, drop_path=0.5, generator=generator))[0])
        assert torch.equal(torch.get_rng_state(), before)

    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_drop_path_leaves_maps_in_half_precision(dtype):
    """In a factor of float32 every map behind the first dropped edge would be float32 too."""
    network, types = build(auxiliary=False), []
    network.float()
    for cell in network.cells:
        cell.register_forward_hook(lambda cell, inputs, output: types.append(output.dtype))
    keep_DB = draw_keep(network.droppable, 4, drop_path=0.5, generator=torch.Generator().manual_seed(0))

    with torch.autocast("cpu", dtype=dtype):
        network(torch.randn(4, 3, 32, 32, dtype=torch.float32), keep_DB)

    assert types == [dtype] * len(network.cells)


def test_images_too_small_for_the_auxiliary_head_fail_with_the_remedy():
    x = torch.randn(2, 3, 16, 16)

    with pytest.raises(TrialFailure, match="images of 29×29 pixels or more; set auxiliary: false"):
        build()(x)
    assert build(auxiliary=False)(x)[0].shape == (2, 3)
    assert build()(torch.randn(2, 3, 64, 64))[1].shape == (2, 3)


def test_operations_that_lack_one_of_the_genotype_are_refused():
    with pytest.raises(InvalidGenotype, match="'original' operations have no 'choke_conv_3x3'"):
        build("SHARP_DARTS", "original")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_drop_path_rounds_no_factor(dtype):
    """1 / 0.95 is 1.0547 in bfloat16: trained with it, edges would be 0.2 % weaker when the network is tested."""
    cell = Cell(
        edges=[("max_pool_3x3", 0), ("avg_pool_3x3", 0)],
        concat=[2],
        operations="ssc",
        channels_in=(4, 4),
        channels=4,
        reduction=False,
        after_reduction=False,
        mid_channels=4,
    ).float()
    factor = 1.0 / 0.95
    x_BCHW, keep_DB = torch.randn(8, 4, 16, 16, dtype=torch.float32), torch.ones(2, 8, dtype=torch.float32)

    with torch.no_grad(), torch.autocast("cpu", dtype=dtype):
        kept, scaled = (cell(x_BCHW, x_BCHW, keep).float() for keep in (keep_DB, factor * keep_DB))

    assert float((scaled * kept).sum() / kept.square().sum()) == pytest.approx(factor, abs=2e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_logits_are_float32_under_any_precision(dtype):
    """In half precision some would be equal that are not."""
    path = MultiChannelPath(steps=(PathStep(operation="sep_conv_3x3", channels_in=3, channels_out=4, stride=2),))
    paths = MultiChannelSpace(name="", scales=(2, 3), blocks=1, layers=2, head_channels=4)
    networks = [
        build(),
        PathNetwork(path=path, classes=3, head_channels=4),
        CellSupernet(space=SPACES["darts_ssc"], weighting="scalar", channels=2, layers=3, classes=3),
        MultiChannelSupernet(space=paths, weighting="scalar", classes=3),
    ]

    with torch.autocast("cpu", dtype=dtype):
        outputs = [network.float()(torch.randn(2, 3, 32, 32, dtype=torch.float32)) for network in networks]

    logits = [logit for output in outputs for logit in (output if isinstance(output, tuple) else (output,))]
    assert [logit.dtype for logit in logits if logit is not None] == [torch.float32] * 5
