"""Changes are carried to the consumers: each once, as the record is then, with consent, and never back."""

import json
from typing import Any

import pytest

from tests.contract.callers import Caller
from tests.contract.copying import buyer, contacts_of
from tests.contract.emulators import Emulators
from tests.contract.exports import LEGACY, export, line, send, settled
from tests.contract.facade import Facade
from tests.contract.fan_outs import (
    CONSUMERS,
    at,
    at_remote,
    change,
    consenting,
    fan_outs,
    settle,
    skipped,
)
from tests.contract.own_facade import own_facade
from tests.contract.quiet import Vendors, Watch, sending_webhooks
from tests.contract.samples import word
from tests.contract.subscribers import Hook
from tests.contract.vendor_samples import all_vendors
from tests.contract.waiting import until

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
