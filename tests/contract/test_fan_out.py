"""Changes are carried to the consumers: each once, as the record is then, with consent, and never back."""

import json
import time
from typing import Any, Final

import pytest

from tests.contract.callers import Caller, expect
from tests.contract.emulators import Emulators
from tests.contract.exports import LEGACY, export, line, send, settled
from tests.contract.facade import Facade
from tests.contract.fan_outs import (
    CONSUMERS,
    at,
    at_remote,
    buyer,
    change,
    consenting,
    contacts_of,
    fan_outs,
    settle,
    skipped,
)
from tests.contract.own_facade import own_facade
from tests.contract.portable_orders import STREET, order
from tests.contract.quiet import Vendors, Watch, sending_webhooks
from tests.contract.samples import word
from tests.contract.subscribers import Hook
from tests.contract.vendor_samples import SAMPLES, all_vendors, create_record
from tests.contract.waiting import until

PASS_TIME: Final = (
    """
    UPDATE job
       SET run_at = run_at - $1::text::interval, give_up_at = give_up_at - $1::text::interval
     WHERE state <> 'running'
    """,
    "UPDATE lane SET blocked_until = blocked_until - $1::text::interval WHERE blocked_until < 'infinity'",
)

running_facade, full_key = own_facade(all_vendors, "eu", more=LEGACY + CONSUMERS)


