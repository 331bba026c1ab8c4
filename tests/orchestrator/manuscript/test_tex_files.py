r"""The files of a paper: what `\input` takes in is read, and no file of anyone's does harm."""

import os

import pytest

from orchestrator.errors import PaperError
from orchestrator.manuscript import tex_files
from orchestrator.manuscript.tex_files import read_paper


@pytest.fixture
def paper(tmp_path):
    """Write files into a folder, and read `paper.tex` there; return its lines as `file:line text`, and the notes."""
    folder = tmp_path / "paper"
    folder.mkdir()

    def read(**files: str | bytes):
        for name, text in files.items():
            path = folder / f"{name.replace('__', '/')}.tex"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        found = read_paper(folder / "paper.tex")
        return [f"{line.place} {line.text}" for line in found.lines], found.notes

    read.folder = folder
    return read


def test_files_are_read_in_the_order_of_latex(paper):
    lines, notes = paper(
        paper="a\n\\input{one} \\include{parts/two.tex}\n\\input three\nz",
        one="1",
        parts__two="2\n\\subfile{one}\\subfile{four}",  # the first was read before
        three="3",
        four="4",
    )

    assert [line for line in lines if "\\" not in line] == [
        "paper.tex:1 a",
        "one.tex:1 1",
        "parts/two.tex:1 2",
        "four.tex:1 4",
        "three.tex:1 3",
        "paper.tex:4 z",
    ]
    assert notes == []


def test_what_is_a_comment_is_not_taken_in(paper):
    lines, notes = paper(paper="% \\input{one}\n100\\% \\input{one}\n\\\\% \\input{none}", one="1")

    assert lines[2:3] == ["one.tex:1 1"]
    assert notes == []


@pytest.mark.parametrize(
    ("taken", "why"),
    [
        ("../secret", "is not in the paper's folder"),
        ("/etc/passwd", "is not in the paper's folder"),
        ("link", "is not in the paper's folder"),
        ("paper", "goes in a circle"),
        ("numbers", "is not there"),
        ("folder", "is no regular file"),
        ("pipe", "is no regular file"),
        ("ring", "is no name of a file that can be read"),
        ("n" * 300, "is no name of a file that can be read"),
        ("bad\x01\\relax", "is not there"),
    ],
)
def test_what_is_not_read_is_said_with_its_place(paper, taken, why):
    (paper.folder.parent / "secret.tex").write_text("SECRET")
    (paper.folder / "link.tex").symlink_to(paper.folder.parent / "secret.tex")
    (paper.folder / "ring.tex").symlink_to(paper.folder / "ring.tex")
    (paper.folder / "folder.tex").mkdir()
    os.mkfifo(paper.folder / "pipe.tex")
    lines, (note,) = paper(paper=f"x\n\\input{{{taken}}}")

    assert note.startswith(f"paper.tex:2: \\input{{{taken[:200]}}} {why}")
    assert len(lines) == 2


def test_circles_of_files_end(paper):
    lines, notes = paper(paper="\\input{a}", a="\\input{b}", b="\\input{a}\\input{paper}")

    assert len(lines) == 3
    assert len(notes) == 2


def test_a_chain_of_files_ends(paper):
    files = {f"f{n}": f"\\input{{f{n + 1}}}" for n in range(200)}
    lines, notes = paper(paper="\\input{f0}", **files)

    assert len(lines) == tex_files.DEEPEST
    assert "files deep" in notes[0]


def test_a_file_that_is_not_utf_8_is_read_all_the_same_and_said(paper):
    lines, notes = paper(paper="plain\nM\xfcller".encode("latin-1"))

    assert lines == ["paper.tex:1 plain", "paper.tex:2 Müller"]
    assert notes == ["paper.tex:2: not UTF-8, so the file was read as Latin-1"]


@pytest.mark.parametrize(("text", "sentence"), [(b"%PDF-1.5\0", "is no text"), (b"x" * 100, "more than 10 B of LaTeX")])
def test_what_is_no_paper_is_a_sentence(paper, monkeypatch, text, sentence):
    monkeypatch.setattr(tex_files, "LARGEST", 10)
    with pytest.raises(PaperError, match=sentence):
        paper(paper=text)


def test_a_paper_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(PaperError, match=r"there is no file paper\.tex"):
        read_paper(tmp_path / "paper.tex")
    with pytest.raises(PaperError, match="is no file of LaTeX"):
        read_paper(tmp_path)


def test_long_lines_take_no_time(paper):
    """Patterns are linear: one that is not takes hours for this."""
    line = "\\input " * 20_000 + "\\" * 50_000 + "%" + "{" * 50_000

    assert len(paper(paper=line)[0]) == 1
