"""The templates that read what Lockstitch found by itself: the nightly sync and the reconciliation report, in a real
n8n that repeats them every two seconds, also at the same time.

Run by real.py; it is no part of the ordinary suite, which is why its name does not begin with `test_`.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from lockstitch_dev import Dev, free_port, running_dev
from n8n_cli import FreshN8n
from n8n_server import ServingN8n, serving
from real_events import add, contact, eventually, with_item

from app.dev.folder import CONFIG_FILE

SYNC, REPORT = "schedule--nightly-sync", "schedule--reconciliation-report"
# Salesforce is pulled, and HubSpot is not: only reconcile finds what its webhooks do not report.
OFTEN: Final = """
[connections.salesforce.pull]
customers = { every = "1s" }

[connections.hubspot.pull]
customers = { every = "off" }

[connections.hubspot.reconcile]
grace = "1s"
customers = { every = "2s" }
"""
OPERATOR: Final = "Lockstitch operator key"
OUTAGE: Final = {"kind": "status", "status": 503}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Lockstitch and n8n, which calls it."""

    dev: Dev
    n8n: ServingN8n
    cli: FreshN8n
    ids: dict[str, str]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    emulators = free_port()
    config = tmp_path_factory.mktemp("schedules") / "lockstitch.toml"
    config.write_text(CONFIG_FILE.format(emulators=f"http://127.0.0.1:{emulators}") + OFTEN)
    often = {"LOCKSTITCH_CONFIG": str(config), "LOCKSTITCH_EMULATORS_PORT": str(emulators)}
    with running_dev(**often) as dev, FreshN8n(Path(sys.argv[1]), free_port(), port := free_port()) as cli:
        eventually(lambda: is_pulled(dev))
        contact_in(dev, "before", "Ada")  # while n8n is down
        cli.add_credential(dev.key)
        cli.add_credential(dev.ops_key, OPERATOR)
        ids = {name: add(cli, name, dev.api, page=2) for name in (SYNC, REPORT)}
        for workflow in ids.values():
            cli.publish(workflow)
        with serving(cli, port) as n8n:
            yield Stage(dev=dev, n8n=n8n, cli=cli, ids=ids)


def is_pulled(dev: Dev) -> bool:
    """Whether the first pull of Salesforce's customers has completed, which makes no events."""
    views = dev.operate("/ops/freshness")["data"]
    return any((one["connection"], one["object"]) == ("salesforce", "customer") and one["as_of"] for one in views)


def contact_in(dev: Dev, name: str, first_name: str, **known: Any) -> dict[str, Any]:
    """Create or change a contact as Salesforce's staff does."""
    fields = {"LastName": name, "FirstName": first_name, "Email": f"{name}@example.com"}
    return dev.place("salesforce", "Contact", known | fields)


def having(dev: Dev, email: str, first_name: str) -> bool:
    """Whether HubSpot has the contact with this address, and by this name."""
    return (contact(dev, email) or {}).get("firstname") == first_name


def writes(dev: Dev) -> list[tuple[str, str]]:
    """The method and body of each write to a contact of HubSpot."""
    calls = [one for one in dev.calls("hubspot") if one["path"].startswith("/crm/v3/objects/contacts")]
    return [(one["method"], str(one["body"])) for one in calls if one["method"] == "PATCH" or is_create(one)]


def is_create(call: dict[str, Any]) -> bool:
    return bool(call["method"] == "POST" and call["path"] == "/crm/v3/objects/contacts" and call["status"] == 201)


def repeated(stage: Stage, name: str, times: int = 2) -> None:
    """Wait until so many executions have begun and ended after this was called."""
    running, before = stage.n8n.running(stage.ids[name]), len(stage.n8n.executions(stage.ids[name]))
    stage.n8n.wait_for(stage.ids[name], lambda executions: len(executions) >= before + running + times)


def test_a_change_that_only_a_pull_finds_is_copied_once(stage: Stage) -> None:
    eventually(lambda: having(stage.dev, "before@example.com", "Ada"))
    placed = contact_in(stage.dev, "again", "Ines")
    eventually(lambda: having(stage.dev, "again@example.com", "Ines"))
    contact_in(stage.dev, "again", "Noor", Id=placed["Id"])
    eventually(lambda: having(stage.dev, "again@example.com", "Noor"))

    wrote = writes(stage.dev)
    repeated(stage, SYNC)
    assert writes(stage.dev) == wrote
    assert [method for method, body in wrote if "again@example.com" in body] == ["POST"]
    assert [method for method, body in wrote if "Noor" in body] == ["PATCH"]
    saved = with_item(stage.n8n.executions(stage.ids[SYNC]), "Saved", customer="again@example.com")
    assert {one["replayed"] for one in saved} == {True, False}
    assert [one["replayed"] for one in saved].count(False) == 2  # the contact and its change
    assert not with_item(stage.n8n.executions(stage.ids[SYNC]), "In plain words")


