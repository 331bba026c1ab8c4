"""What a report says: of finished, half-finished, failed and empty grids, and of hostile words."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from made_reports import grid, made_report

from orchestrator.ledger import TrialState
from orchestrator.report.page import page
from orchestrator.report.pictures import inline_svg
from orchestrator.report.report import Report, again
from trainables.architecture.genotype import NasBench201Cell

UNLIKE = "loss is nan in epoch 3"


class Reader(HTMLParser):
    """Reads a page: its ids, its links, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def fail_first(plan, rows):
    first = next(iter(plan.of_stage("train"))).trial_id
    rows[first] = type(rows[first])(
        **{name: getattr(rows[first], name) for name in ("trial_id", "spec", "config", "provenance", "timing")},
        state="failed",
        metrics={},
        artifacts={},
        error=UNLIKE,
    )


def drop_trainings(plan, rows):
    for trial in plan.of_stage("train"):
        del rows[trial.trial_id]


@pytest.fixture(scope="module", autouse=True)
def no_figures():
    """Leave out the figures that nobody asked for: what draws them takes longer than all else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orchestrator.report.report.KINDS", ())
        yield


@pytest.fixture(scope="module")
def whole() -> Report:
    return made_report(grid())


def test_every_number_of_a_table_leads_to_exactly_its_runs(whole):
    read = Reader(page(whole))
    (result,) = whole.results

    assert [line.label for line in result.lines] == ["scalar p=1", "scalar p=2", "max_w p=1", "max_w p=2"]
    assert [len(line.runs) for line in result.lines] == [3, 3, 3, 3]
    assert len({run.trial_id for line in result.lines for run in line.runs}) == 12
    assert [read.links.count(f"#{line.place}") for line in result.lines] == [4, 4, 4, 4]
    assert {link[1:] for link in read.links} <= set(read.ids)
    assert len(read.ids) == len(set(read.ids))


def test_what_differs_between_lines_is_told_setting_by_setting(whole):
    differences = {one.name: one.values for one in whole.results[0].differences}

    assert differences["search: weighting"] == ("scalar", "scalar", "max_w", "max_w")
    assert differences["train: p"] == ("1", "2", "1", "2")
    assert set(differences) == {"search: weighting", "train: p", "train: schedule"}


def test_how_sure_it_is_stands_beside_the_table_with_what_more_it_takes(whole):
    sureness = whole.results[0].sureness
    text = Reader(page(whole)).text

    assert len(sureness.lines) == 6
    assert any("permutation test" in sentence for sentence in sureness.conclusions)
    assert "How sure it is" in text


def test_a_failure_says_what_why_and_what_to_do():
    report = made_report(grid(), fail_first)
    (failure,) = report.failures
    text = Reader(page(report)).text

    assert failure.heading == "1 train trial failed"
    assert failure.reason == UNLIKE
    assert failure.commands == (
        f"sharptune logs {failure.trials[0].trial_id} --storage runs",
        f"sharptune retry {failure.trials[0].trial_id} --storage runs",
        "sharptune run made.yaml --storage runs",
    )
    assert UNLIKE in text
    assert f"failed: {UNLIKE}" in text  # also beside the numbers that lack it


def find_cells(plan, rows):
    for trial, digits in zip(plan.of_stage("search"), ("333132", "103030"), strict=True):
        genotype = NasBench201Cell.from_digits(digits).to_json()
        rows[trial.trial_id] = replace(rows[trial.trial_id], artifacts={"genotype": genotype})


def test_cells_of_nas_bench_201_stand_there_with_what_is_known_of_them():
    text = Reader(page(made_report(grid(), find_cells))).text

    assert "Cell 333132 of NAS-Bench-201, validation accuracy after 200 epochs, in %: 91.61 (cifar10)" in text
    assert text.count("Note: its entry has one 3×3 convolution less") == 1


def test_a_half_finished_grid_has_a_report_that_says_so():
    report = made_report(grid(), drop_trainings)
    text = Reader(page(report)).text

    assert "12 of 14 trials are not done" in text
    assert "12 train trials have not begun" in text
    assert report.counts["done"] == 2


def test_a_grid_of_which_nothing_has_run_has_a_report_too():
    report = made_report(grid(), lambda plan, rows: rows.clear())
    text = Reader(page(report)).text

    assert "Nothing is done yet" in text
    assert "sharptune run made.yaml --storage runs" in text
    assert (report.latest, report.runs.environments) == ("", ())


def test_trials_that_wait_for_a_failed_one_are_told_by_what_they_wait_for():
    plan = made_report(grid()).asked.plan
    blocked = {
        trial.trial_id: TrialState(state="blocked", reason=f"needs trial {trial.parents[0]}, which failed")
        for trial in plan.of_stage("train")
    }
    report = made_report(grid(), drop_trainings, states=blocked)

    assert [(one.state, one.count) for one in report.failures] == [("blocked", 6), ("blocked", 6)]
    assert all(
        one.commands == (f"sharptune why {one.trials[0].trial_id} --storage runs",) for one in report.failures[:2]
    )


def test_the_same_rows_make_the_same_bytes_and_any_other_row_another_digest(whole):
    again_made = made_report(grid())

    assert page(again_made) == page(whole)
    assert made_report(grid(), fail_first).digest != whole.digest


def test_how_to_run_it_again_is_what_the_command_line_takes(whole):
    commands = dict(again(whole.asked))

    assert "sharptune run made.yaml --storage runs" in commands.values()
    assert "sharptune verify made.yaml --storage runs" in commands.values()


def test_all_that_is_known_of_a_run_is_in_the_page_once(whole):
    data = json.loads(re.search(r'id="data">(.*?)</script>', page(whole), re.DOTALL)[1])
    trains = data["stages"][1]

    assert trains["ids"] == [run.trial_id for run in whole.runs.stages[1].runs]
    assert trains["differing"]["p"] == ["1"] * 3 + ["2"] * 3 + ["1"] * 3 + ["2"] * 3
    assert trains["metrics"]["params"] == [3529270.0]  # all have it alike
    assert len(trains["metrics"]["test_error"]) == 12
    assert trains["shared"]["epochs"] == "3"


def test_the_appendix_has_every_setting_the_data_and_the_compute(whole):
    settings, data, compute = (dict(lines) for _, lines in whole.appendix.sections)

    assert settings["weighting"] == ("scalar, max_w", "")
    assert settings["p"] == ("2", "1, 2")
    assert set(settings) >= {"learning_rate", "batch_size", "genotype", "seed"}
    assert data["classes"] == ("10", "10")
    assert compute["runs"] == ("2 of 2", "12 of 12")
    assert whole.appendix.latex().count(r"\\") == whole.appendix.text().count("\n")


def test_the_methods_paragraph_says_how_many_runs_of_what_on_what(whole):
    for words in ("2 search runs and 12 train runs", "dataset cifar10-mini", "permutation test", "NVIDIA H100"):
        assert words in whole.paragraph


def test_the_methods_paragraph_says_how_many_runs_did_not_work(whole):
    def adopt(plan, rows):
        first, *others = [trial.trial_id for trial in plan.of_stage("train")][:3]
        for each in others:
            rows[each] = replace(rows[each], provenance={**rows[each].provenance, "adopted_from": first})

    said = "12 train runs. Of these, 2 took over the result of an identical run, which counts once. "
    assert said in made_report(grid(), adopt).paragraph
    assert "took over" not in whole.paragraph


@pytest.mark.parametrize(
    "document",
    [
        '<svg xmlns="http://www.w3.org/2000/svg" onload="x()"><script>x()</script><path id="a" onclick="x()"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><style>@import url(http://x)</style><image href="http://x/y"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><path style="fill: url(http://x)"/><a href="http://x"><text/></a></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><foreignObject><p>x</p></foreignObject><use href="http://x#y"/></svg>',
    ],
)
def test_a_picture_neither_acts_nor_reaches_out(document):
    found = inline_svg(document, prefix="one-", label='a "picture" <of> something')

    assert not re.search(r"script|onload|onclick|http://x|import|foreignObject|<image|<a ", found)
    assert 'aria-label="a &quot;picture&quot; &lt;of&gt; something"' in found


def test_the_ids_of_a_picture_are_its_own_and_still_found_in_it():
    found = inline_svg(
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="72pt" height="36pt">'
        '<defs><path id="a"/></defs><use xlink:href="#a"/><path clip-path="url(#a)"/></svg>',
        prefix="one-",
        label="",
    )

    assert 'id="one-a"' in found
    assert 'href="#one-a"' in found
    assert "url(#one-a)" in found
    assert 'viewBox="0 0 96 48"' in found
    assert "ns0" not in found


def test_a_table_that_compares_has_each_sentence_once():
    text = re.sub(r"(\n +- name: \w+\n)( +)(stage: train\n)", r"\1\2\3\2compare: true\n", grid(), count=1)
    assert "compare: true" in text
    found = made_report(text).results[0].sureness
    read = Reader(page(made_report(text))).text

    assert found is not None
    assert [read.count(sentence) for sentence in found.conclusions] == [1] * len(found.conclusions) != []


def test_a_report_marks_sizes_that_are_computed_and_says_nothing_of_ranges_that_are_none():
    nothing_trained = Reader(page(made_report(grid(), drop_trainings))).text
    finished = Reader(page(made_report(grid()))).text

    assert "computed from the architecture: a size needs no run" in nothing_trained
    assert "computed, as no run is in yet" in nothing_trained
    assert "computed, as" not in finished
    assert "all 3529270" in finished
    assert "3529270 to 3529270" not in finished
