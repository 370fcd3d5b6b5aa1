"""What a consumer refuses, or what is lost on the way to it, is one dead letter or is done once."""

import json
import time
from typing import Any, Final

import pytest

from tests.contract.callers import Caller, expect
from tests.contract.copying import buyer, contacts_of
from tests.contract.emulators import Emulators
from tests.contract.exports import LEGACY
from tests.contract.facade import Facade
from tests.contract.fan_outs import CONSUMERS, at, change, fan_outs, settle
from tests.contract.own_facade import own_facade
from tests.contract.portable_orders import STREET, order
from tests.contract.quiet import Vendors
from tests.contract.samples import word
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


def open_letters(caller: Caller, connection: str) -> list[dict[str, Any]]:
    return caller.get(f"/ops/dead-letters?connection={connection}&state=open").json()["data"]


def redrive(facade: Facade, caller: Caller, letter: dict[str, Any]) -> None:
    expect(caller.post(f"/ops/dead-letters/{letter['id']}/redrive", json={}))
    settle(facade)


def redrive_advice(caller: Caller, letter: dict[str, Any]) -> str:
    steps = caller.get(f"/ops/dead-letters/{letter['id']}").json()["next_steps"]
    return {step["action"]: step["advice"] for step in steps}["redrive"]


def lost_by_copy(caller: Caller, made: dict[str, Any], source: str, target: str) -> list[str]:
    path = f"/v1/tickets/{made['id']}/copies?connection={source}"
    return [one["path"] for one in expect(caller.write("POST", path, {"connection": target})).json()["meta"]["loss"]]


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
    redrive(facade, caller, letter)

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


def test_a_refused_leg_is_redriven_with_present_values(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    made = buyer(caller)
    settle(facade)
    vendors.break_("zendesk", "status", method="PUT", status=422)
    change(caller, made, notes="Likes blue.")
    until(lambda: facade.sql("SELECT 1 FROM dead_letter WHERE state = 'open'"))
    settle(facade)
    (letter,) = open_letters(caller, "zendesk")
    assert (letter["kind"], letter["failure"]["category"]) == ("fan_out", "permanent")
    letter_view = caller.get(f"/ops/dead-letters/{letter['id']}").json()
    assert "blue" not in json.dumps(letter_view)
    refused = fan_outs(facade, made, "zendesk")[-1]
    assert letter_view["payload"]["operation"] == refused["id"]
    assert letter_view["payload"]["problem"]["detail"].startswith("Zendesk answered: ")
    vendors.mend()
    Vendors(vendors.url).change("shopify", made["meta"]["remote_id"], "Later")
    redrive(facade, caller, letter)
    assert at(caller, made, "zendesk")["notes"] == "Later"
    assert [one["outcome"] for one in fan_outs(facade, made, "zendesk")] == ["succeeded", "failed", "succeeded"]


def test_a_withdrawal_that_the_consumer_cannot_keep_says_what_to_do(facade: Facade, caller: Caller) -> None:
    made = buyer(caller)
    settle(facade)
    change(caller, made, consents=[{"channel": "email", "state": "opted_out"}])
    settle(facade)
    (letter,) = open_letters(caller, "hubspot")
    assert letter["failure"]["path"] == "/consents"
    advice = redrive_advice(caller, letter)
    assert advice.startswith("hubspot refused /consents: ")
    assert "by hand" in advice


def test_a_state_that_the_consumer_cannot_follow_is_a_dead_letter_and_holds_up_nothing(
    facade: Facade, caller: Caller
) -> None:
    made = caller.create("/v1/orders?connection=hubspot", order(word(), shipping_address=STREET))
    settle(facade)
    path, moved = f"/v1/orders/{made['id']}?connection=", STREET | {"line1": "Uferweg 4"}
    caller.write("PATCH", f"{path}hubspot", {"status": "cancelled", "shipping_address": moved})
    settle(facade)
    (letter,) = open_letters(caller, "shopify")
    assert (letter["kind"], letter["failure"]["path"]) == ("fan_out", "/status")
    there = caller.get(f"{path}shopify").json()
    assert (there["status"], there["shipping_address"]["line1"]) == ("open", "Uferweg 4")
    assert "bring the record to this state there by hand" in redrive_advice(caller, letter)

    moved["line1"] = "Uferweg 5"
    caller.write("PATCH", f"{path}hubspot", {"shipping_address": moved})
    settle(facade)
    assert caller.get(f"{path}shopify").json()["shipping_address"]["line1"] == "Uferweg 5"
    redrive(facade, caller, letter)
    assert open_letters(caller, "shopify") == []


def test_a_text_that_the_consumer_never_changes_is_one_dead_letter(facade: Facade, caller: Caller) -> None:
    """The description of a ticket at Zendesk is its first comment."""
    made = caller.create("/v1/tickets?connection=salesforce", {"subject": word(), "description": "It is broken."})
    settle(facade)
    path = f"/v1/tickets/{made['id']}?connection="
    for subject, described in (("Both", "Both are broken."), ("Neither", None)):
        sent = {"subject": subject} if described is None else {"subject": subject, "description": described}
        expect(caller.write("PATCH", f"{path}salesforce", sent))
        settle(facade)
        (letter,) = open_letters(caller, "zendesk")
        assert (letter["kind"], letter["failure"]["path"]) == ("fan_out", "/description")
        there = caller.get(f"{path}zendesk").json()
        assert (there["subject"], there["description"]) == (subject, "It is broken.")
        for _ in range(2):  # a copy of a caller names it, while it differs
            assert "/description" in lost_by_copy(caller, made, "salesforce", "zendesk")
    assert "by hand" in redrive_advice(caller, letter)
    redrive(facade, caller, letter)
    assert open_letters(caller, "zendesk") == []
    assert "/description" in lost_by_copy(caller, made, "salesforce", "zendesk")
    for described in ("It is broken.", "Both are broken."):  # each change is a dead letter
        expect(caller.write("PATCH", f"{path}salesforce", {"description": described}))
        settle(facade)
        there = caller.get(f"{path}zendesk").json()["description"]
        paths = [letter["failure"]["path"] for letter in open_letters(caller, "zendesk")]
        assert paths == ([] if described == there else ["/description"])
        assert ("/description" in lost_by_copy(caller, made, "salesforce", "zendesk")) is (described != there)


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
    (letter,) = open_letters(caller, "shopify")
    assert (letter["kind"], letter["failure"]["path"]) == ("fan_out", "/status")
    assert caller.get(f"{path}shopify").json()["shipping_address"]["line1"] == "Uferweg 4"
    (copied,) = facade.sql(
        "SELECT id, attempts FROM operation WHERE principal = 'consumer:orders:shopify' ORDER BY id DESC LIMIT 1"
    )
    assert copied["attempts"] == (2 if lost == "the reply" else 1)
    loss = caller.get(f"/v1/operations/{copied['id']}").json()["result"]["meta"]["loss"]
    assert "/status" in [one["path"] for one in loss]
    assert caller.post(f"/ops/dead-letters/{letter['id']}/discard", json={"because": "done by hand"}).status_code == 200


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
    (letter,) = until(lambda: open_letters(caller, "freshdesk"))
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
    redrive(facade, caller, letter)
    assert open_letters(caller, "freshdesk") == []
    assert len(vendors.records("freshdesk", "tickets", holding=made["subject"])) == 1


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
