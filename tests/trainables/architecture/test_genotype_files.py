"""Genotypes in files: as DARTS and its descendants print them, in logs and modules, and as JSON."""

import codecs
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trainables.architecture.genotype import InvalidGenotype, read_declared, read_genotype
from trainables.architecture.genotype_files import LARGEST, LARGEST_JSON
from trainables.architecture.published import PUBLISHED
from trainables.architecture.spaces import OPERATION_NAMES
from trainables.errors import SharptuneError

FIRST, SECOND = PUBLISHED["DARTS_V1"], PUBLISHED["DARTS_V2"]


def printed(genotype, concat="range(2, 6)", cells=lambda edges: list(edges), more=""):
    """Return what the code of DARTS prints."""
    normal, reduce = (repr(cells(edges)) for edges in (genotype.normal, genotype.reduce))
    return f"Genotype(normal={normal}, normal_concat={concat}, reduce={reduce}, reduce_concat={concat}{more})"


def by_node(edges):
    return [list(edges[position : position + 2]) for position in range(0, len(edges), 2)]


def as_numpy(text):
    """Return a text with its states as NumPy 2 prints them."""
    for state in range(6):
        text = text.replace(f"', {state})", f"', np.int64({state}))")
    return text


def log_of(*genotypes, epoch="03/14 09:12:55 AM epoch {} lr 2.500000e-02\n", start=0):
    lines = [
        epoch.format(number) + f"03/14 09:12:56 AM genotype = {printed(genotype)}\n03/14 09:13 AM valid_acc 50.2\n"
        for number, genotype in enumerate(genotypes, start)
    ]
    return "".join(lines)


MODULE = f'''\
from collections import namedtuple
raise SystemExit("nobody runs this")

Genotype = namedtuple('Genotype', 'normal normal_concat reduce reduce_concat')
"""
OLD = {printed(FIRST)}
"""
# OLDER = {printed(FIRST)}
DARTS_V1 = {printed(FIRST)}
DARTS_V2: Genotype = genotypes.Genotype(
    normal = [{", ".join(map(repr, SECOND.normal))}],  # a comment with a ) in it
    normal_concat = [2, 3, 4, 5],
    reduce = [{", ".join(map(repr, SECOND.reduce))}],
    reduce_concat = [2, 3, 4, 5])

DARTS = DARTS_V2  # the better one
'''


@pytest.fixture
def read(tmp_path):
    """Returns a function that writes a file and reads a genotype out of it."""

    def read(content, what="search.log"):
        path = tmp_path / what.partition(":")[0]
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_genotype(what, base=tmp_path)

    return read


@pytest.fixture
def refusal(read, tmp_path):
    """Returns a function that says why there is no genotype in a file, without the file's folder."""

    def refusal(content, what="search.log"):
        with pytest.raises(InvalidGenotype) as caught:
            read(content, what)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 1000
        return str(caught.value).removeprefix(f"{tmp_path}/")

    return refusal


@pytest.mark.parametrize(
    "text",
    [
        printed(FIRST),
        printed(FIRST, concat="[2, 3, 4, 5]"),
        printed(FIRST, concat="(2, 3, 4, 5)"),
        printed(FIRST, concat="xrange(2, 6)"),
        printed(FIRST, concat="list(range(2, 6))"),
        printed(FIRST, concat="array([2, 3, 4, 5])"),
        printed(FIRST, concat="np.arange(2, 6, 1)"),
        printed(FIRST, concat="array([2, 3, 4, 5], dtype=int64)"),
        printed(FIRST, more=", layout='cell'"),
        printed(FIRST, more=", connectN=None, connects=None"),
        printed(FIRST, cells=by_node),
        printed(FIRST, cells=lambda edges: tuple(map(tuple, by_node(edges)))),
        printed(FIRST, cells=lambda edges: [list(edge) for edge in edges]),
        as_numpy(printed(FIRST)),
        printed(FIRST, cells=lambda edges: f"array({[[name, str(state)] for name, state in edges]}, dtype='<U12')")
        .replace('"', "")
        .replace("dtype=<U12", "dtype='<U12'"),
        printed(FIRST).replace("), (", "),\n   ("),
        printed(FIRST).replace("'", '"'),
        f"INFO genotype: models.Genotype({list(FIRST.normal)}, range(2, 6), {list(FIRST.reduce)}, range(2, 6))",
        f"{printed(SECOND)}\n{printed(FIRST)}\n",
        f"03/14 09:12:55 AM genotype = {printed(FIRST)}\n03/14 09:12:55 AM param size = 1.93MB",
    ],
)
def test_what_darts_and_its_descendants_print_is_read(read, text):
    assert read(text) == FIRST


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_one_is_the_same_printed_as_named(read, name):
    genotype = PUBLISHED[name]
    text = f"Genotype(normal={list(genotype.normal)}, normal_concat={list(genotype.normal_concat)}, "
    text += f"reduce={list(genotype.reduce)}, reduce_concat={list(genotype.reduce_concat)})"

    assert read(text) == genotype


