"""Tables as HTML: what a browser, a script and a screen reader find in them."""

from html.parser import HTMLParser

import pytest
from table_worlds import FakeTable, World, gappy_world, make_world

from orchestrator.tables.formats.html import cell_id, html, html_page
from orchestrator.tables.table import Table, build

HOSTILE = "<script>alert(1)</script>\"'&amp; {{ 7 * 7 }} \x1b[31m\u202ered\u2028 <!-- ]]> </table>"


class Elements(HTMLParser):
    """All elements with their attributes and the text inside them, and whatever is left open at the end."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.open: list[str] = []
        self._inside: list[list[str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        words: list[str] = []
        self.found.append((tag, dict(attrs), words))
        if tag != "meta":
            self.open.append(tag)
            self._inside.append(words)

    def handle_endtag(self, tag):
        assert self.open[-1] == tag
        self.open.pop()
        self._inside.pop()

    def handle_data(self, data):
        for words in self._inside:
            words.append(data)

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, "".join(words)) for name, attributes, words in self.found if name == tag]


def table_of(world: World, **spec) -> Table:
    return build(world.plan, world.rows, FakeTable(**spec))


def test_a_number_carries_what_it_was_made_from():
    table = table_of(gappy_world())
    cell = table.rows[0].cells["test_error_best"]
    cells = [attributes for attributes, _ in Elements(html(table)).all("td") if "data-column" in attributes]

    assert len(cells) == 4 * 4
    assert cells[0]["data-column"] == "test_error_best"
    assert float(cells[0]["data-median"]) == cell.median
    assert (float(cells[0]["data-low"]), float(cells[0]["data-high"])) == (cell.low, cell.high)
    assert (cells[0]["data-n"], cells[0]["data-expected"]) == ("4", "6")
    assert tuple(cells[0]["data-trials"].split()) == cell.trials


def test_a_number_that_is_not_there_yet_has_no_median():
    table = build(make_world().plan, {}, FakeTable(columns=("params",)))
    cells = [attributes for attributes, _ in Elements(html(table)).all("td") if "data-column" in attributes]

    assert [(cell["data-n"], cell["data-trials"], "data-median" in cell) for cell in cells] == [("0", "", False)] * 4


def test_headings_say_of_what_they_are_headings():
    elements = Elements(html(table_of(make_world())))

    assert [text for _, text in elements.all("caption")] == ["weighting"]
    scopes = [attributes["scope"] for attributes, _ in elements.all("th")]
    assert scopes == ["col"] * 7 + ["row"] * 8
    assert elements.open == []


def test_numbers_are_linked_to_where_the_caller_says():
    page = html(table_of(make_world()), link=lambda row, column: f"#{row}/{column}" if row else None)
    links = [attributes["href"] for attributes, _ in Elements(page).all("a") if "/" in attributes["href"]]

    assert links[:2] == ["#1/test_error_best", "#1/params"]
    assert len(links) == 3 * 4


def test_every_link_of_a_page_has_its_one_target():
    tables = [table_of(gappy_world(), name=name) for name in ("a", "a-note-b", "a-0")]
    page = Elements(html_page(tables))
    ids = [attributes["id"] for _, attributes, _ in page.found if "id" in attributes]
    links = {attributes["href"] for attributes, _ in page.all("a")}

    assert len(ids) == len(set(ids))
    assert len(links) > 3 * 16
    assert links <= {f"#{each}" for each in ids}
    assert page.open == []


def test_the_runs_behind_a_number_are_listed_on_its_page():
    table = table_of(gappy_world())
    page = html_page([table])
    told = page[page.index(f'id="{cell_id(table, 0, "test_error_best")}"') :]
    told = told[: told.index("</div>")]

    assert all(f"<td>{one.trial_id}</td>" in told for one in table.rows[0].cells["test_error_best"].evidence)
    assert "failed: loss is nan in epoch 3, step 17" in told
    assert "missing: it has no row yet" in told


@pytest.mark.parametrize("place", ["title", "note", "key", "error", "label"])
def test_no_text_leaves_its_place(place):
    world = make_world(weightings=(HOSTILE if place == "key" else "max_w",))
    if place in ("error", "label"):
        trial = world.find("train", p=1, seed=0)
        world.fail(trial)
        world.change(trial, error=HOSTILE)
    table = table_of(world, **({place: HOSTILE} if place in ("title", "note") else {}))
    if place == "label":
        trial = next(t for t in world.plan.trials if t.stage == "train")
        object.__setattr__(trial, "label", HOSTILE)
        table = table_of(world)
    page = html_page([table])
    elements = Elements(page)

    assert "alert(1)" in page
    assert not elements.all("script")
    assert elements.open == []
    assert len(elements.all("table")) == 1 + 2 * 4
    assert not set(page) & set("\x1b\u202e\u2028")
    assert "{{ 7 * 7 }}" in page
