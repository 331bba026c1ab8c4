"""What a training takes of a search within a budget: from the alphas that are recorded, the same whenever it starts."""

import pytest
from made_searches import write_search

from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import read_architecture
from trainables.catalog import CATALOG
from trainables.errors import DamagedFile
from trainables.record.lineage import gather
from trainables.record.local_storage import LocalStorage
from trainables.record.trial_folder import TrialFolder
from trainables.stand_in import stand_in
from trainables.trial import TrialSpec, artifact_digest

SEARCH = TrialSpec(trainable="search", version=2, config={"space": ["none", "skip_connect", "sep_conv_3x3"]}, seed=0)
SIZE = {"channels": 2, "layers": 3}


@pytest.fixture
def storage(tmp_path):
    write_search(tmp_path, SEARCH)
    return LocalStorage(tmp_path)


def training(key="genotype_within_2200_params", **config):
    reference = {"parent": 0, "key": key}
    settings = {"genotype": reference, "dataset": "cifar10-mini", "auxiliary": False, **SIZE, **config}
    return TrialSpec(trainable="train", version=2, config=settings, seed=0, parents=(SEARCH.trial_id,))


def test_a_training_takes_the_best_architecture_within_its_budget_for_the_network_that_it_trains(storage):
    inputs = gather(storage, training(), CATALOG["train"].derive)
    whole = gather(storage, training("genotype"))
    wider = gather(storage, training(channels=3), CATALOG["train"].derive)

    def params(found, **size):
        return architecture_cost(read_architecture(found.config["genotype"]), **{**SIZE, **size}).params

    assert params(inputs) <= 2200 < params(whole)
    assert params(wider, channels=3) <= 2200 < params(inputs, channels=3)
    assert CATALOG["train"].config_class()(**inputs.config).model_dump()["genotype"] == inputs.config["genotype"]
    assert gather(storage, training(), CATALOG["train"].derive) == inputs


def test_the_receipt_names_what_the_row_says_of_the_epoch_whose_alphas_were_read(storage):
    row = TrialFolder(storage, SEARCH.trial_id).read_row()
    inputs = gather(storage, training(), CATALOG["train"].derive)
    assert row is not None
    assert inputs.consumed == {
        SEARCH.trial_id: {
            "genotype": artifact_digest(row.artifacts["genotype"]),
            "search_val_error_best": artifact_digest(row.metrics["search_val_error_best"]),
        }
    }


@pytest.mark.parametrize(
    ("left", "sentence"),
    [
        (None, f"the epochs.parquet of trial {SEARCH.trial_id}, which holds its alphas, is not in its folder"),
        (b"other", f"trial {SEARCH.trial_id}: .*epochs.parquet is not the file its row was written with"),
    ],
)
def test_alphas_that_are_gone_are_no_fault_of_the_settings_and_the_sentence_says_what_to_do(
    storage, tmp_path, left, sentence
):
    epochs = tmp_path / "trials" / SEARCH.trial_id / "epochs.parquet"
    epochs.unlink() if left is None else epochs.write_bytes(left)

    with pytest.raises(DamagedFile, match=rf"{sentence}; sharptune retry {SEARCH.trial_id} computes it anew$"):
        gather(storage, training(), CATALOG["train"].derive)


def test_a_stand_in_takes_what_its_parent_found(storage):
    inputs = gather(storage, training(), stand_in(CATALOG["train"]).derive)
    assert inputs.config["genotype"] == gather(storage, training("genotype")).config["genotype"]