def test_a_new_record_reaches_each_consumer_once(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    made = buyer(caller, notes="Likes blue.")
    settle(facade)
    for vendor in ("hubspot", "salesforce", "zendesk"):
        assert len(contacts_of(vendors, vendor, made)) == 1
        there = at(caller, made, vendor)
        assert there["id"] == made["id"]
        assert there["emails"][0]["address"] == made["emails"][0]["address"]
    assert at(caller, made, "salesforce")["notes"] is None  # not among its fields

    change(caller, made, first_name="Ines", notes="Likes green.")
    settle(facade)
    assert [at(caller, made, vendor)["first_name"] for vendor in ("hubspot", "salesforce")] == ["Ines", "Ines"]
    assert at(caller, made, "zendesk")["notes"] == "Likes green."
    assert [one["effect"] for one in fan_outs(facade, made, "hubspot")] == ["create", "update"]
    assert len(contacts_of(vendors, "hubspot", made)) == 1

    change(caller, made, notes="Likes red.")
    settle(facade)
    assert len(fan_outs(facade, made, "salesforce")) == 2
    assert at(caller, made, "zendesk")["notes"] == "Likes red."


def test_a_change_carries_its_cause(facade: Facade, caller: Caller) -> None:
    made = buyer(caller)
    settle(facade)
    (operation,) = fan_outs(facade, made, "hubspot")
    rows = facade.sql("SELECT id, visited, correlation_id FROM event WHERE origin = $1", operation["id"])
    (event,) = rows
    assert event["correlation_id"] == made["meta"]["correlation_id"]
    assert event["visited"] == ["shopify", "hubspot", "salesforce", "zendesk"]  # the change goes there directly
    assert len(fan_outs(facade, made, "zendesk")) == 1
    operation_view = caller.get(f"/v1/operations/{operation['id']}").json()
    assert (operation_view["connection"], operation_view["correlation_id"]) == (
        "hubspot",
        made["meta"]["correlation_id"],
    )


def test_one_of_three_is_down_for_a_day(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    made = buyer(caller)
    settle(facade)
    vendors.break_("zendesk", "status", status=503, times=None)
    change(caller, made, first_name="Ines")
    until(lambda: [at(caller, made, one)["first_name"] for one in ("hubspot", "salesforce")] == ["Ines", "Ines"])
    before = {vendor: len(fan_outs(facade, made, vendor)) for vendor in ("hubspot", "salesforce")}

    letter = until(lambda: _pass_hours(facade, "zendesk"), timeout=150.0)
    assert letter is not None
    assert (letter["kind"], letter["category"]) == ("fan_out", "transient")
    vendors.mend()
    facade.sql(
        "UPDATE lane SET blocked_reason = NULL, blocked_until = NULL, blocked_note = NULL, blocked_at = NULL,"
        " throttles = 0, probe_token = NULL WHERE connection = 'zendesk' AND blocked_until < 'infinity'"
    )
    # The record changes past Lockstitch: the redrive carries what is there then.
    Vendors(vendors.url).change("shopify", made["meta"]["remote_id"], "Later")
    expect(caller.post(f"/ops/dead-letters/{letter['id']}/redrive", json={}))
    settle(facade)

    assert "Later" in at(caller, made, "zendesk")["display_name"]
    assert {vendor: len(fan_outs(facade, made, vendor)) for vendor in before} == before
    assert [one["outcome"] for one in fan_outs(facade, made, "zendesk")].count("succeeded") == 2
    for vendor in ("hubspot", "salesforce", "zendesk"):
        assert len(contacts_of(vendors, vendor, made)) <= 1
    assert facade.sql("SELECT 1 FROM dead_letter WHERE state = 'open'") == []


def _pass_hours(facade: Facade, connection: str) -> dict[str, Any] | None:
    """Let two hours go by as often as nothing runs. Return the dead letter once there is one."""
    time.sleep(0.05)
    busy = "SELECT 1 FROM job WHERE state = 'running' OR (state = 'ready' AND run_at <= now())"
    if not facade.sql(busy):
        for statement in PASS_TIME:
            facade.sql(statement, "2 hours")
    letters = facade.sql("SELECT * FROM dead_letter WHERE connection = $1 AND state = 'open'", connection)
    return letters[0] if letters else None


def test_waiting_legs_become_one(facade: Facade, caller: Caller) -> None:
    made = buyer(caller)
    settle(facade)
    assert caller.post("/ops/connections/zendesk/pause", json={"note": "a test"}).status_code == 200
    for number in range(5):
        change(caller, made, first_name=f"Ines{number}")
    waiting = "SELECT id, state FROM job WHERE kind = 'fan_out' AND connection = 'zendesk' ORDER BY id"
    until(lambda: len(facade.sql(waiting)) == 5)
    head, *others = [row["id"] for row in facade.sql(waiting)]
    assert caller.post("/ops/connections/zendesk/resume").status_code == 200
    settle(facade)

    assert "Ines4" in at(caller, made, "zendesk")["display_name"]
    assert len(fan_outs(facade, made, "zendesk")) == 2
    noted = facade.sql("SELECT subject, facts FROM audit_event WHERE type = 'job.superseded' ORDER BY subject")
    noted = [row for row in noted if json.loads(row["facts"])["by"] == f"job_{head}"]
    assert sorted(row["subject"] for row in noted) == sorted(f"job_{one}" for one in others)
    assert all(json.loads(row["facts"])["origin"].startswith("evt_") for row in noted)


def test_two_that_consume_each_other_do_not_play_ping_pong(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    """HubSpot and WooCommerce; both send what changed there, HubSpot by webhooks too."""
    with sending_webhooks(facade, "hubspot"):
        made = buyer(caller, "woocommerce")
        settle(facade)
        (contact,) = contacts_of(vendors, "hubspot", made)
        assert len(fan_outs(facade, made, "hubspot")) == 1
        assert _operations(facade, "woocommerce", made) == 0

        calls = len(vendors.calls("woocommerce"))
        Vendors(vendors.url).change("hubspot", contact["id"], "Ines")
        Watch(facade, "hubspot", Hook(url="")).settle()
        assert at(caller, made, "woocommerce")["first_name"] == "Ines firstname"
        assert _operations(facade, "woocommerce", made) == 1
        assert len(fan_outs(facade, made, "hubspot")) == 1
        assert len([one for one in vendors.calls("woocommerce")[calls:] if one["method"] != "GET"]) == 1


def _operations(facade: Facade, connection: str, made: dict[str, Any]) -> int:
    rows = facade.sql(
        "SELECT 1 FROM operation WHERE principal = $1 AND remote_id = $2",
        f"consumer:customers:{connection}",
        at_remote(facade, made, connection),
    )
    return len(rows)


def test_a_record_that_is_nowhere_is_ignored(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    made = caller.create("/v1/customers?connection=stripe", {"display_name": f"Ada {word()}"})
    settle(facade)
    assert [one for one in vendors.calls("freshdesk") if made["display_name"] in str(one["body"])] == []
    rows = facade.sql("SELECT facts FROM audit_event WHERE type = 'fan_out.skipped'")
    assert "the record is not linked there" in [json.loads(row["facts"])["because"] for row in rows]


@pytest.mark.parametrize("state", [None, "never", "pending", "opted_out"])
def test_without_consent_the_consumer_is_not_called(
    facade: Facade, caller: Caller, vendors: Emulators, state: str | None
) -> None:
    calls = len(vendors.calls("salesforce"))
    made = consenting(caller, state)
    settle(facade)
    assert vendors.calls("salesforce")[calls:] == []
    why = "the consent is withdrawn, and the person is not linked there" if state == "opted_out" else "no consent"
    (because,) = skipped(facade, made)
    assert because.endswith(why)


def test_a_withdrawal_reaches_who_is_linked_with_the_consents_alone(
    facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    made = consenting(caller, "opted_in")
    settle(facade)
    (contact,) = contacts_of(vendors, "salesforce", made)
    assert contact["HasOptedOutOfEmail"] is False
    change(caller, made, first_name="Ines", consents=[{"channel": "email", "state": "opted_out"}])
    settle(facade)
    (contact,) = contacts_of(vendors, "salesforce", made)
    assert (contact["HasOptedOutOfEmail"], contact["FirstName"]) == (True, "Ada")
    change(caller, made, first_name="Noor")
    settle(facade)
    assert contacts_of(vendors, "salesforce", made)[0]["FirstName"] == "Ada"


def test_what_a_copy_lost_is_not_carried_back(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    """HubSpot has one line for a street, so two lines of the shop are joined there."""
    address = {"type": "billing", "line1": "Uferweg 3", "line2": "Hof", "city": "Kiel", "country_code": "DE"}
    made = buyer(caller, "woocommerce", addresses=[address])
    settle(facade)
    (contact,) = contacts_of(vendors, "hubspot", made)
    assert contact["properties"]["address"] == "Uferweg 3, Hof"
    before = at(caller, made, "woocommerce")["addresses"]

    with sending_webhooks(facade, "hubspot"):
        Vendors(vendors.url).change("hubspot", contact["id"], "Ines")
        Watch(facade, "hubspot", Hook(url="")).settle()
    there = at(caller, made, "woocommerce")
    assert there["first_name"] == "Ines firstname"
    assert there["addresses"] == before


def test_a_refused_leg_is_redriven_with_present_values(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    made = buyer(caller)
    settle(facade)
    vendors.break_("zendesk", "status", method="PUT", status=422)
    change(caller, made, notes="Likes blue.")
    until(lambda: facade.sql("SELECT 1 FROM dead_letter WHERE state = 'open'"))
    settle(facade)
    (letter,) = caller.get("/ops/dead-letters?connection=zendesk&state=open").json()["data"]
    assert (letter["kind"], letter["failure"]["category"]) == ("fan_out", "permanent")
    letter_view = caller.get(f"/ops/dead-letters/{letter['id']}").json()
    assert "blue" not in json.dumps(letter_view)
    refused = fan_outs(facade, made, "zendesk")[-1]
    assert letter_view["payload"]["operation"] == refused["id"]
    assert letter_view["payload"]["problem"]["detail"].startswith("Zendesk answered: ")
    vendors.mend()
    Vendors(vendors.url).change("shopify", made["meta"]["remote_id"], "Later")
    assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive", json={}).status_code == 200
    settle(facade)
    assert at(caller, made, "zendesk")["notes"] == "Later"
    assert [one["outcome"] for one in fan_outs(facade, made, "zendesk")] == ["succeeded", "failed", "succeeded"]


def test_a_withdrawal_that_the_consumer_cannot_keep_says_what_to_do(facade: Facade, caller: Caller) -> None:
    made = buyer(caller)
    settle(facade)
    change(caller, made, consents=[{"channel": "email", "state": "opted_out"}])
    settle(facade)
    (letter,) = caller.get("/ops/dead-letters?connection=hubspot&state=open").json()["data"]
    assert letter["failure"]["path"] == "/consents"
    letter_view = caller.get(f"/ops/dead-letters/{letter['id']}").json()
    advice = {step["action"]: step["advice"] for step in letter_view["next_steps"]}
    assert advice["redrive"].startswith("hubspot refused /consents: ")
    assert "by hand" in advice["redrive"]


def test_a_state_that_the_consumer_cannot_follow_is_a_dead_letter_and_holds_up_nothing(
    facade: Facade, caller: Caller
) -> None:
    made = caller.create("/v1/orders?connection=hubspot", order(word(), shipping_address=STREET))
    settle(facade)
    path, moved = f"/v1/orders/{made['id']}?connection=", STREET | {"line1": "Uferweg 4"}
    caller.write("PATCH", f"{path}hubspot", {"status": "cancelled", "shipping_address": moved})
    settle(facade)
    (letter,) = caller.get("/ops/dead-letters?connection=shopify&state=open").json()["data"]
    assert (letter["kind"], letter["failure"]["path"]) == ("fan_out", "/status")
    there = caller.get(f"{path}shopify").json()
    assert (there["status"], there["shipping_address"]["line1"]) == ("open", "Uferweg 4")
    letter_view = caller.get(f"/ops/dead-letters/{letter['id']}").json()
    advised = {step["action"]: step["advice"] for step in letter_view["next_steps"]}["redrive"]
    assert "bring the record to this state there by hand" in advised

    moved["line1"] = "Uferweg 5"
    caller.write("PATCH", f"{path}hubspot", {"shipping_address": moved})
    settle(facade)
    assert caller.get(f"{path}shopify").json()["shipping_address"]["line1"] == "Uferweg 5"
    assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive", json={}).status_code == 200
    settle(facade)
    assert caller.get("/ops/dead-letters?connection=shopify&state=open").json()["data"] == []


def test_a_text_that_the_consumer_never_changes_is_one_dead_letter(facade: Facade, caller: Caller) -> None:
    """The description of a ticket at Zendesk is its first comment."""
    made = caller.create("/v1/tickets?connection=salesforce", {"subject": word(), "description": "It is broken."})
    settle(facade)
    path = f"/v1/tickets/{made['id']}?connection="
    for subject, described in (("Both", "Both are broken."), ("Neither", None)):
        sent = {"subject": subject} if described is None else {"subject": subject, "description": described}
        expect(caller.write("PATCH", f"{path}salesforce", sent))
        settle(facade)
        (letter,) = caller.get("/ops/dead-letters?connection=zendesk&state=open").json()["data"]
        assert (letter["kind"], letter["failure"]["path"]) == ("fan_out", "/description")
        there = caller.get(f"{path}zendesk").json()
        assert (there["subject"], there["description"]) == (subject, "It is broken.")
    letter_view = caller.get(f"/ops/dead-letters/{letter['id']}").json()
    advised = {step["action"]: step["advice"] for step in letter_view["next_steps"]}["redrive"]
    assert "by hand" in advised
    assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive", json={}).status_code == 200
    settle(facade)
    assert caller.get("/ops/dead-letters?connection=zendesk&state=open").json()["data"] == []


@pytest.mark.parametrize("lost", ["the reply", "the dead letter"])
def test_a_state_that_stayed_is_a_dead_letter_whatever_is_lost(
    facade: Facade, caller: Caller, vendors: Emulators, lost: str
) -> None:
    made = caller.create("/v1/orders?connection=hubspot", order(word(), shipping_address=STREET))
    settle(facade)
    if lost == "the reply":
        vendors.lose_reply("shopify", after=1)  # the order is read first
    else:
        facade.sql("ALTER TABLE dead_letter ADD CONSTRAINT unwritten CHECK (false) NOT VALID")
    moved = STREET | {"line1": "Uferweg 4"}
    path = f"/v1/orders/{made['id']}?connection="
    caller.write("PATCH", f"{path}hubspot", {"status": "cancelled", "shipping_address": moved})
    if lost == "the dead letter":
        until(lambda: "the outcome of a job was not recorded" in facade.worker.log)
        facade.sql("ALTER TABLE dead_letter DROP CONSTRAINT unwritten")
    settle(facade)
    assert vendors.standing_faults() == []
    (letter,) = caller.get("/ops/dead-letters?connection=shopify&state=open").json()["data"]
    assert (letter["kind"], letter["failure"]["path"]) == ("fan_out", "/status")
    assert caller.get(f"{path}shopify").json()["shipping_address"]["line1"] == "Uferweg 4"
    (copied,) = facade.sql(
        "SELECT id, attempts FROM operation WHERE principal = 'consumer:orders:shopify' ORDER BY id DESC LIMIT 1"
    )
    assert copied["attempts"] == (2 if lost == "the reply" else 1)
    loss = caller.get(f"/v1/operations/{copied['id']}").json()["result"]["meta"]["loss"]
    assert "/status" in [one["path"] for one in loss]
    assert caller.post(f"/ops/dead-letters/{letter['id']}/discard", json={"because": "done by hand"}).status_code == 200


def test_a_leg_whose_reply_is_lost_writes_once(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    buyer(caller)
    settle(facade)  # what an account needs once is there now
    vendors.lose_reply("hubspot", method="POST", path="/crm/v3/objects/contacts")
    made = buyer(caller)
    settle(facade)
    assert vendors.standing_faults() == []
    assert len(contacts_of(vendors, "hubspot", made)) == 1
    assert [one["outcome"] for one in fan_outs(facade, made, "hubspot")] == ["succeeded"]


def test_a_leg_whose_row_is_lost_writes_once(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    buyer(caller)
    settle(facade)
    vendors.hold("hubspot", method="POST", path="/crm/v3/objects/contacts")
    made = buyer(caller)
    vendors.await_held()
    (lost,) = facade.sql("DELETE FROM operation WHERE connection = 'hubspot' AND phase = 'sent' RETURNING id")
    vendors.mend()
    settle(facade)
    assert len(contacts_of(vendors, "hubspot", made)) == 1
    assert [(one["id"], one["outcome"]) for one in fan_outs(facade, made, "hubspot")] == [(lost["id"], "succeeded")]
    assert at(caller, made, "hubspot")["id"] == made["id"]


def test_rows_of_an_export_are_carried(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    settled(caller, send(caller, export(line(1))))
    settle(facade)
    (customer,) = vendors.records("stripe", "customers", holding="ann.1@example.com")
    settled(caller, send(caller, export(line(1, name="Vidal"))))
    settle(facade)
    (changed,) = vendors.records("stripe", "customers", holding="ann.1@example.com")
    assert (changed["id"], changed["name"]) == (customer["id"], "Vidal")


def test_a_person_whose_erasure_is_requested_is_not_carried(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    settled(caller, send(caller, export(line(5))))
    settle(facade)
    settled(caller, send(caller, export(line(5, name="Vidal", state="E"), line(6, state="E"))))
    settle(facade)
    (known,) = vendors.records("stripe", "customers", holding="ann.5@example.com")
    assert known["name"] == "Lee 5"
    assert vendors.records("stripe", "customers", holding="ann.6@example.com") == []
    skipped_copies = facade.sql("SELECT facts FROM audit_event WHERE type = 'fan_out.skipped' ORDER BY id DESC LIMIT 2")
    assert {json.loads(row["facts"])["because"] for row in skipped_copies} == {
        "the person's erasure is requested, and the vendor keeps no consents",
        "the person's erasure is requested, and the person is not linked there",
    }


def test_a_leg_waits_while_nobody_knows_whether_there_is_a_copy(
    facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    """Freshdesk's list lacks the ticket, although it was sent once more."""
    create_record(caller, SAMPLES["freshdesk ticket"])  # what an account needs once is there now
    vendors.break_("freshdesk", "reset", method="POST", path="/api/v2/tickets")
    path, made = create_record(caller, SAMPLES["zendesk ticket"])
    sent = "SELECT id FROM operation WHERE principal = $1 AND phase = 'sent' AND lease_token IS NULL"
    (unknown,) = until(lambda: facade.sql(sent, "consumer:tickets:freshdesk"))
    sent_twice = "UPDATE operation SET absent_at = now() - interval '3 hours', resent_at = now() WHERE id = $1"
    facade.sql(sent_twice, unknown["id"])
    (letter,) = until(lambda: caller.get("/ops/dead-letters?connection=freshdesk&state=open").json()["data"])
    assert letter["failure"]["reason"] == "outcome-unknown"

    assert caller.write("PATCH", path, {"subject": f"Two of {made['subject']}"}).status_code == 200
    until(lambda: facade.sql("SELECT 1 FROM job WHERE kind = 'fan_out' AND state = 'ready' AND deferred > 0"))
    create_record(caller, SAMPLES["freshdesk ticket"])
    whole = {name: value for name, value in vendors.records("freshdesk", "tickets")[-1].items() if name != "id"}
    ticket = vendors.place("freshdesk", "tickets", whole | {"subject": made["subject"]})
    resolution = {"outcome": "succeeded", "remote_id": str(ticket["id"])}
    assert caller.post(f"/v1/operations/{unknown['id']}/resolve", json=resolution).status_code == 200
    facade.sql("UPDATE job SET run_at = now() WHERE kind = 'fan_out'")
    settle(facade)

    (ticket,) = vendors.records("freshdesk", "tickets", holding=made["subject"])
    assert ticket["subject"] == f"Two of {made['subject']}"
    assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive", json={}).status_code == 200
    settle(facade)
    assert caller.get("/ops/dead-letters?connection=freshdesk&state=open").json()["data"] == []
    assert len(vendors.records("freshdesk", "tickets", holding=made["subject"])) == 1
