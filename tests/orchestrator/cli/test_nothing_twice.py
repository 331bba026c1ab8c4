"""What `plan`, `run`, `status` and tables say of trials that are alike."""

from pathlib import Path

import pytest

ALIKE = """\
experiment: alike
stages:
  root:
    trainable: chain
    config: {epochs: 1, steps: 1}
    grid: {hold: [/nowhere/1, /nowhere/2], seed: [0]}
  child:
    trainable: chain
    needs: root
    config: {link: "${root.genotype}", epochs: 1, steps: 1}
    grid: {seed: [0, 1]}
tables:
  - name: pooled
    stage: child
    rows: []
    pool: [root.hold]
    columns: [error, cpu_days]
  - name: apart
    stage: child
    rows: [root.hold]
    columns: [error, cpu_days]
"""


@pytest.fixture
def alike(sharptune):
    """Write an experiment whose two roots find the same."""
    Path("alike.yaml").write_text(ALIKE)
    return sharptune


@pytest.fixture
def done(alike):
    """Have it run."""
    assert alike("run", "alike.yaml", "--runner", "local").code == 0
    return alike


def test_run_says_which_trials_take_over_a_row_and_status_afterwards_from_which(alike):
    ran = alike("run", "alike.yaml", "--runner", "local")
    status = alike("status", "alike.yaml", "--json").json

    twins = {trial["id"]: trial["twin"] for trial in status["trials"] if "twin" in trial}
    assert len(twins) == 2
    for twin in twins.values():
        assert ran.out.count(f"takes over the row of {twin}, which is alike") == 1


def test_plan_foresees_what_would_be_taken_over_and_counts_it(done):
    more = done("plan", "alike.yaml", "--set", "stages.child.grid.seed=[0, 1, 2]")
    dry = done("run", "alike.yaml", "--set", "stages.child.grid.seed=[0, 1, 2]", "--dry-run")
    told_not_to = done("run", "alike.yaml", "--set", "stages.child.grid.seed=[0, 1, 2]", "--dry-run", "--no-adopt")

    counted = "alike: 8 trials; 6 done, 2 new; 1 of them would take over the row of another trial that is alike"
    assert counted in more.out.splitlines()
    assert more.out.count("never started; would take over the row of") == 1
    assert dry.out.count("would take over the row of") == 2
    assert "alike: 8 trials; 6 done, 2 new\n" in told_not_to.out
