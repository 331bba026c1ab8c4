"""YAML text as values with places: the core schema, nothing but plain values, every mistake with its line."""

import json
import math

import pytest
from few import few
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.document.yaml_document import Mark, parse_document, path_text, read_plain, shown

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
KEYS = st.text(min_size=1, max_size=80)
"""YAML has none of more than 1,024 characters, and JSON needs up to twelve for one of theirs."""
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def read(text):
    document = parse_document(text, file="e.yaml")

    assert document.problems == ()
    return document.value


def problems(text):
    return [str(problem) for problem in parse_document(text, file="e.yaml").problems]


MERGED = """\
x: &x {p: 1, seed: [0]}
y: &y {p: 2, q: 3}
one:
  a: 0
  <<: *x
  seed: [1, 2]
  b: 4
two:
  <<: [*x, *y]
quoted: {"<<": 1}
"""


def test_a_merge_key_brings_in_what_the_mapping_does_not_say_itself():
    value = read(MERGED)

    assert value["one"] == {"a": 0, "p": 1, "seed": [1, 2], "b": 4}
    assert list(value["one"]) == ["a", "p", "seed", "b"]
    assert value["two"] == {"p": 1, "q": 3, "seed": [0]}
    assert value["quoted"] == {"<<": 1}


def test_what_is_merged_in_stands_where_it_is_merged():
    document = parse_document(MERGED, file="e.yaml")

    assert [document.locate(("one", *path)).line for path in (("p",), ("seed",), ("seed", 1), ("b",))] == [5, 6, 6, 7]


@pytest.mark.parametrize("written", ["<<: 3", "<<: [{p: 1}, 3]", "<<: null"])
def test_a_merge_of_no_mapping_is_refused_with_its_line(written):
    (problem,) = problems(f"a:\n  {written}\n")

    assert problem.startswith("e.yaml:2: a.<<: read ")
    assert problem.endswith("takes a mapping, or a list of mappings, to be merged in: `<<: *name`")


@pytest.mark.parametrize(
    ("character", "name"), [("\u00a0", "U+00A0 (no-break space)"), ("\u200b", "U+200B (zero width space)")]
)
def test_a_key_with_a_character_that_nobody_sees_is_refused_by_the_characters_name(character, name):
    (problem,) = problems(f"a:\n  {character}seed: 1\n")

    assert problem.startswith("e.yaml:2: a: the key ")
    assert name in problem


def test_a_byte_order_mark_at_the_beginning_is_no_part_of_the_text():
    assert read("\ufeffa: 1") == {"a": 1}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e-8", 1e-8),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("-3", -3),
        ("0o17", 15),
        ("0x1F", 31),
        ("010", 10),
        ("null", None),
        ("~", None),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("off", "off"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("<<", "<<"),
        (".inf", math.inf),
        ("-.inf", -math.inf),
    ],
)
def test_plain_words_mean_what_yaml_1_2_says(word, value):
    assert read_plain(word) == value
    assert type(read_plain(word)) is type(value)
    assert read(f"a: {word}") == {"a": value}


def test_quoted_words_are_text():
    assert read("a: '1'\nb: \"true\"\nc: |\n  x\n  y\n") == {"a": "1", "b": "true", "c": "x\ny\n"}


@given(VALUES)
@few(50)
def test_json_reads_as_itself(value):
    """JSON is YAML 1.2; escaped, so that no character of it is one that YAML forbids."""
    assert read(json.dumps(value)) == value


def test_every_value_has_its_line_and_column():
    document = parse_document("a:\n  b: [1,\n      2]\nc: {d: 3}\n", file="e.yaml")

    assert document.locate(("a",)) == Mark(file="e.yaml", line=1, column=1)
    assert document.locate(("a", "b", 1)) == Mark(file="e.yaml", line=3, column=7)
    assert document.locate(("c", "d")) == Mark(file="e.yaml", line=4, column=5)


def test_what_has_no_place_is_put_beside_what_should_hold_it():
    document = parse_document("a:\n  b: 1\n", file="e.yaml")

    assert document.locate(("a", "missing", 3)).line == 1
    assert str(document.problem(("a", "missing"), "is missing")) == "e.yaml:1: a.missing: is missing"


