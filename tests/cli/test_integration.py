"""`lockstitch integration`: an empty brief is a list of gaps, and a full one is judged by the configuration alone."""

import json
import re
from pathlib import Path

import pytest

from app.monitoring.models import ALARMS
from app.settings.briefs import Brief, read_briefs, responsible_of
from app.settings.reading import SettingsError
from tests.commands import ROOT, exits, lockstitch

CONFIGURATION = """
[connections.crm]
vendor = "hubspot"
credentials = { token = "vault:crm_token" }
pacing = { units = 100, per_seconds = 10 }

[connections.shop]
vendor = "shopify"
base_url = "https://example.myshopify.com"
credentials = { token = "env:SHOP" }
webhook_secrets = ["env:SHOP_HOOK"]

[systems_of_record]
customers = "crm"
orders = "shop"

[alerts]
url = "https://hooks.example.com/x"
"""
BRIEF = """
purpose = "Sales calls new customers within the hour"
trigger = "n8n: the form on the website, because it knows the campaign"
consumers = ["sales"]
tolerance = "An hour. n8n keeps the form for a day."
owner = "growth"
on_call = "growth-oncall@example.com"
approver = "data-council"
severity = "critical"
alarms = ["dead_letters", "connection_paused"]
runbook = "runbooks/signups.md#night"
peak_per_minute = 150
latency_seconds = 300
[objects]
customers = "crm"
[follows]
customers = "crm"
orders = "shop"
[calls]
crm = 2
[[writes]]
object = "customers"
connection = "crm"
idempotency = "the id of the submission"
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A configuration with one brief, and without a database."""
    (tmp_path / "lockstitch.toml").write_text(CONFIGURATION)
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks/signups.md").write_text("# Signups\n")
    (tmp_path / "integrations").mkdir()
    (tmp_path / "integrations/signups.toml").write_text(BRIEF)
    return {"LOCKSTITCH_CONFIG": str(tmp_path / "lockstitch.toml"), "LOCKSTITCH_DATA_DIR": str(tmp_path / "data")}


def test_a_new_brief_is_checked_for_gaps_until_it_is_filled(environment: dict[str, str], tmp_path: Path) -> None:
    made = lockstitch("integration", "new", "refunds", environment=environment, columns=300)
    file = tmp_path / "integrations/refunds.toml"
    assert made.stdout == f"Fill in {file}, then: lockstitch integration check refunds\n"
    assert lockstitch("integration", "new", "refunds", environment=environment).returncode == 2
    assert lockstitch("integration", "new", "../refunds", environment=environment).returncode == 2

    checked = exits(lockstitch("integration", "check", "refunds", environment=environment, columns=300), 1)
    complaints = re.findall(r"error    integration refunds: (.*)", checked.stdout)
    gaps = ("purpose", "trigger", "consumers", "tolerance", "owner", "on_call", "approver")
    assert complaints == [*(f"{gap} is empty" for gap in gaps), "it has no alarm", "it has no runbook"]


def test_a_full_brief_is_in_order_and_shown(environment: dict[str, str]) -> None:
    checked = lockstitch("integration", "check", environment=environment, columns=300)
    assert (checked.returncode, checked.stdout) == (0, "ok       integration signups\n"), checked.stdout

    listed = lockstitch("integration", "show", environment=environment)
    assert "growth-oncall@example.com" in listed.stdout
    page = lockstitch("integration", "show", "signups", environment=environment).stdout
    assert re.search(r"writes +object: customers, connection: crm, idempotency: the id of the\s+submission", page)
    assert max(map(len, page.splitlines())) <= 80
    view = json.loads(lockstitch("integration", "show", "signups", "--json", environment=environment).stdout)
    assert (view["name"], view["calls"]) == ("signups", {"crm": 2})
    listing = json.loads(lockstitch("integration", "show", "--json", environment=environment).stdout)
    assert listing == {"data": [view], "next_cursor": None, "has_more": False}
    unknown = exits(lockstitch("integration", "show", "signup", environment=environment), 2)
    assert "Did you mean signups?" in unknown.stderr


def test_a_brief_that_the_configuration_contradicts_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "integrations/signups.toml"
    for old, new in {
        'customers = "crm"\n[follows]': 'customers = "shop"\n[follows]',
        'orders = "shop"\n[calls]': 'tickets = "shop"\n[calls]',
        "latency_seconds = 300": "latency_seconds = 60",
        '"dead_letters"': '"dead_letter"',
        "signups.md": "none.md",
        'connection = "crm"': 'connection = "crn"',
        '"the id of the submission"': '""',
    }.items():
        file.write_text(file.read_text().replace(old, new, 1))
    (tmp_path / "integrations/backfill.toml").write_text("peak_per_minute = 100\n[calls]\ncrm = 2\n")
    (tmp_path / "lockstitch.toml").write_text(CONFIGURATION.partition("[alerts]")[0])

    checked = exits(lockstitch("integration", "check", "signups", environment=environment, columns=300), 1)
    assert re.findall(r"(\w+) +integration signups: (.*)", checked.stdout) == [
        ("error", "crn is no connection. Did you mean crm?"),
        ("error", "the write of customers at crn has no idempotency"),
        ("error", "calls says not what a write at crn costs"),
        ("error", "customers are owned by crm, not by shop"),
        ("error", "dead_letter is no alarm. Did you mean dead_letters?"),
        ("error", "its runbook runbooks/none.md#night does not exist"),
        ("error", "customers of crm are pulled every 5m, and may be 60 s old"),
        ("error", "no webhook and no pull reports changes of the tickets of shop"),
        ("error", "2 integrations plan 500 a minute at crm, above 80% of its limit of 600"),
        ("warning", "its alarms reach no one: neither url nor smtp is set"),
    ]


def test_a_file_that_is_no_brief_stops_a_process_with_its_place(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "integrations/one.toml").write_text("pourpose = 'x'\n")
    (tmp_path / "integrations/two.toml").write_text("purpose = \n")
    with pytest.raises(SettingsError) as caught:
        read_briefs(tmp_path / "integrations")
    assert "one.toml is invalid: Object contains unknown field `pourpose`" in str(caught.value)
    assert "two.toml is not TOML" in str(caught.value)
    done = exits(lockstitch("serve", environment=environment), 1)
    assert "one.toml is invalid" in done.stderr


def test_those_responsible_are_found_by_connection_and_by_secret() -> None:
    briefs = {"signups": Brief(owner="growth", calls={"crm": 1.0}), "refunds": Brief(objects={"orders": "shop"})}
    responsible = responsible_of(briefs, {"crm": {"token": "vault:crm_token"}, "shop": {"token": "env:SHOP"}})
    assert {subject: [one.integration for one in everyone] for subject, everyone in responsible.items()} == {
        "crm": ["signups"],
        "crm_token": ["signups"],
        "shop": ["refunds"],
    }


def test_the_names_of_alarms_are_those_of_the_documentation() -> None:
    page = (ROOT / "docs/monitoring.md").read_text().partition("\n## Alarms")[2].partition("\n## ")[0]
    documented = {
        name.partition(".")[0]
        for line in re.findall(r"^- (`.*?`):", page, re.M)
        for name in re.findall(r"`(\w[\w.:]*)`", line)
    }
    assert documented == set(ALARMS)