def test_executions_that_overlap_create_one_contact(stage: Stage) -> None:
    slow = {"kind": "slow", "delay_ms": 60_000}
    with stage.dev.failing("hubspot", slow, method="POST", path="/crm/v3/objects/contacts"):
        contact_in(stage.dev, "overlap", "Ada")
        eventually(lambda: stage.n8n.running(stage.ids[SYNC]) >= 2)
    eventually(lambda: having(stage.dev, "overlap@example.com", "Ada"))

    repeated(stage, SYNC)
    assert len([body for _, body in writes(stage.dev) if "overlap@example.com" in body]) == 1
    assert contacts(stage.dev, "overlap@example.com") == 1


def contacts(dev: Dev, email: str) -> int:
    return [one["properties"].get("email") for one in dev.records("hubspot", "contacts")].count(email)


def test_a_change_while_the_target_is_down_is_copied_once_it_is_back(stage: Stage) -> None:
    with stage.dev.failing("hubspot", OUTAGE):
        contact_in(stage.dev, "down", "Ada")
        stage.n8n.wait_for(
            stage.ids[SYNC],
            lambda executions: bool(with_item(executions, "Not decided yet", customer="down@example.com")),
        )
        assert contacts(stage.dev, "down@example.com") == 0
    eventually(lambda: having(stage.dev, "down@example.com", "Ada"))

    repeated(stage, SYNC)
    assert len([body for _, body in writes(stage.dev) if "down@example.com" in body]) == 1
    assert with_item(stage.n8n.executions(stage.ids[SYNC]), "Saved", customer="down@example.com", replayed=True)


def findings(dev: Dev) -> list[dict[str, Any]]:
    return dev.operate("/ops/reconciliations", closed="false")["data"]


def tickets(dev: Dev) -> list[dict[str, Any]]:
    """The tickets of the report."""
    return [one for one in dev.records("zendesk", "tickets") if one["subject"].startswith("Reconciliation: ")]


def of_subject(dev: Dev, subject: str) -> list[dict[str, Any]]:
    return [one for one in tickets(dev) if one["subject"] == subject]


def contact_without_webhook(dev: Dev, email: str) -> str:
    """Create a contact of which HubSpot reports nothing, and return its id once reconcile has found it."""
    with dev.failing("hubspot", {"kind": "drop_webhook"}):
        placed: str = dev.place("hubspot", "contacts", {"properties": {"email": email, "lastname": "Lee"}})["id"]
        eventually(lambda: placed in [one["remote_id"] for one in findings(dev)])
    return placed


def test_findings_become_one_ticket_and_nothing_else_does(stage: Stage) -> None:
    repeated(stage, REPORT)
    assert findings(stage.dev) == []
    assert tickets(stage.dev) == []
    quiet = stage.n8n.executions(stage.ids[REPORT])
    assert [with_item(quiet, end) for end in ("Opened", "Not decided yet", "In plain words")] == [[], [], []]

    placed = contact_without_webhook(stage.dev, "missed@example.com")
    (ticket,) = eventually(lambda: tickets(stage.dev))
    repeated(stage, REPORT)
    assert tickets(stage.dev) == [ticket]
    assert ticket["subject"] == "Reconciliation: 1 open findings"
    assert f"- hubspot, extra: customer {placed}; " in str(ticket)
    assert "missed@example.com" not in str(ticket)
    assert "Lee" not in str(ticket)
    opened = with_item(stage.n8n.executions(stage.ids[REPORT]), "Opened")
    assert [one["replayed"] for one in opened].count(False) == 1
    assert opened[-1]["replayed"] is True


def test_findings_while_the_desk_is_down_become_one_ticket_once_it_is_back(stage: Stage) -> None:
    """The findings are more than a page of two."""
    earlier = contact_without_webhook(stage.dev, "earlier@example.com")
    eventually(lambda: of_subject(stage.dev, "Reconciliation: 2 open findings"))
    before = len(tickets(stage.dev))
    with stage.dev.failing("zendesk", OUTAGE):
        placed = contact_without_webhook(stage.dev, "later@example.com")
        stage.n8n.wait_for(stage.ids[REPORT], lambda executions: bool(with_item(executions, "Not decided yet")))
        assert len(tickets(stage.dev)) == before
    eventually(lambda: len(tickets(stage.dev)) > before)

    repeated(stage, REPORT)
    (ticket,) = tickets(stage.dev)[before:]
    assert ticket["subject"] == "Reconciliation: 3 open findings"
    assert f"customer {placed}" in str(ticket)
    assert f"customer {earlier}" in str(ticket)
    assert not with_item(stage.n8n.executions(stage.ids[REPORT]), "In plain words")


def test_a_refusal_is_explained(stage: Stage) -> None:
    stage.cli.add_credential(stage.dev.key, OPERATOR)  # which may not read the findings
    stage.cli.add_credential("none")
    for name, code, named in ((REPORT, "forbidden", "ops:read"), (SYNC, "unauthenticated", "")):
        executions = stage.n8n.wait_for(stage.ids[name], lambda runs: bool(with_item(runs, "In plain words")))
        (refusal, *_) = with_item(executions, "In plain words")
        assert (refusal["ok"], refusal["code"]) == (False, code)
        assert named in refusal["what_happened"]
        assert refusal["what_to_do"]