def test_a_key_that_stands_twice_is_reported_and_its_first_value_kept():
    document = parse_document("a: 1\nb:\n  c: 2\n  c: [3]\na: {x: 1}\n", file="e.yaml")

    assert document.value == {"a": 1, "b": {"c": 2}}
    assert [str(problem) for problem in document.problems] == [
        "e.yaml:4: b.c: read [3]; the key 'c' stands here a second time; the first is in line 3",
        "e.yaml:5: a: read {x: 1}; the key 'a' stands here a second time; the first is in line 1",
    ]


def test_quoted_and_plain_spellings_are_one_key():
    assert len(problems("'1': a\n1: b\n")) == 1


def test_an_alias_stands_for_its_anchors_value_at_its_own_place():
    document = parse_document("a: &x {b: 1}\nc: *x\n", file="e.yaml")

    assert document.value == {"a": {"b": 1}, "c": {"b": 1}}
    assert document.locate(("c", "b")).line == 2


def test_an_alias_in_a_list_has_a_place_of_its_own():
    document = parse_document("a: &x 1\nb: [2,\n    *x]\n", file="e.yaml")

    assert document.value == {"a": 1, "b": [2, 1]}
    assert document.locate(("b", 1)) == Mark(file="e.yaml", line=3, column=5)


def test_an_alias_is_no_key_and_a_key_no_anchor():
    assert problems("a: &x k\n*x : 1") == ["e.yaml:2: a key must be a word"]
    assert problems("&x a: 1\nb: *x") == ["e.yaml:2: b: *x stands for nothing that is complete here"]


@pytest.mark.parametrize("text", ["a: *b", "a: &b [*b]"])
def test_an_alias_of_nothing_complete_is_reported(text):
    assert "stands for nothing that is complete here" in problems(text)[0]


@pytest.mark.parametrize("rest", [[], ["a9: [}"]], ids=["read whole", "what follows is not read"])
def test_aliases_cannot_blow_a_document_up(rest):
    levels = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    assert problems("\n".join([*levels, *rest])) == ["e.yaml:1: larger than 100000 values"]


def test_mistakes_before_the_place_where_a_document_breaks_are_reported_too():
    assert problems("a: 1\na: 2\nb: *c\nd: [") == [
        "e.yaml:2: a: read 2; the key 'a' stands here a second time; the first is in line 1",
        "e.yaml:3: b: *c stands for nothing that is complete here",
        "e.yaml:4: not YAML: while parsing a flow node: expected the node content, but found '<stream end>'",
    ]


@pytest.mark.parametrize("text", ["[" * 100, "a:\n" + "".join(" " * n + "- \n" for n in range(1, 60))])
def test_deep_nesting_is_refused_without_a_crash(text):
    assert len(problems(text)) == 1


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [1,\nc: 2", 3, "not YAML: while parsing a flow sequence"),
        ("a:\n\tb: 2", 2, "not YAML"),
        ("a: 1\nb: \x07", 2, "not YAML: unacceptable character"),
        ("a: !!python/name:os.system x", 1, "the tag tag:yaml.org,2002:python/name:os.system is not allowed"),
        ("a: !env [HOME]", 1, "the tag !env is not allowed"),
        ("---\na: 1\n---\nb: 1\n", 3, "a second document begins here"),
        ("a: 1\n? [b]\n: 2\n", 2, "a key must be a word"),
        ('a: "\\ud800"', 1, "holds half of a character"),
    ],
)
def test_what_is_no_plain_yaml_is_reported_with_its_line(text, line, words):
    (problem,) = parse_document(text, file="e.yaml").problems

    assert problem.line == line
    assert words in problem.message


@given(st.text(max_size=80))
@few(50)
def test_no_text_makes_the_reader_crash(text):
    document = parse_document(text, file="e.yaml")

    places = [document.locate(()), *document.problems]
    assert all(place.file == "e.yaml" and place.line and place.line >= 1 for place in places)


def test_paths_and_values_are_shown_as_people_write_them():
    assert path_text(("stages", "search", "grid", "seed", 1)) == "stages.search.grid.seed[1]"
    assert shown({"a": [1, None, True, "x"]}) == "{a: [1, null, true, 'x']}"
    assert len(shown(list(range(1000)))) == 80
