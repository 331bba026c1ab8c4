"""Architectures by name, by file, and by the trial that found them."""

import json

import pytest

from orchestrator.architectures.find import find_genotype
from orchestrator.errors import LedgerError
from trainables.architecture.genotype import describe
from trainables.architecture.published import PUBLISHED
from trainables.architecture.published_paths import PUBLISHED_PATHS
from trainables.errors import UnknownName
from trainables.record.trial_folder import seal
from trainables.trial import TrialRow, TrialSpec

SEARCH = TrialSpec(trainable="search", version=1, config={}, seed=0, parents=())
LONGEST, TOP_DOWN = PUBLISHED_PATHS["MULTI_CHANNEL_MAX_W_PATH"], PUBLISHED_PATHS["MULTI_CHANNEL_GREEDY_MAX_W_TOP_DOWN"]


@pytest.fixture
def storage(tmp_path, monkeypatch):
    """Returns a function that writes a search's row with some artifacts and returns (storage, trial id)."""
    monkeypatch.chdir(tmp_path)

    def write(**artifacts) -> tuple[str, str]:
        row = TrialRow(
            trial_id=SEARCH.trial_id, spec=SEARCH, config={}, state="done", metrics={}, artifacts=artifacts, error=None
        )
        folder = tmp_path / "runs" / "trials" / SEARCH.trial_id
        folder.mkdir(parents=True)
        (folder / "row.json").write_bytes(seal(row))
        return str(tmp_path / "runs"), SEARCH.trial_id

    return write


def test_names_and_files_come_before_trials(storage, tmp_path):
    runs, trial = storage(genotype=LONGEST.to_json())
    (tmp_path / trial).write_text(json.dumps(PUBLISHED["DARTS_V1"].to_json()))

    assert find_genotype("HANDMADE", runs) == (PUBLISHED_PATHS["MULTI_CHANNEL_HANDMADE_PATH"], "ssc")
    assert find_genotype(trial, runs) == (PUBLISHED["DARTS_V1"], "ssc")


def test_a_trials_genotype_goes_with_its_own_operations(storage):
    runs, trial = storage(genotype=describe(PUBLISHED["DARTS_V2"], "original"))

    assert find_genotype(trial[:6], runs) == (PUBLISHED["DARTS_V2"], "original")


def test_a_trial_that_has_found_several_says_which(storage):
    runs, trial = storage(genotype=LONGEST.to_json(), genotype_top_down=TOP_DOWN.to_json())

    assert find_genotype(trial, runs) == (LONGEST, "ssc")
    assert find_genotype(f"{trial[:4]}:genotype_top_down", runs) == (TOP_DOWN, "ssc")
    with pytest.raises(UnknownName, match="'genotype_topdown'; did you mean 'genotype_top_down'"):
        find_genotype(f"{trial}:genotype_topdown", runs)


def test_a_trial_without_a_genotype_says_so(storage):
    runs, trial = storage(other={})

    with pytest.raises(LedgerError, match="has found no genotype"):
        find_genotype(trial, runs)


@pytest.mark.parametrize("what", ["DARTS_V3", "", ":", ":genotype", "0123:genotype"])
def test_what_is_nothing_is_unknown(storage, what):
    runs, _ = storage(genotype=LONGEST.to_json())

    with pytest.raises(UnknownName, match="unknown genotype"):
        find_genotype(what, runs)


def test_a_file_tells_how_its_operations_are_built(storage, tmp_path):
    (tmp_path / "cells.json").write_text(json.dumps(describe(PUBLISHED["DARTS_V1"], "original")))

    assert find_genotype("cells.json", str(tmp_path / "runs")) == (PUBLISHED["DARTS_V1"], "original")
