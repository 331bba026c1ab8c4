"""The list of commands stands apart from their modules, and says of each what the module says."""

import click
import pytest

from orchestrator.cli.main import COMMANDS, cli

WIDTHS = range(20, 140)


@pytest.mark.parametrize("listed", COMMANDS, ids=lambda command: command.name)
def test_the_list_of_commands_says_what_the_command_itself_says(listed):
    itself = listed.load()

    assert itself.name == listed.name
    assert [listed.get_short_help_str(width) for width in WIDTHS] == [
        itself.get_short_help_str(width) for width in WIDTHS
    ]
    assert (listed.hidden, listed.deprecated) == (itself.hidden, itself.deprecated)


def test_a_group_in_the_list_has_its_commands():
    with cli.make_context("sharptune", ["space", "list"]) as context:
        _, listed, rest = cli.resolve_command(context, ["space", "list"])

        assert listed is not None
        assert isinstance(listed.make_context("space", rest, parent=context).command, click.Group)
