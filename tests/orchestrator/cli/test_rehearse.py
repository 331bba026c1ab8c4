"""`sharptune rehearse`: what it refuses before any process starts."""

import pytest


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--kinds", "drivers"], "unknown kind of fault 'drivers'; did you mean 'driver'?"),
        (["--kinds", "node"], "there is no fault of kind 'node' here, only driver, worker, ray, stop, pause, rival"),
        (
            ["--kinds", "ray", "--runner", "local"],
            "there is no fault of kind 'ray' here, only driver, stop, pause, rival",
        ),
        (["--nodes", "2", "--runner", "local"], "--nodes goes with --runner ray"),
        (["--nodes", "2", "--address", "auto"], "--nodes starts a cluster, --address joins one; give one of the two"),
        (["--keep"], "--keep goes with --storage"),
        (["--set", "stages.root.config.epochs=x"], "stages.root.config.epochs"),
    ],
)
def test_what_cannot_be_rehearsed_is_said_in_a_sentence(sharptune, options, sentence):
    result = sharptune("rehearse", "chains.yaml", *options)

    assert result.code == 2
    assert sentence in result.err
    assert "Traceback" not in result.err
