"""In one's own Tuner names mean what they mean in an experiment."""

import json
from pathlib import Path

import pytest

from trainables.architecture.genotype import describe
from trainables.architecture.published import PUBLISHED
from trainables.config import TrainConfig
from trainables.errors import SharptuneError
from trainables.kinds.contents import filled_in

DARTS = PUBLISHED["DARTS_V2"]
HERE = Path()


@pytest.mark.parametrize("name", ["DARTS_V2", "DARTS"])
def test_a_named_genotype_is_its_cells(name):
    found = filled_in({"genotype": name, "dataset": "cifar10-mini", "p": 1}, base=HERE)

    assert found == {"genotype": DARTS.to_json(), "dataset": "cifar10-mini", "p": 1}
    assert TrainConfig(**found).genotype == DARTS.to_json()


def test_a_genotype_that_a_search_found_brings_its_operations(tmp_path):
    artifact = describe(DARTS, "original")
    (tmp_path / "found.json").write_text(json.dumps(artifact))
    expected = {"genotype": DARTS.to_json(), "operations": "original"}

    assert filled_in({"genotype": artifact}, base=HERE) == expected
    assert filled_in({"genotype": "found.json"}, base=tmp_path) == expected
    assert filled_in({"genotype": artifact, "operations": "original"}, base=HERE) == expected
    with pytest.raises(SharptuneError, match="operations: 'ssc' conflicts with 'original', which the genotype has"):
        filled_in({"genotype": artifact, "operations": "ssc"}, base=HERE)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"genotype": "DARTS_V3"}, "unknown genotype 'DARTS_V3'; did you mean 'DARTS_V2'"),
        ({"dataset": "cifar11"}, "unknown dataset 'cifar11'; did you mean 'cifar10'"),
        ({"genotype": {"kind": "graph"}}, "unknown kind of genotype 'graph'"),
    ],
)
def test_a_wrong_name_is_a_sentence(settings, sentence):
    with pytest.raises(SharptuneError) as caught:
        filled_in(settings, base=HERE)

    assert sentence in str(caught.value)