@pytest.mark.parametrize(
    "epoch",
    [
        "epoch {} lr 2.500000e-02\n",
        "Epoch: [{}/50]\n",
        'train {{"epoch": {}, "lr": 0.1}}\n',
        "Train: [ {}/50] Final Prec@1 43.1%\nbest epoch 7\n",
    ],
)
def test_a_log_gives_its_last_genotype_or_that_of_an_epoch(read, refusal, epoch):
    log = log_of(SECOND, FIRST, SECOND, epoch=epoch, start=8)

    assert read(log) == SECOND
    assert read(log, "search.log:9") == FIRST
    assert read(log, "search.log:10") == SECOND
    assert refusal(log, "search.log:50") == (
        "search.log: no genotype is printed under epoch 50; there are those of epochs 8 to 10"
    )
    assert refusal(log_of(FIRST, epoch=epoch, start=8), "search.log:50") == (
        "search.log: no genotype is printed under epoch 50; there is only that of epoch 8"
    )


def test_a_search_that_was_begun_twice_in_one_log_counts_from_its_last_beginning(read):
    assert read(log_of(FIRST, FIRST) + log_of(FIRST, SECOND), "search.log:1") == SECOND


def test_a_log_without_epochs_says_so(refusal):
    assert refusal(printed(FIRST), "search.log:1").endswith(
        "no genotype is printed under epoch 1; there are none that say their epoch"
    )
    assert refusal(printed(FIRST), "search.log:last").endswith(
        "the number of an epoch follows the name of a log, got 'last'"
    )


def test_a_module_is_read_by_name_and_never_run(read):
    assert read(MODULE, "genotypes.py:DARTS_V1") == FIRST
    assert read(MODULE, "genotypes.py:DARTS_V2") == SECOND
    assert read(MODULE, "genotypes.py:DARTS") == SECOND
    assert read(f"mine = {printed(FIRST)}\nbest = mine\n", "genotypes.py") == FIRST


def test_a_module_with_several_names_them(refusal):
    assert refusal(MODULE, "genotypes.py") == (
        "genotypes.py: it has several genotypes; say after a colon which one: DARTS_V1, DARTS_V2, DARTS"
    )
    assert refusal(MODULE, "genotypes.py:OLD").startswith("genotypes.py: unknown genotype 'OLD'")
    assert refusal(MODULE, "genotypes.py:DARTS_V3").endswith(
        "unknown genotype 'DARTS_V3'; did you mean 'DARTS_V2'? known: DARTS, DARTS_V1, DARTS_V2"
    )
    assert refusal("import torch\n", "genotypes.py") == "genotypes.py: no line NAME = Genotype(…) is there"


