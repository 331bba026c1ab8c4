"""`sharptune table`: every format, and the way back from a number to its runs."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from command_line import CHAINS, rows
from table_worlds import FakeTable, gappy_world, make_world

from orchestrator.cli.explain import cell_text, explanation
from orchestrator.cli.main import invoke
from orchestrator.ledger import Ledger
from orchestrator.tables.table import build
from trainables.record.storage import open_storage


def test_a_table_as_json_has_numbers_and_the_trials_behind_them(sharptune, run):
    run()
    data = sharptune("table", "chains.yaml", "widths", "--format", "json").json
    cell = data["rows"][0]["cells"]["error"]

    assert {"median", "low", "high", "n", "trials"} <= set(cell)
    assert cell["n"] == len(cell["trials"]) == 2
    found = sorted(rows()[trial][2]["error"] for trial in cell["trials"])
    assert (cell["low"], cell["high"]) == (found[0], found[1])
    assert cell["median"] == pytest.approx(sum(found) / 2)
    assert sharptune("table", "chains.yaml", "--json").json == data


@pytest.fixture
def nothing_ran(chains):
    """A storage without a trial."""
    chains.with_name("runs").mkdir()


def test_several_tables_are_one_json_document(sharptune, chains, nothing_ran):
    chains.write_text(CHAINS + "  - {name: again, stage: root, rows: [], columns: [error]}\n")

    assert [table["name"] for table in sharptune("table", "chains.yaml", "--json").json] == ["widths", "again"]


@pytest.mark.parametrize("form", ["text", "markdown", "latex", "html", "csv", "json"])
def test_a_table_has_every_format_also_before_anything_ran(sharptune, nothing_ran, form):
    result = sharptune("table", "chains.yaml", "--format", form)

    assert (result.code, result.err) == (0, "")
    assert "error_best" in result.out.replace("\\_", "_")


def test_a_number_can_be_walked_back_to_its_runs(sharptune, run):
    run()
    cell = sharptune("table", "chains.yaml", "--json").json["rows"][1]["cells"]["error"]

    result = sharptune("table", "chains.yaml", "--explain")
    block = next(b for b in result.out.split("\n\n") if b.startswith(f"width=2  error  median {cell['median']:.10g}"))

    assert len(block.splitlines()) == 3
    for trial in cell["trials"]:
        line = next(line for line in block.splitlines() if trial in line)
        assert f"{cell['values'][trial]:.10g}" in line
        assert "seed 0" in line
        folder = Path(line.split()[-1])
        assert (folder.name, json.loads((folder / "row.json").read_text())["trial_id"]) == (trial, trial)


def test_what_is_walked_back_is_the_number_that_stands_in_the_table_unrounded(tmp_path):
    world = make_world()
    table = build(world.plan, world.rows, FakeTable(columns=("test_error_best", "params"), statistic="best"))
    heads = [block.splitlines()[0] for block in explanation(table, Ledger(open_storage(str(tmp_path)))).split("\n\n")]

    assert "weighting=scalar p=1  test_error_best  best 6.1" in heads
    assert "weighting=scalar p=1  params  median 3529270" in heads


def test_a_missing_run_is_explained_too(sharptune, nothing_ran):
    assert sharptune("table", "chains.yaml", "--explain").out.count("missing: it has no row yet") == 8


def test_each_planned_run_of_a_number_is_one_line_with_its_value_or_why_it_has_none(tmp_path):
    world = gappy_world()
    table = build(world.plan, world.rows, FakeTable())
    blocks = explanation(table, Ledger(open_storage(str(tmp_path)))).split("\n\n")
    _, *lines = next(b for b in blocks if b.startswith("weighting=scalar p=1  test_error_best  ")).splitlines()

    assert len(lines) == 6
    assert sum("failed: loss is nan in epoch 3, step 17" in line for line in lines) == 1
    assert sum("missing: it has no row yet" in line for line in lines) == 1


def test_a_table_fits_the_terminal(sharptune, nothing_ran, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")

    assert max(map(len, sharptune("table", "chains.yaml").out.splitlines())) <= 40


def test_one_number_is_opened_by_its_row_and_column(sharptune, run):
    run()
    cell = sharptune("table", "chains.yaml", "--json").json["rows"][1]["cells"]["error"]
    opened = sharptune("table", "chains.yaml", "widths", "--explain", "width=2", "error", "--json").json

    assert {key: opened[key] for key in ("median", "low", "high", "n", "expected")} == {
        key: cell[key] for key in ("median", "low", "high", "n", "expected")
    }
    assert opened["how"].startswith("the median of ")
    assert [run["trial"] for run in opened["runs"]] == cell["trials"]
    for one in opened["runs"]:
        assert one["value"] == cell["values"][one["trial"]]
        assert (one["state"], one["seed"], Path(one["folder"]).name) == ("done", 0, one["trial"])

    told = sharptune("table", "chains.yaml", "--explain", "2", "1").out
    assert told == sharptune("table", "chains.yaml", "widths", "2", "error", "--explain").out
    assert told.startswith(f"widths: 2, error: {opened['text']}\n{opened['how']}\n")
    assert all(one["folder"] in told and f"{one['value']:.10g}" in told for one in opened["runs"])


def test_what_a_number_lacks_is_told_when_it_is_opened(sharptune, nothing_ran):
    told = sharptune("table", "chains.yaml", "--explain", "1", "error").out

    assert told.startswith("widths: 1, error: –\nno number yet: 0 of 2 planned runs, 2 roots × 1\n\n")
    assert told.count("missing: it has no row yet") == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--explain", "3", "error"), "table 'widths' has 2 rows, and they are counted from 1; got 3"),
        (("--explain", "1", "eror"), "unknown column 'eror'; did you mean 'error'"),
        (("widths", "1", "error"), "table takes an EXPERIMENT and one NAME"),
        (("--explain", "widths", "1", "error", "x"), "table takes an EXPERIMENT and a NAME, a ROW and a COLUMN"),
        (("--explain", "--format", "latex"), "--explain is text"),
        (("--width", "page"), "--width is for --format latex, not for text"),
        (("--macros", "m.tex", "--format", "latex"), "--macros writes a file of macros"),
        (("widhts",), "did you mean 'widths'"),
    ],
)
def test_what_cannot_be_asked_of_a_table_is_a_sentence(sharptune, nothing_ran, words, sentence):
    result = sharptune("table", "chains.yaml", *words)

    assert (result.code, result.out) == (2, "")
    assert sentence in result.err
    assert not Path("m.tex").exists()


def test_which_table_is_meant_must_be_said_where_there_are_several(sharptune, chains, nothing_ran):
    chains.write_text(CHAINS + "  - {name: again, stage: root, rows: [], columns: [error]}\n")

    assert "name the table, too" in sharptune("table", "chains.yaml", "--explain", "1", "error").err
    assert sharptune("table", "chains.yaml", "again", "--explain", "1", "error").code == 0


def test_latex_is_as_wide_as_is_asked(sharptune, chains, nothing_ran):
    chains.write_text(CHAINS.replace("stage: child\n", "stage: child\n    width: column\n"))

    assert "\\begin{table}" in sharptune("table", "chains.yaml", "--format", "latex").out
    wide = sharptune("table", "chains.yaml", "--format", "latex", "--width", "sideways").out
    assert "\\begin{sidewaystable*}" in wide
    assert "% needs \\usepackage{booktabs} \\usepackage{rotating}" in wide


def test_a_width_there_is_not_is_a_mistake_of_the_file(sharptune, chains, nothing_ran):
    chains.write_text(CHAINS.replace("stage: child\n", "stage: child\n    width: pages\n"))
    result = sharptune("table", "chains.yaml")

    assert (result.code, "chains.yaml:15" in result.err, "read 'pages'" in result.err) == (2, True, True)


def test_macros_and_tables_in_a_paper_are_held_against_the_rows(sharptune, run):
    run()
    written = sharptune("table", "chains.yaml", "--macros", "numbers.tex")
    assert (written.code, written.out) == (0, "numbers.tex: 4 macros of widths\n")
    Path("table.tex").write_text(sharptune("table", "chains.yaml", "--format", "latex").out)
    Path("paper.tex").write_text("\\input{numbers}\n\\input{table}\n")

    fine = sharptune("check-paper", "paper.tex")
    assert (fine.code, fine.err) == (0, "")
    assert fine.out == "paper.tex: 8 numbers of table widths looked at; none not as the rows have it\n"
    assert sharptune("check-paper", "paper.tex", "--json").json["ok"] is True

    trial = sharptune("table", "chains.yaml", "--json").json["rows"][0]["cells"]["error"]["trials"][0]
    shutil.rmtree(Path("runs/trials") / trial)
    stale = sharptune("check-paper", "paper.tex")
    assert stale.code == 1
    assert "numbers.tex:5: \\widthsWidthOneError is" in stale.out
    assert f"run {trial} is missing; n fell from 2 to 1" in stale.out
    data = sharptune("check-paper", "paper.tex", "--json").json
    assert (data["ok"], data["checked"]) == (False, 8)
    assert f"8 numbers of table widths looked at; {len(data['findings'])} not as the rows have it" in stale.out
    assert {finding["kind"] for finding in data["findings"]} == {"fewer"}
    assert {finding["file"] for finding in data["findings"]} == {"numbers.tex", "table.tex"}

    nowhere = sharptune("check-paper", "paper.tex", "--storage", "nowhere")
    assert "storage nowhere, cannot be made any more: there is no storage" in nowhere.out
    assert nowhere.out.splitlines()[1:] == [
        "paper.tex: 8 numbers of table widths looked at; 8 could not be held against any row"
    ]
    Path("empty/trials").mkdir(parents=True)
    empty = sharptune("check-paper", "paper.tex", "--storage", "empty")
    assert (empty.code, len(empty.out.splitlines())) == (1, 2)
    assert "storage empty has no row of chains.yaml any more: nothing can be held against it\n" in empty.out
    shutil.move("runs", "moved")
    gone = sharptune("check-paper", "paper.tex")
    assert (gone.code, "cannot be made any more: there is no storage" in gone.out) == (1, True)
    assert sharptune("check-paper", "paper.tex", "--storage", "moved").code == 1


def test_what_a_paper_names_is_found_beside_it_as_it_was_made_and_notes_do_not_judge(sharptune, run, chains):
    chains.write_text(CHAINS.replace("[error, error_best]", "[{metric: error, digits: 2}]"))
    deeper = "stages.child.config.steps=3"
    run("--set", deeper)
    Path("paper").mkdir()
    sharptune("table", "chains.yaml", "--set", deeper, "--macros", "paper/numbers.tex")
    for name in ("runs", "chains.yaml"):
        shutil.move(name, f"paper/{name}")
    numbers = Path("paper/numbers.tex").read_text()
    known = re.findall(r"}{(\d+\.\d\d)", numbers)[0]
    Path("paper/paper.tex").write_text(f"\\input{{numbers}}\n\\input{{none}}\nIt is {known} here.\n")

    result = sharptune("check-paper", "paper/paper.tex")
    assert result[:2] == (0, "paper/paper.tex: 2 numbers of table widths looked at; none not as the rows have it\n")
    assert "note: paper.tex:2: \\input{none} is not there" in result.err
    assert f"note: paper.tex:3: {known}" in result.err
    assert sharptune("check-paper", "paper/paper.tex", "--json").json["paper"] == "paper/paper.tex"


def test_macros_as_json_are_those_of_the_file(sharptune, run):
    run()
    data = sharptune("table", "chains.yaml", "--macros", "numbers.tex", "--json").json

    text = Path("numbers.tex").read_text()
    assert [f"\\newcommand{{\\{macro['macro']}}}" in text for macro in data["macros"]] == [True] * 4


def test_a_paper_without_our_numbers_says_how_they_come_into_it(sharptune, chains):
    Path("paper.tex").write_text("text\n")
    result = sharptune("check-paper", "paper.tex")

    assert (result.code, "no number here carries a comment" in result.out) == (0, True)
    assert sharptune("check-paper", "none.tex")[::2] == (2, "error: there is no file none.tex\n")


SIZES = """\
experiment: sizes
stages:
  train:
    trainable: train
    config: {dataset: cifar10-mini, channels: 4, layers: 3, epochs: 1, warmup_epochs: 0}
    grid: {genotype: [DARTS_V1, DARTS_V2], seed: [0, 1]}
