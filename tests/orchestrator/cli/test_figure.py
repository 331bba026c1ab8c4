"""The command `figure`: what it draws without a line of YAML, under which names, and what it refuses."""

import csv
import dataclasses
import json
import os
import xml.etree.ElementTree as ET

import fakes
import pytest


@pytest.fixture
def done(sharptune, run):
    """The command, where all trials are done."""
    assert run().code == 0
    return sharptune


def test_an_experiment_that_asks_for_no_figure_is_told_which_kinds_there_are(done):
    asked = done("figure", "chains.yaml")

    assert (asked.code, asked.out) == (2, "")
    assert "chains asks for no figure; --kind draws one: " in asked.err
    assert "timeline, dots" in asked.err


def test_a_kind_that_an_experiment_has_nothing_for_is_refused(done):
    asked = done("figure", "chains.yaml", "--kind", "alphas")

    assert (asked.code, asked.out) == (2, "")
    assert "chains has nothing that a figure of kind alphas could show" in asked.err


def test_a_kind_is_drawn_without_yaml_in_any_format_with_its_numbers_beside_it(done, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn = done("figure", "chains.yaml", "--kind", "timeline", "--format", "png", "--data", "when.csv")

    assert drawn.code == 0
    assert drawn.out == "chains-timeline.png: What ran where and when\n"
    assert (tmp_path / "chains-timeline.png").read_bytes().startswith(b"\x89PNG")
    lines = list(csv.DictReader((tmp_path / "when.csv").read_text().splitlines()))
    spans = json.loads(done("figure", "chains.yaml", "--kind", "timeline", "--json").out)["panels"][0]["spans"]
    assert [line["trial"] for line in lines] == [span["trial"] for span in spans]
    assert len(lines) == 6


def test_figures_of_a_kind_are_those_that_the_file_asks_for_where_it_does(done, chains, monkeypatch):
    monkeypatch.setattr(fakes, "CATALOG", {"chain": dataclasses.replace(fakes.CHAIN, curves=("error",))})
    chains.write_text(chains.read_text() + "figures:\n  - {name: mine, kind: timeline, title: My week, stage: child}\n")

    mine = json.loads(done("figure", "chains.yaml", "--kind", "timeline", "--json").out)

    assert (mine["name"], mine["title"], {span["stage"] for span in mine["panels"][0]["spans"]}) == (
        "mine",
        "My week",
        {"child"},
    )


def test_one_figure_of_several_is_drawn_by_its_name_and_a_wrong_name_is_told_the_right_ones(done):
    wrong = done("figure", "chains.yaml", "timelin", "--kind", "timeline", "--json")

    assert wrong.code == 2
    assert "unknown figure 'timelin'; did you mean 'timeline'?" in wrong.err
    assert (
        json.loads(done("figure", "chains.yaml", "timeline", "--kind", "timeline", "--json").out)["name"] == "timeline"
    )


def test_a_format_and_a_name_that_contradict_each_other_are_refused(done):
    refused = done("figure", "chains.yaml", "--kind", "timeline", "--format", "png", "-o", "when.svg")

    assert refused.code == 2
    assert "-o when.svg and --format png contradict each other" in refused.err


def test_a_file_is_of_the_kind_width_and_format_that_were_asked_for(done, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, *options in (("page.svg",), ("column.svg", "--width", "column"), ("when.pdf",)):
        assert done("figure", "chains.yaml", "--kind", "timeline", "-o", name, *options).out.startswith(f"{name}: ")
    page, column = (ET.parse(tmp_path / name).getroot() for name in ("page.svg", "column.svg"))

    assert [root.get("width") for root in (page, column)] == ["486pt", "234pt"]
    assert page.findtext("{http://www.w3.org/2000/svg}desc").startswith("What ran where and when. 6 trials (")
    assert (tmp_path / "when.pdf").read_bytes().startswith(b"%PDF")


def test_the_numbers_of_a_figure_are_those_of_its_rows_with_all_that_is_said_of_them(done):
    printed = json.loads(done("figure", "chains.yaml", "--kind", "timeline", "--json").out)
    spans = printed["panels"][0]["spans"]

    assert list(printed) == ["name", "title", "kind", "notes", "missing", "panels"]
    assert (printed["name"], printed["kind"], printed["notes"], printed["missing"]) == ("timeline", "timeline", [], "")
    planned = json.loads(done("plan", "chains.yaml", "--json").out)["trials"]
    assert {span["trial"] for span in spans} == {trial["id"] for trial in planned}


def test_who_reads_a_figure_that_is_drawn_anew_reads_one_that_is_whole(done, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "when.svg").write_text("before")
    (tmp_path / "when.csv").write_text("before")
    for name in ("svg", "csv"):
        os.link(tmp_path / f"when.{name}", tmp_path / f"open.{name}")  # as one has it who opened it before

    done("figure", "chains.yaml", "--kind", "timeline", "-o", "when.svg", "--data", "when.csv")

    assert [(tmp_path / f"open.{name}").read_text() for name in ("svg", "csv")] == ["before", "before"]
    assert ET.parse(tmp_path / "when.svg").getroot().get("role") == "img"


def test_letters_that_no_font_of_this_machine_has_are_said_where_they_would_be_boxes(
    done, chains, tmp_path, monkeypatch
):
    monkeypatch.setattr("orchestrator.figures.fonts.OTHERS", ())
    monkeypatch.setattr(fakes, "CATALOG", {"chain": dataclasses.replace(fakes.CHAIN, curves=("error",))})
    monkeypatch.chdir(tmp_path)
    chains.write_text(f"{chains.read_text()}figures:\n  - {{name: mine, kind: timeline, title: 漢字 é}}\n")
    png, svg = (done("figure", str(chains), "-o", f"when.{ending}") for ending in ("png", "svg"))

    assert (png.code, svg.code, svg.err) == (0, 0, "")
    assert png.err == "note: no installed font has 字漢, boxes in when.png; an SVG keeps them as text\n"
    assert "漢字 é" in (tmp_path / "when.svg").read_text(encoding="utf-8")
