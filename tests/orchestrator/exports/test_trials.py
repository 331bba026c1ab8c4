"""What trackers are told of a trial."""

from table_worlds import make_world

from orchestrator.exports.trials import Curve, Exported


def test_a_curve_has_the_numbers_of_its_epochs_and_none_of_their_lists():
    row = next(iter(make_world().rows.values()))
    epochs = [{"epoch": 1, "error": 9.5, "alphas": [[0.25, 0.75]]}]

    points = list(Curve(trial=Exported.of_row(row), row=row, epochs=epochs).points())

    assert [(epoch, numbers) for epoch, _, numbers in points] == [(1, {"error": 9.5})]
