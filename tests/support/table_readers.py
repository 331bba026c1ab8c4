"""What stands in the cells of a table as people read it: the words of each line, without a format's own signs."""

import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser


def read_text(rendered: str) -> list[list[str]]:
    below = re.sub("[ᵃᵇᶜᵈᵉᶠ]", "", rendered).partition("─\n")[2]
    return [re.split(" {2,}", line.strip()) for line in below.splitlines() if "  " in line]  # no block, no note


def read_markdown(rendered: str) -> list[list[str]]:
    lines = [line[2:-2].split(" | ") for line in rendered.splitlines() if line.startswith("| ")][2:]
    plain = [[re.sub(r"<sup>.*?</sup>|\\|\*\*", "", cell).strip() for cell in line] for line in lines]
    return [line for line in plain if not line[0].startswith("*")]


def read_latex(rendered: str) -> list[list[str]]:
    body = rendered[rendered.index(r"\midrule") : rendered.index(r"\bottomrule")]
    lines = [line.removesuffix(r" \\") for line in body.splitlines() if line.endswith(r"\\")]
    return [[_of_latex(cell) for cell in line.split(" & ")] for line in lines if r"\multicolumn" not in line]


def _of_latex(cell: str) -> str:
    cell = re.sub(r"\\textsuperscript\{.*?\}", "", cell)
    boxed = re.fullmatch(r"\\parbox\[.\]\{.*?\}\{\\ragged(?:left|right) (.*)\\strut\}", cell)
    cell = boxed[1] if boxed else cell
    bold = re.fullmatch(r"\\textbf\{(.*)\}", cell)
    cell = bold[1] if bold else cell
    signs = {r"$\pm$": "±", r"$\surd$": "✓", r"$\times$": "✗", r"\textdagger{}": "†", "--": "–", "{[}": "[", "{*}": "*"}
    for sign, character in {**signs, r"\textasciitilde{}": "~", "$-$": "−", r"\%": "%", r"\allowbreak{}": ""}.items():
        cell = cell.replace(sign, character)
    return cell


class _Html(HTMLParser):
    """Collects the entries of the first table's body, without the letters of footnotes."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[list[str]] = []
        self._in: list[str] = []
        self._done = False

    def handle_starttag(self, tag, attrs):
        if tag in ("tr", "tbody") or tag in ("td", "th", "sup"):
            self._in.append(tag)
        if "tbody" in self._in and not self._done:
            if tag == "tr":
                self.lines.append([])
            if tag in ("td", "th"):
                self.lines[-1].append("")

    def handle_endtag(self, tag):
        if self._in and tag == self._in[-1]:
            self._in.pop()
        self._done = self._done or tag == "table"

    def handle_data(self, data):
        if not self._done and "tbody" in self._in and self._in[-1] in ("td", "th"):
            self.lines[-1][-1] += data


def read_html(rendered: str) -> list[list[str]]:
    parser = _Html()
    parser.feed(rendered)
    parser.close()
    return [line for line in parser.lines if len(line) > 1]  # no block


READERS: Mapping[str, Callable[[str], list[list[str]]]] = {
    "text": read_text,
    "markdown": read_markdown,
    "latex": read_latex,
    "html": read_html,
}
"""By format. Text leaves out cells that are empty, since blanks cannot be told from gaps."""