tables:
  - {name: sizes, stage: train, rows: [genotype], columns: [params, test_error]}
"""


@pytest.fixture
def sizes(tmp_path, monkeypatch, capsys):
    """Return what calls the command on an experiment of published cells, of which nothing has run."""
    monkeypatch.chdir(tmp_path)
    Path("sizes.yaml").write_text(SIZES)

    def call(*arguments):
        code = invoke(["table", "sizes.yaml", *arguments])
        return code, *capsys.readouterr()

    return call


def test_sizes_are_there_before_a_storage_is_and_it_is_said_that_there_is_none(sizes, tmp_path):
    code, out, err = sizes("--json")
    params = [row["cells"]["params"] for row in json.loads(out)["rows"]]

    assert (code, err) == (0, f"note: there is no storage {tmp_path}/runs: nothing has been run there yet\n")
    assert [len(cell["computed"]) for cell in params] == [2, 2]
    assert params[0]["median"] != params[1]["median"]
    assert [cell["n"] for cell in params] == [0, 0]
    assert not (tmp_path / "runs").exists()


def test_no_file_of_macros_is_written_over_from_a_storage_that_is_not_there(sizes):
    Path("numbers.tex").write_text("of yesterday")

    assert sizes("--macros", "numbers.tex")[0] == 2
    assert Path("numbers.tex").read_text() == "of yesterday"
    Path("runs").mkdir()
    assert sizes("--macros", "numbers.tex")[0] == 0
    assert Path("numbers.tex").read_text().count('"computed": true') == 2


FIGURE = "figures:\n  - {name: dots, kind: dots, table: sizes, columns: [params]}\n"


@pytest.mark.parametrize("asked", [["run", "--runner", "local"], ["compare"], ["figure", "--json"], ["table"]])
def test_only_a_table_that_is_asked_for_waits_for_sizes(sizes, monkeypatch, capsys, asked):
    """Also of a run that was told to stop: it has few seconds."""
    counted = []
    monkeypatch.setattr("trainables.kinds.sizes.size_of_training", lambda *about: counted.append(about))
    monkeypatch.setattr(
        "orchestrator.cli.run.run_plan", lambda trials, ledger, **_: ledger.states(t.spec for t in trials)
    )
    Path("runs").mkdir()
    Path("sizes.yaml").write_text(SIZES + FIGURE)
    command, *options = asked
    invoke([command, "sizes.yaml", *options])

    assert "DARTS_V1" in capsys.readouterr().out
    assert bool(counted) is (command == "table")


def test_a_misspelt_genotype_is_one_sentence_and_nothing_is_computed(sizes, monkeypatch):
    monkeypatch.setattr("trainables.kinds.sizes.size_of_training", None)
    Path("sizes.yaml").write_text(SIZES.replace("DARTS_V2", "DARTS_V3"))
    code, out, err = sizes()

    assert (code, out) == (2, "")
    assert "sizes.yaml:6: " in err
    assert "did you mean 'DARTS_V" in err


def test_a_published_row_is_explained_as_what_it_is(tmp_path):
    world, ledger = make_world(), Ledger(open_storage(str(tmp_path)))
    spec = FakeTable(
        rows=("weighting",), filter={"p": 2}, paper="table4", published=True, columns=("params", "test_error")
    )
    table = build(world.plan, world.rows, spec)
    handmade = next(place for place, row in enumerate(table.rows) if row.keys["weighting"] == "Handmade")
    params, error = (cell_text(table, handmade, column, ledger).splitlines()[1] for column in table.columns)

    assert params == f"quoted, not measured: 1.0M in {table.paper.title}; no run stands behind it"
    assert error == "no number: no trial of the plan belongs here, and nothing is quoted"