def test_an_unknown_operation_is_named_with_what_it_may_be_and_where_the_others_are_from(refusal):
    said = refusal("\n\n" + printed(FIRST).replace("'sep_conv_3x3'", "'sep_conv_3'"))

    assert said.startswith("search.log:3: unknown operation 'sep_conv_3'; did you mean 'sep_conv_3x3'? known: avg_pool")
    assert said.endswith("; all others here are in the spaces darts, darts_ssc, sharpdarts_table1, sharper")
    assert refusal(json.dumps({**FIRST.to_json(), "normal": [["skip", 0], ["conv_7x1_1x7", 1]]}), "a.json").endswith(
        "known: " + ", ".join(sorted(OPERATION_NAMES))
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Genotype(", "1: the printed genotype does not end before the end of the file"),
        (printed(FIRST)[:-1], "1: the printed genotype does not end before the end of the file"),
        (printed(FIRST)[:-1] + " " * 20_000 + ")", "1: the printed genotype does not end within 20,000 characters"),
        ("Genotype(" * 100_000, "1: the printed genotype does not end before the end of the file"),
        ("Genotype(normal=" + "[" * 11 + "]" * 11 + ")", "1: the printed genotype has more than 10 brackets"),
        ("Genotype(normal=)", "1: the printed genotype cannot be read: invalid syntax"),
        ("Genotype(normal=" + "-" * 15_000 + "1)", "1: the printed genotype cannot be read: "),
        ("Genotype(normal=" + "a." * 9_000 + "a)", "1: "),
        ("Genotype(normal=" + "1+" * 9_000 + "1)", "1: "),
        ("Genotype(normal=" + "9" * 9_000 + ")", "1: the printed genotype cannot be read: "),
        ("Genotype(normal=[('none', open('x'))])", "1: a printed genotype consists of literals, got \"open('x')\""),
        ("Genotype(normal=__import__('os').system('x'))", "1: a printed genotype consists of literals, got"),
        ("Genotype(normal=[x for x in y])", "1: a printed genotype consists of literals, got '[x for x in y]'"),
        ("Genotype(**{})", "1: unknown part of a printed genotype None"),
        ("Genotype(normals=[])", "1: unknown part of a printed genotype 'normals'; did you mean 'normal'?"),
        ("Genotype([], normal=[])", "1: normal is given twice"),
        ("Genotype(1, 2, 3, 4, 5, 6)", "1: a printed genotype has 5 arguments at most, got 6"),
        (printed(FIRST, concat="range(2, 10**9)"), "1: a printed genotype consists of literals, got '10**9'"),
        (printed(FIRST, concat="range(10000000000)"), "1: range takes one to three whole numbers up to 1000, got"),
        (printed(FIRST, concat="range(1, 2, 0)"), "1: range cannot go in steps of 0"),
        (printed(FIRST, concat="range()"), "1: range takes one to three whole numbers"),
        (printed(FIRST, more=", layout='raw_weights'"), "1: a printed genotype is read where its layout is 'cell'"),
        (printed(FIRST, cells=lambda edges: [list(edges)]), "1: node 0 of the normal cell must have two edges, got 8"),
        (printed(FIRST).replace("('sep_conv_3x3', 1)", "('sep_conv_3x3', -1)"), "node 0 of the normal cell must come"),
        (printed(FIRST).replace("', 1)", "', True)"), "must be [operation, state], got ['sep_conv_3x3', True]"),
        (printed(FIRST, more=", reduce=None").replace(", reduce=[", ", layout=["), "is read where its layout"),
        ("Genotype(normal=[], normal_concat=[], reduce=None, reduce_concat=[])", "a genotype needs the key 'reduce'"),
        (printed(FIRST, cells=lambda edges: [["x" * 300] * 50] * 2), "does not end within 20,000"),
        ("there is none", "neither JSON nor a printed 'Genotype(…)'"),
    ],
)
def test_what_is_no_genotype_is_refused_by_its_line(refusal, text, why):
    assert why in refusal(text).removeprefix("search.log:")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.json", "[" * 100_000, "not JSON: "),
        ("a.json", '{"kind":' * 50_000, "not JSON: "),
        ("a.json", json.dumps({"kind": "x" * 100_000}), "unknown kind of genotype 'xxx"),
        ("a.json", json.dumps({"x" * 100_000: 1}), "a genotype has no key 'xxx"),
        ("a.json", json.dumps({**FIRST.to_json(), "normal": [["x" * 100_000, 0]] * 2}), "unknown operation 'xxx"),
        ("a.json", json.dumps({**FIRST.to_json(), "normal": list(range(100_000))}), "an edge of the normal cell"),
        ("a.json", json.dumps({**FIRST.to_json(), "normal_concat": list(range(100_000))}), "ascending nodes"),
        ("a.json", json.dumps({**FIRST.to_json(), "kind": "path", "steps": 1}), "unknown key of a path 'normal'"),
        ("a.json:3", json.dumps(FIRST.to_json()), "a file of JSON holds one genotype, so that ':3' chooses nothing"),
        ("a.json", b" " * (LARGEST_JSON + 1), "larger than the 1 MiB"),
        ("a.log", b"x" * (LARGEST + 1), "larger than the 16 MiB"),
    ],
)
def test_a_file_that_is_too_much_is_refused_in_a_short_sentence(refusal, name, content, why):
    assert why in refusal(content, name)


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")],
)
def test_a_file_may_begin_with_a_byte_order_mark(read, mark, encoding):
    for name, text in {
        "a.json": json.dumps(FIRST.to_json()),
        "a.txt": printed(FIRST),
        "a.py": MODULE.replace("DARTS_V2", "a"),
    }.items():
        what = f"{name}:DARTS_V1" if name == "a.py" else name
        assert read(mark + text.encode(encoding), what) == FIRST


def test_a_log_may_hold_what_is_no_text(read):
    assert read(b"progress \x1b[0m \xe4\x00\n" * 3 + printed(FIRST).encode()) == FIRST


def test_a_printed_genotype_declares_no_operations_and_a_file_of_json_does(tmp_path):
    (tmp_path / "a.log").write_text(printed(FIRST))
    (tmp_path / "a.json").write_text(json.dumps({**FIRST.to_json(), "operations": "original"}))

    assert read_declared("a.log", base=tmp_path) == (FIRST, {})
    assert read_declared("a.json", base=tmp_path) == (FIRST, {"operations": "original"})


PIECES = [
    "Genotype(",
    ")",
    "[",
    "]",
    "{",
    "'",
    '"',
    "'''",
    "#",
    "\n",
    "\\",
    ",",
    "=",
    "normal",
    "range(",
    "2",
    "-",
    "*",
]


@example(pieces=["Genotype(", "'''", "\n", ")"], name="a.py")
@given(
    pieces=st.lists(st.sampled_from([*PIECES, "x", " = ", "lambda:", "f'", ".", "**", "epoch 3", "\x00", "\ud800"])),
    name=st.sampled_from(["a.log", "a.log:3", "a.py", "a.py:x", "a.json", "a"]),
)
def test_no_file_raises_anything_but_a_sentence(tmp_path_factory, pieces, name):
    folder = tmp_path_factory.getbasetemp()
    (folder / name.partition(":")[0]).write_bytes("".join(pieces).encode("utf-8", errors="surrogatepass"))

    with pytest.raises(SharptuneError, match=r"\w"):
        read_genotype(name, base=folder)
