"""Commands of pages that are not ours: scripts of this repository, its extras, Ray's, those of few other programs."""

import re
import tomllib

import pytest
from doc_commands import shown
from doc_pages import ROOT, blocks, pages, prose

FOREIGN = {"cp", "echo", "export", "grep", "rsync", "tensorboard"}
"""Programs of everyone's that pages may call."""
KNOWN = {"make", "pip", "python", "ray", "sharptune", *FOREIGN}
LINES = [(block.place, line) for block in blocks("console", "sh", "bash") for line, _ in shown(block)]
SPANS = [(page, code) for page, text in pages().items() for code in re.findall(r"(?<!`)`([^`\n]+)`", prose(text))]


def test_pages_call_no_program_but_ours_and_those_of_the_list():
    called = {line.split()[0] for _, line in LINES}

    assert called <= KNOWN
    assert called >= FOREIGN


def test_a_script_that_a_page_calls_is_there_with_its_options():
    calls = [(place, code.split()) for place, code in (*LINES, *SPANS) if re.match(r"python \S+\.py", code)]

    assert len(calls) > 4
    for place, (_, script, *words) in calls:
        assert (ROOT / script).is_file(), f"{place}: {script}"
        text = (ROOT / script).read_text(encoding="utf-8")
        assert [word for word in words if word.startswith("--") and f'"{word}"' not in text] == [], place


def test_the_extras_that_pages_install_are_ours():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {extra for text in pages().values() for extra in re.findall(r"sharptune\[(\w+)\]", text)}

    assert named
    assert named <= set(extras)


def ray_mistake(code: str) -> str:
    """Return what is wrong with a command of Ray's: of its group, its name and its options."""
    from ray.scripts.scripts import cli

    command, words = cli, re.split(r"  +#| \| ", code)[0].split()[1:]
    while words and hasattr(command, "commands"):
        name = words.pop(0)
        if name not in command.commands:
            return f"there is no {name!r}"
        command = command.commands[name]
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return next((word for word in words if word.startswith("-") and word.partition("=")[0] not in options), "")


def test_commands_of_ray_are_those_of_the_ray_that_is_installed():
    calls = [(place, code) for place, code in (*LINES, *SPANS) if code.startswith("ray ")]

    assert len(calls) > 5
    assert [f"{place}: {code}: {said}" for place, code in calls if (said := ray_mistake(code))] == []


@pytest.mark.parametrize("code", ["ray strat --head", "ray start --haed", "ray job sumbit"])
def test_a_mistake_in_a_command_of_ray_is_found(code):
    assert ray_mistake(code)
