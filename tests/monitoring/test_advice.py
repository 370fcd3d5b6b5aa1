"""What an operator reads on the command line and in the console names commands, not calls."""

import re
from typing import Final

import pytest

from app import errors
from app.identifiers import NAMES
from app.monitoring.advice import in_commands

CALL: Final = re.compile(r"\b(?:GET|POST) /")


@pytest.mark.parametrize("prefix", NAMES)
def test_each_kind_of_id_leads_to_a_command(prefix: str) -> None:
    identifier = f"{prefix}0198f0a2b7c47d3c9a51f2e80b6c4d17"
    step = in_commands(f"Look there: {NAMES[prefix][1].format(identifier)}.")
    assert step.startswith("Look there: lockstitch ")


@pytest.mark.parametrize("call", ["dead-letters", "drift", "redrives", "queue"])
def test_lists_lead_to_a_command(call: str) -> None:
    assert in_commands(f"GET /ops/{call} lists them.").startswith("lockstitch ")


def test_an_unknown_write_is_decided_by_a_command() -> None:
    step = in_commands(errors.OutcomeUnknown.next_step)
    assert "lockstitch operations resolve {id}" in step
    assert "lockstitch operations check {id}" in step
    assert not CALL.search(step)
