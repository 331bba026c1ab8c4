"""A page of results, made from the bundle beside it: what a command prints is put where the page asks for it.

    python docs/results/make.py docs/results/nas_bench_201_small.md

reads `nas_bench_201_small.parquet` and writes the page and its pictures anew. Between a comment that asks for something
and the next `<!-- end -->` stands

`<!-- $ sharptune … -->`   what that command prints; of `figure`, a link to the picture, which is drawn beside the page
`<!-- $ rows -->`          when and with what the rows were made
`<!-- $ all -->`           the commands themselves, to be given again

All else is written by hand. `strange_numbers` are those in it which none of this says, nor the experiment's file.
"""

import contextlib
import io
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from orchestrator.cli.main import invoke
from orchestrator.document.experiment import load_experiment
from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage
from trainables.trial import JSON, TrialRow

ASKED = re.compile(r"<!-- \$ (?P<what>.+?) -->\n(?P<output>.*?)<!-- end -->", re.DOTALL)
BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
NAMES = re.compile(
    r"CIFAR-100?|ImageNet16-120|NAS-Bench-201|arXiv:[\d.]+|[Ss]ections? [\d.]*\d|\]\([^)]*\)|`[^`]*`|<!--.*?-->"
)
"""What has digits and is no number."""
STORAGE = "runs"


def made(page: Path, folder: Path) -> str:
    """Return the page as its bundle makes it, and draw its pictures in a folder; without a bundle, as if never made."""
    text = page.read_text(encoding="utf-8")
    bundle, folder = page.with_suffix(".parquet").absolute(), folder.absolute()
    if not bundle.exists():
        return ASKED.sub(lambda asked: _filled(asked["what"], ""), text)
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        _printed(f"sharptune merge {shlex.quote(str(bundle))}")
        commands = [asked["what"] for asked in ASKED.finditer(text) if asked["what"].startswith("sharptune ")]
        told = {what: _told(what, page.stem, folder) for what in dict.fromkeys(commands)}
        told["rows"] = _of_rows(list(Ledger(open_storage(STORAGE)).rows().values()))
    told["all"] = _all(commands, page)
    return ASKED.sub(lambda asked: _filled(asked["what"], told[asked["what"]]), text)


def strange_numbers(text: str) -> list[str]:
    """Return the numbers of what was written by hand that stand neither in an output nor in the file it is about."""
    outputs = "\n".join(asked["output"] for asked in ASKED.finditer(text))
    asked_for = (shlex.split(asked["what"]) for asked in ASKED.finditer(text))
    experiments = dict.fromkeys(words[2] for words in asked_for if words[1:2] == ["table"])
    said = "\n".join([outputs, *(load_experiment(name).text for name in experiments)])
    by_hand = NAMES.sub(" ", BLOCK.sub("", ASKED.sub("", text)))
    known = set(NUMBER.findall(said))
    return [number for number in NUMBER.findall(by_hand) if number not in known]


def _filled(what: str, output: str) -> str:
    body = f"\n{output.strip()}\n\n" if output.strip() else ""
    return f"<!-- $ {what} -->\n{body}<!-- end -->"


def _told(line: str, page: str, folder: Path) -> str:
    """Return what stands under a command of the page, which is given here."""
    words = shlex.split(line)
    if words[1] != "figure":
        return _printed(line)
    picture = f"{page}-{words[3]}.svg"
    title = _printed(f"{line} -o {shlex.quote(str(folder / picture))}").strip().partition(": ")[2]
    return f"![{title}]({picture})"


def _printed(line: str) -> str:
    """Return what a command prints here. Raises: SystemExit where it fails."""
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(printed):
        code = invoke([*shlex.split(line)[1:], "--storage", STORAGE])
        printed.flush()
    if code:
        raise SystemExit(f"{line} ends with {code}")
    return printed.buffer.getvalue().decode()


def _all(commands: Sequence[str], page: Path) -> str:
    bundle = f"docs/results/{page.stem}.parquet"
    drawn = [f"{line} -o {page.stem}-{line.split()[3]}.svg" if " figure " in line else line for line in commands]
    lines = [f"sharptune merge {bundle} --storage {page.stem}"]
    lines += [f"{line} --storage {page.stem}" for line in dict.fromkeys(drawn)]
    lines += [f"python docs/results/make.py docs/results/{page.name}"]
    return "```console\n" + "".join(f"$ {line}\n" for line in lines) + "```"


def _of_rows(rows: Sequence[TrialRow]) -> str:
    """Return when and with what rows were made: a table of what each stage took, and a list of what all had."""
    stages: dict[str, list[TrialRow]] = {}
    for row in sorted(rows, key=lambda row: str(row.timing["started"])):
        stages.setdefault(_asked_by(row)["stage"], []).append(row)
    lines = ["| stage | trials done | interruptions | CPU hours | hours |", "|---|---:|---:|---:|---:|"]
    lines += [_stage_line(stage, of_stage) for stage, of_stage in [*stages.items(), ("all", rows)]]
    return "\n".join([*lines, "", *_environment(rows)])


def _asked_by(row: TrialRow) -> Mapping[str, JSON]:
    return row.provenance.get("asked_by") or {"stage": row.spec.trainable}


def _stage_line(stage: str, rows: Sequence[TrialRow]) -> str:
    done = sum(row.state == "done" for row in rows)
    again = sum(int(row.provenance.get("attempts", 1)) - 1 for row in rows)
    cpu = 24 * sum(float(row.timing.get("cpu_days", 0)) for row in rows)
    wall = sum(float(row.timing.get("wall_seconds", 0)) for row in rows) / 3600
    return f"| {stage} | {done} of {len(rows)} | {again} | {cpu:.2f} | {wall:.2f} |"


def _environment(rows: Sequence[TrialRow]) -> Iterator[str]:
    """Yield what the rows say of where they were made, a line each."""
    threads = sorted({str(row.provenance.get("threads", "?")) for row in rows})
    hardware = sorted({str(row.provenance.get("hardware", "?")) for row in rows})
    versions = sorted({", ".join(f"{name} {each}" for name, each in _versions(row)) for row in rows})
    commits = sorted({str(row.provenance.get("commit", "?"))[:7] for row in rows})
    times = [datetime.fromisoformat(str(row.timing[which])) for row in rows for which in ("started", "finished")]
    yield f"- Hardware: {'; '.join(hardware)}; threads of a trial: {', '.join(threads)}"
    yield f"- Software: {'; '.join(versions)}"
    yield f"- Code: commit {', '.join(commits)}"
    yield f"- When: {min(times):%Y-%m-%d %H:%M} to {max(times):%Y-%m-%d %H:%M} UTC"


def _versions(row: TrialRow) -> list[tuple[str, str]]:
    return list((row.provenance.get("versions") or {}).items())


def main(pages: Sequence[str]) -> None:
    for page in map(Path, pages):
        text = made(page, page.parent)
        page.write_text(text, encoding="utf-8")
        for number in strange_numbers(text):
            print(f"{page}: {number} stands neither in an output nor in the experiment's file", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
