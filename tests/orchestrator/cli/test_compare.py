"""`sharptune compare`: what can be said of the lines of a table, and what it costs to say more."""

from command_line import CHAINS


def test_it_says_who_how_many_how_sure_and_what_more_would_cost(sharptune, run, chains):
    run()
    result = sharptune("compare", "chains.yaml", "widths")

    assert (result.code, result.err) == (0, "")
    assert "width=1: 2 roots, mean" in result.out
    assert "width=2 against width=1: " in result.out
    assert "mean of 2 pairs, by seed" in result.out
    assert "so few cannot decide anything at 5 %: p cannot be smaller than 0.5 here" in result.out
    assert "it takes 6 of each at least" in result.out


def test_the_line_that_grows_the_grid_is_one_that_the_file_takes_and_its_trials_are_counted(sharptune, run, chains):
    run()
    (found,) = sharptune("compare", "chains.yaml", "widths", "--json").json["tables"]
    settle = found["to_settle"]
    grown = sharptune("plan", "chains.yaml", *(f"--set={line}" for line in settle["set"]), "--json").json

    assert settle["set"][0].startswith("stages.root.grid.seed=[0, 1, 2,")
    assert grown["counts"]["new"] == settle["more_trials"]
    assert found["comparisons"][0]["runs_to_settle"] * 3 == len(grown["trials"])
    copied = settle["set"][0].replace("=", ": ")  # whole, however long it is
    assert f"  {copied}\n" in sharptune("compare", "chains.yaml", "widths").out


def test_the_json_has_one_shape_whether_a_table_is_named_or_not(sharptune, run):
    run()
    every, one = (sharptune("compare", "chains.yaml", *name, "--json").json for name in ((), ("widths",)))

    assert every == one
    assert list(every) == ["experiment", "tables"]
    assert [table["table"] for table in every["tables"]] == ["widths"]


def test_a_table_that_nothing_can_be_said_of_is_one_sentence_and_code_2(sharptune, run, chains):
    chains.write_text(CHAINS + "  - {name: all, stage: child, rows: [], filter: {width: 1}, columns: [error]}\n")
    run()

    assert "it takes two lines" in sharptune("compare", "chains.yaml", "all").err
    assert sharptune("compare", "chains.yaml", "all").code == 2
    assert "widths" in sharptune("compare", "chains.yaml", "widhts").err
    assert (
        "has no column 'eror'; it has error, error_best"
        in sharptune("compare", "chains.yaml", "widths", "--metric", "eror").err
    )
    assert "width=2 against" in sharptune("compare", "chains.yaml").out


def test_a_table_that_asks_for_its_comparison_prints_it(sharptune, run, chains):
    chains.write_text(CHAINS.replace("rows: [width]", "rows: [width]\n    compare: true"))
    run()

    assert "width=2 against width=1: +26 (mean of 2 pairs, by seed)" in sharptune("table", "chains.yaml").out
    assert sharptune("table", "chains.yaml", "--json").json["comparison"]["comparisons"][0]["decided"] is False


def test_the_paragraph_alone_is_text_to_copy(sharptune, run):
    run()

    text = sharptune("compare", "chains.yaml", "widths", "--paragraph").out
    assert text.startswith("Arms are compared by error. Independent runs are roots;")
    assert text.count("\n") == 1
    refused = sharptune("compare", "chains.yaml", "widths", "--paragraph", "--json")
    assert (refused.code, "--paragraph is text, and --json is data" in refused.err) == (2, True)


def test_a_comparison_that_the_table_has_not_is_refused_with_its_line(sharptune, chains):
    chains.write_text(CHAINS.replace("rows: [width]", "rows: [width]\n    compare: {metric: eror}"))

    result = sharptune("plan", "chains.yaml")
    assert result.code == 2
    assert "chains.yaml:16" in result.err
    assert "unknown column 'eror'; did you mean 'error'?" in result.err
