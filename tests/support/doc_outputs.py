"""Who holds what README and docs show, block by block: what is printed, drawn, or written in another language.

A command whose output is the same everywhere (`ALIKE_EVERYWHERE`) is held by tests/test_docs.py. For each other one,
and for each picture, there is a line here: the test that compares it, or why none can.
"""

import ast
import re
from collections.abc import Iterator

from doc_commands import shown
from doc_pages import ROOT, blocks, pages

ALIKE_EVERYWHERE = re.compile(r"sharptune (cost|space|genotype(?! derive)|plan quickstart|plan table2 --gpus)\b")
"""Commands that print the same on every machine, so what a page shows of them is held against what they print."""
COMPARISONS = "tests/test_comparisons_page.py::test_a_command_prints_what_the_page_shows"
STRUCTURE = "tests/integration/test_structure_page.py::test_its_examples_work"
IN_A_PAPER = "tests/orchestrator/cli/test_tables_page.py::test_the_page_shows_what_is_printed"
MACROS = "tests/orchestrator/cli/test_tables_page.py::test_the_macro_that_the_page_uses_is_one"
OF_TABLES = "tests/orchestrator/tables/test_tables_page.py::test_a_table_of_the_page_is_printed_as_it_stands_there"
INTERRUPT = "tests/docs/test_interrupt_page.py"
TUTORIAL = "tests/docs/test_tutorial_pages.py"
TRIAGE = "tests/docs/test_triage_page.py::test_every_command_of_the_page_prints_what_the_page_shows"

HELD = {
    "docs/architectures.md": {
        "sharptune genotype derive…": "tests/docs/test_budgets.py::test_the_command_prints_what_the_page_shows"
    },
    "README.md": {"text: Test error by weighting…": "tests/test_readme.py::test_both_pages_show_the_same_numbers"},
    "docs/comparisons.md": {"sharptune…": COMPARISONS},
    "docs/how-to/interrupt.md": {
        "sharptune run quickstart": f"{INTERRUPT}::test_a_run_that_is_interrupted_prints_what_the_page_shows",
        "sharptune rehearse quickstart --seed 1 --kinds driver,worker,ray,stop,pause": (
            f"{INTERRUPT}::test_the_rest_is_what_the_command_prints_of_such_a_rehearsal"
        ),
    },
    "docs/structure.md": {"sharptune…": STRUCTURE},
    "docs/tables.md": {
        "sharptune…": IN_A_PAPER,
        r"latex: \input{numbers}": MACROS,
        "text: …": OF_TABLES,
    },
    "docs/triage.md": {"sharptune…": TRIAGE},
    "docs/tutorial/first_run.md": {
        "text: quickstart: all 14 trials are done": (
            f"{TUTORIAL}::test_a_run_of_which_all_is_done_prints_what_the_first_run_shows"
        ),
    },
    "docs/tutorial/own_experiment.md": {
        "sharptune plan broken.yaml": (
            "tests/test_readme.py::test_the_mistakes_of_the_tutorial_are_said_in_these_words"
        ),
    },
    "docs/tutorial/read_the_table.md": {
        "sharptune table quickstart weighting --explain": (
            f"{TUTORIAL}::test_the_runs_of_each_cell_are_printed_as_the_tutorial_shows"
        ),
    },
}
"""Page -> an output's command, or a block's kind and first line -> the test that compares it. … ends what begins so."""
UNHELD = {
    "docs/structure.md": {"text:  experiments/*.yaml": "a drawing of folders; that each is named is tested"},
    "docs/export.md": {"r: rows <- …": "R, which is not among what tests need"},
}
"""The like -> why no test compares it."""
PICTURES = {
    "docs/figures/": "tests/orchestrator/figures/test_pictures.py::"
    "test_a_picture_of_the_page_shows_the_numbers_that_would_be_drawn_today",
    "docs/genotypes/": "tests/orchestrator/architectures/drawing/test_architecture.py::"
    "test_drawings_in_the_docs_are_up_to_date",
    "docs/pictures/report.png": "tests/orchestrator/cli/test_report.py::"
    "test_the_picture_in_the_documentation_is_small_and_how_it_is_made_is_said",
    "docs/results/nas_bench_201_small": "tests/docs/test_results_pages.py::test_a_page_shows_what_its_bundle_makes",
    "docs/results/weighting_bias.png": "tests/docs/test_weighting_bias_page.py::"
    "test_the_curves_of_its_picture_go_through_the_numbers_of_its_table",
}
"""A picture, or a folder of them -> its test. Of the report's it holds how it is made, not what it shows."""


def outputs() -> Iterator[tuple[str, str]]:
    """Yield page and command, or kind and first line of another block, of all that is not the same everywhere."""
    for block in blocks("console", "sh", "bash"):
        for line, output in shown(block):
            alike = ALIKE_EVERYWHERE.match(line) and block.page != "docs/structure.md"
            if output.strip() and not alike:
                yield block.page, line
    for block in blocks("", "text", "json", "latex", "r"):
        first, *_ = block.text.splitlines()
        yield block.page, f"{block.kind or 'text'}: {first}"


def entries() -> Iterator[tuple[str, str, str]]:
    """Yield page, output, and test or reason of each line above."""
    for listed in (HELD, UNHELD):
        for page, each in listed.items():
            yield from ((page, output, holder) for output, holder in each.items())


def holders(page: str, line: str) -> list[tuple[str, str, str]]:
    """Return the lines above that speak of an output."""
    return [entry for entry in entries() if entry[0] == page and _is_meant(line, entry[1])]


def _is_meant(line: str, output: str) -> bool:
    return line.startswith(output[:-1]) if output.endswith("…") else line == output


def pictures() -> list[str]:
    """Return the pictures that lie in docs/ or that a page shows, by their path."""
    lying = [path for kind in ("png", "svg", "jpg") for path in (ROOT / "docs").rglob(f"*.{kind}")]
    told = [
        ((ROOT / page).parent / target).resolve()
        for page, text in pages().items()
        for target in re.findall(r"!\[[^]]*\]\(([^)\s]+)\)", text)
        if "://" not in target
    ]
    return sorted({str(path.relative_to(ROOT)) for path in (*lying, *told) if "_build" not in path.parts})


def is_there(test: str) -> bool:
    """Say whether a file has a test of that name."""
    file, _, name = test.partition("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in tree.body)
