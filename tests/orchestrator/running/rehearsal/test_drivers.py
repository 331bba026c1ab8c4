"""What drivers of a rehearsal leave behind is told, but for what is none of their doing."""

from orchestrator.running.rehearsal.drivers import Drivers


def test_folders_that_are_left_are_told_but_those_that_wandb_makes_on_import(tmp_path):
    drivers = Drivers(None, tmp_path, None, {})  # pyright: ignore  (none is started)
    for name in ("sharptune-tune-1", "tmpabcwandb-media", "tmpdefwandb-artifacts"):
        (tmp_path / "tmp" / name).mkdir()

    assert drivers.folders_left() == ["sharptune-tune-1"]
