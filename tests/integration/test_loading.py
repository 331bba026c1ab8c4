"""What loading a module, or a command, loads, each in a fresh process: looking at experiments must not wait for it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from torch_free import TORCH_FREE

from orchestrator.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
HEAVY = "{'torch', 'ray', 'torchvision'}"
SLOW_TO_LOAD = (
    *("PIL", "boto3", "matplotlib", "networkx", "numpy", "obstore", "pandas", "pyarrow", "pydantic", "ray", "rich"),
    *("ruamel.yaml", "safetensors", "scipy", "torch", "torchvision"),
)
"""All that sharptune depends on but click and psutil."""
A_PLAN = ["pydantic", "ruamel.yaml"]
RUN = ["run", "quickstart", "--dry-run"]
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


def slow_modules(code: str) -> list[str]:
    """Run code in a process of its own; return those of SLOW_TO_LOAD that it has loaded, or its traceback."""
    return run_code(f"{code}; import sys; sys.exit(' '.join(m for m in {SLOW_TO_LOAD} if m in sys.modules))")[1].split()


def calling(*arguments: str) -> str:
    """Return code that calls a command."""
    return f"from orchestrator.cli.main import invoke; assert invoke({list(arguments)}) == 0"


@pytest.mark.parametrize("code", ["import orchestrator", calling("--help"), calling("--version")])
def test_looking_at_what_there_is_loads_nothing_slow(code):
    assert slow_modules(code) == []


def test_the_help_of_a_command_loads_no_more_than_a_plan_does():
    """All in one process: the first command that loads more is the one that is named."""
    code = f"""
import json, sys
from orchestrator.cli.main import COMMANDS, invoke
found = {{}}
for name in [command.name for command in COMMANDS]:
    found[name] = [invoke([name, "--help"]), *(m for m in {SLOW_TO_LOAD} if m in sys.modules and m not in {A_PLAN})]
sys.exit(json.dumps(found))
"""

    assert json.loads(run_code(code)[1]) == {command.name: [0] for command in COMMANDS}


@pytest.mark.parametrize(
    "command", [["plan", "quickstart"], ["status"], ["status", "quickstart"], ["table", "quickstart"], RUN]
)
def test_a_plan_where_it_stands_and_its_tables_load_what_reads_yaml_and_checks_it(tmp_path, command):
    assert slow_modules(calling(*command, "--storage", str(tmp_path))) == A_PLAN
