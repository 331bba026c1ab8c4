"""What loading a module loads, each in a fresh process: looking at experiments must not wait for torch or Ray."""

import subprocess
import sys
from pathlib import Path

import pytest
from torch_free import TORCH_FREE

ROOT = Path(__file__).parents[2]
HEAVY = "{'torch', 'ray', 'torchvision'}"
TABLES = ("tables.table", "tables.formats.catalog", "paper.published", "tables.statistics")


def run_code(code: str) -> tuple[int, str]:
    """Run Python code in a process of its own; return its exit code and what it complained of."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "module",
    [*TORCH_FREE, *(f"orchestrator.{name}" for name in ("cli.main", "planning.plan", *TABLES))],
)
def test_loading_it_loads_neither_torch_nor_ray(module):
    assert run_code(f"import sys, {module}; sys.exit(' '.join({HEAVY} & set(sys.modules)) or None)") == (0, "")


def test_planning_loads_neither_torch_nor_ray():
    code = (
        "import sys; from orchestrator.planning.plan import expand;"
        "from orchestrator.document.experiment import load_experiment;"
        "from trainables.catalog import CATALOG; expand(load_experiment('quickstart'), CATALOG);"
        f"sys.exit(' '.join({HEAVY} & set(sys.modules)) or None)"
    )

    assert run_code(code) == (0, "")
