"""Tables for a paper: LaTeX with booktabs, safe for any text, pdflatex included."""

import re
import unicodedata
from collections.abc import Mapping

from orchestrator.tables.layout import Entry, Heading, lay_out
from orchestrator.tables.table import Table

_SIGNS: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "`": r"\textasciigrave{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": r"$-$",
    "Δ": r"$\Delta$",
    "∼": r"$\sim$",
    "\u200b": "{}",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\rightarrow$",
    "✓": r"$\surd$",
    "✗": r"$\times$",
    "·": r"$\cdot$",
    "°": r"\textdegree{}",
    "²": r"\texttwosuperior{}",
    "³": r"\textthreesuperior{}",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "ε": r"$\epsilon$",
    "η": r"$\eta$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "σ": r"$\sigma$",
    "τ": r"$\tau$",
}
_ACCENTS: Mapping[str, str] = {
    "\u0300": r"\`",
    "\u0301": r"\'",
    "\u0302": r"\^",
    "\u0303": r"\~",
    "\u0308": r"\"",
    "\u030a": r"\r",
    "\u030c": r"\v",
    "\u0327": r"\c",
}
_LETTERS: Mapping[str, str] = {"ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "æ": r"\ae{}", "Æ": r"\AE{}", "ł": r"\l{}"}


def escape(words: str) -> str:
    """Return LaTeX that prints these words; a character that pdflatex cannot print becomes its code, `[U+4E2D]`."""
    text = re.sub("-(?=-)", "-\u200b", " ".join(words.split()))  # two hyphens stay two: they become no dash
    return "".join(_sign(character) for character in text)


def latex(table: Table) -> str:
    r"""Return a `table` environment; the document needs `\usepackage{booktabs}`."""
    layout = lay_out(table)
    alignment = "".join("r" if heading.numeric else "l" for heading in layout.headings)
    head = " & ".join(_heading(heading) for heading in layout.headings)
    body = []
    for index, line in enumerate(layout.lines):
        if index in layout.blocks:
            body += [r"\midrule"] if index else []
            body.append(rf"\multicolumn{{{len(line)}}}{{l}}{{\textit{{{escape(layout.blocks[index])}}}}} \\")
        body.append(" & ".join(_entry(entry) for entry in line) + r" \\")
    notes = [rf"\textsuperscript{{{letter}}} {escape(words)}" for letter, words in layout.footnotes]
    notes += [escape(note) for note in layout.notes]
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(layout.title)}}}",
        rf"\label{{tab:{_label(table.name)}}}",
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        rf"{head} \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *([r"\par\medskip", r"{\footnotesize", " \\\\\n".join(notes) + r"\par}"] if notes else []),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _heading(heading: Heading) -> str:
    words = escape(heading.title)
    return rf"\textit{{{words}}}" if heading.quoted else words


def _entry(entry: Entry) -> str:
    words = rf"\textbf{{{escape(entry.text)}}}" if entry.bold else escape(entry.text)
    return words + (rf"\textsuperscript{{{entry.marks}}}" if entry.marks else "")


def _sign(character: str) -> str:
    if character in _SIGNS or character in _LETTERS:
        return _SIGNS.get(character) or _LETTERS[character]
    if " " <= character <= "~":
        return character
    base, *accents = unicodedata.normalize("NFD", character)
    if base.isascii() and base.isalpha() and len(accents) == 1 and accents[0] in _ACCENTS:
        return rf"{_ACCENTS[accents[0]]}{{{base}}}"
    return f"[U+{ord(character):04X}]"


def _label(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name)
