"""The runbook has a section for each alarm and rule, and names only commands that exist."""

import re

import yaml
from cyclopts.exceptions import CycloptsError

from app.cli import build_app
from app.monitoring.models import ALARMS
from tests.commands import ROOT

PAGE = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = set(re.findall(r"^### (\w+)$", PAGE, re.M))


def test_each_alarm_and_each_rule_leads_to_a_section() -> None:
    rules = yaml.safe_load((ROOT / "docs/alerts/lockstitch.rules.yml").read_text(encoding="utf-8"))
    linked = {
        rule["annotations"]["runbook_url"].removeprefix("docs/runbook.md#")
        for group in rules["groups"]
        for rule in group["rules"]
    }
    of_credentials = "credential_{{ $labels.problem }}"
    assert of_credentials in linked
    assert {*ALARMS, *linked} - {of_credentials} == SECTIONS


def test_each_command_of_it_exists() -> None:
    """Placeholders stand in upper case, where any text is an argument."""
    app = build_app()
    commands = {one.partition("  ")[0].strip() for one in re.findall(r"lockstitch [^`\n]+", PAGE)}
    assert len(commands) > 25
    for command in commands:
        words = command.split()[1:]
        try:
            _, _, unused, _ = app.parse_known_args(words)
        except CycloptsError as error:
            raise AssertionError(f"{command}: {error}") from error
        assert not unused, command


def test_fourteen_questions_have_a_command_and_a_page_each() -> None:
    """`tests/contract/test_bad_day.py` asks them."""
    table = PAGE.partition("## Fourteen questions")[2].partition("## Alarms")[0]
    assert len(re.findall(r"^\| .+ \| `lockstitch .+` \| `/console.*` ?.*\|$", table, re.M)) == 14
