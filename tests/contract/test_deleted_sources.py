"""A source that is deleted at its vendor: its link and an Event say so, and customers may be archived."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.contract.callers import Caller, expect
from tests.contract.copying import buyer, contacts_of
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.fan_outs import at_remote, settle
from tests.contract.own_facade import own_key
from tests.contract.quiet import Vendors, Watch, sending_webhooks
from tests.contract.subscribers import Hook
from tests.contract.test_links import merge
from tests.contract.vendor_samples import SAMPLES, all_vendors, create_record
from tests.contract.waiting import until
from tests.contract.webhook_driver import WebhookDriver
from tests.contract.webhook_senders import WebhookEndpoint, contact_event, hubspot

CONSUMERS: Final = """
[[consumers]]
object = "customers"
connection = "salesforce"
sources = ["hubspot", "shopify"]
match_on = "email"
on_delete = "archive"

[[consumers]]
object = "customers"
connection = "freshdesk"
sources = ["hubspot"]
match_on = "email"
"""


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch of this module, connected to every vendor, with consumers."""
    folder = tmp_path_factory.mktemp("gone")
    with (
        all_vendors(folder, module_database_url, more=CONSUMERS) as facade,
        sending_webhooks(facade, "hubspot"),
        sending_webhooks(facade, "zendesk"),
    ):
        yield facade


full_key = own_key()


def gone(caller: Caller, made: dict[str, Any]) -> list[dict[str, Any]]:
    """The Events that the source of copies was deleted."""
    data = caller.get("/v1/events", params={"type": "copy.source_deleted", "limit": 250}).json()["data"]
    return [one["data"] for one in data if one["data"]["id"] == made["id"]]


def is_deleted(caller: Caller, made: dict[str, Any]) -> dict[str, bool]:
    """Which of the linked records were deleted."""
    links = caller.get(f"/v1/links/{made['id']}").json()["links"]
    return {one["connection"]: one["deleted_at"] is not None for one in links}


def quiet(facade: Facade) -> None:
    Watch(facade, "hubspot", Hook(url="")).settle()
    Watch(facade, "zendesk", Hook(url="")).settle()


def test_a_deletion_is_announced_once_and_archives_where_that_is_wanted(
    facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    made = buyer(caller, "hubspot")
    quiet(facade)
    copies = {one: at_remote(facade, made, one) for one in ("freshdesk", "salesforce")}
    Vendors(vendors.url).delete("hubspot", made["meta"]["remote_id"])
    quiet(facade)
    (event,) = until(lambda: gone(caller, made))
    assert event == {
        "id": made["id"],
        "object": "customer",
        "connection": "hubspot",
        "remote_id": made["meta"]["remote_id"],
        "copies": [{"connection": name, "remote_id": remote_id} for name, remote_id in copies.items()],
    }
    assert is_deleted(caller, made) == {"hubspot": True, "freshdesk": False, "salesforce": False}
    (contact,) = contacts_of(vendors, "salesforce", made)
    assert contact["IsDeleted"] is True
    assert len(vendors.records("freshdesk", "contacts", holding=made["emails"][0]["address"])) == 1
    assert vendors.records("freshdesk", "contacts", holding=made["emails"][0]["address"])[0].get("deleted") is not True


def test_another_source_keeps_the_copy_until_it_is_deleted_too(
    facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    made = buyer(caller, "hubspot")
    quiet(facade)
    other = caller.create(
        "/v1/customers?connection=shopify",
        {"last_name": made["last_name"], "emails": [{"address": made["emails"][0]["address"]}]},
    )
    quiet(facade)
    assert (
        caller.get(f"/v1/customers/{other['id']}").json()["id"]
        == caller.get(f"/v1/customers/{made['id']}").json()["id"]
    )
    Vendors(vendors.url).delete("hubspot", made["meta"]["remote_id"])
    quiet(facade)
    until(lambda: is_deleted(caller, made)["hubspot"])
    settle(facade)
    (contact,) = contacts_of(vendors, "salesforce", made)
    assert contact["IsDeleted"] is False
    facts = facade.sql("SELECT facts FROM audit_event WHERE type = 'fan_out.skipped' ORDER BY id DESC LIMIT 5")
    assert any("shopify still has the customer" in row["facts"] for row in facts)

    Vendors(vendors.url).delete("shopify", other["meta"]["remote_id"])
    WebhookDriver(facade, caller).send("shopify", "customer", "deleted", other["meta"]["remote_id"])
    settle(facade)
    (contact,) = contacts_of(vendors, "salesforce", made)
    assert contact["IsDeleted"] is True


def test_a_record_that_only_cannot_be_read_is_not_deleted(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    made = buyer(caller, "hubspot")
    quiet(facade)
    vendors.break_(
        "hubspot",
        "status",
        method="GET",
        path=f"/crm/v3/objects/contacts/{made['meta']['remote_id']}",
        status=404,
        times=1,
    )
    Vendors(vendors.url).change("hubspot", made["meta"]["remote_id"], "Ines")
    quiet(facade)
    vendors.mend()
    assert gone(caller, made) == []
    assert is_deleted(caller, made)["hubspot"] is False
    assert len(contacts_of(vendors, "salesforce", made) + vendors.records("salesforce", "Contact", holding="Ines")) >= 1


def test_a_ticket_in_the_trash_is_not_deleted(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    path, made = create_record(caller, SAMPLES["zendesk ticket"])
    assert caller.write("POST", f"{path}/copies", {"connection": "freshdesk"}).status_code == 201
    quiet(facade)
    Vendors(vendors.url).delete("zendesk", made["meta"]["remote_id"])
    quiet(facade)
    assert gone(caller, made) == []
    assert is_deleted(caller, made) == {"zendesk": False, "freshdesk": False}


def test_the_deletion_of_a_copy_is_no_deletion_of_a_source(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    """HubSpot only got the copy."""
    made = buyer(caller, "woocommerce")
    copied = caller.write(
        "POST", f"/v1/customers/{made['id']}/copies?connection=woocommerce", {"connection": "hubspot"}
    )
    quiet(facade)
    Vendors(vendors.url).delete("hubspot", copied.json()["meta"]["remote_id"])
    quiet(facade)
    assert [
        one for one in gone(caller, made) if one["connection"] == "hubspot" and "woocommerce" in str(one["copies"])
    ] == []


def test_a_record_that_was_split_off_is_no_copy(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    made = buyer(caller, "hubspot")
    quiet(facade)
    contact = at_remote(facade, made, "salesforce")
    assert facade.lockstitch("links", "split", made["id"], "freshdesk").returncode == 0
    Vendors(vendors.url).delete("hubspot", made["meta"]["remote_id"])
    quiet(facade)
    (event,) = until(lambda: gone(caller, made))
    assert event["copies"] == [{"connection": "salesforce", "remote_id": contact}]


def test_a_record_that_is_back_is_not_deleted_any_more(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    made = buyer(caller, "hubspot")
    quiet(facade)
    (contact,) = contacts_of(vendors, "hubspot", made)
    Vendors(vendors.url).delete("hubspot", contact["id"])
    quiet(facade)
    until(lambda: is_deleted(caller, made)["hubspot"])
    vendors.place("hubspot", "contacts", contact)
    Vendors(vendors.url).change("hubspot", contact["id"], "Ines")
    quiet(facade)
    until(lambda: not is_deleted(caller, made)["hubspot"])
    assert len(gone(caller, made)) == 1


def report_merge(facade: Facade, caller: Caller, kept: dict[str, Any], lost: dict[str, Any]) -> None:
    endpoint = WebhookEndpoint(facade, "hubspot")
    ids = [int(one["meta"]["remote_id"]) for one in (kept, lost)]
    event = contact_event(
        subscriptionType="contact.merge", objectId=ids[0], primaryObjectId=ids[0], mergedObjectIds=ids[1:]
    )
    WebhookDriver(facade, caller).deliver(endpoint, hubspot(endpoint.url, event))
    quiet(facade)


def report_deletion(facade: Facade, caller: Caller, lost: dict[str, Any]) -> None:
    WebhookDriver(facade, caller).send("hubspot", "customer", "deleted", lost["meta"]["remote_id"])
    quiet(facade)


@pytest.mark.parametrize("deletion_first", [True, False])
def test_a_merge_of_two_sources_is_no_deletion(
    facade: Facade, caller: Caller, vendors: Emulators, deletion_first: bool
) -> None:
    """Each of the two has a copy already. That of the one that is gone stays as it is."""
    lost, kept = buyer(caller, "hubspot"), buyer(caller, "hubspot")
    quiet(facade)
    merge(vendors, kept, lost)
    if deletion_first:
        report_deletion(facade, caller, lost)
    report_merge(facade, caller, kept, lost)
    if not deletion_first:
        report_deletion(facade, caller, lost)

    assert gone(caller, lost) + gone(caller, kept) == []
    deleted = facade.sql(
        "SELECT 1 FROM link WHERE remote_id = ANY ($1) AND deleted_at IS NOT NULL",
        [one["meta"]["remote_id"] for one in (lost, kept)],
    )
    assert deleted == []
    copies = [contacts_of(vendors, "salesforce", one) for one in (lost, kept)]
    assert [contact["IsDeleted"] for (contact,) in copies] == [False, False]

    expect(caller.write("PATCH", f"/v1/customers/hubspot:{kept['meta']['remote_id']}", {"first_name": "Ines"}))
    quiet(facade)
    names = [contact["FirstName"] for one in (lost, kept) for contact in contacts_of(vendors, "salesforce", one)]
    assert names == ["Ada", "Ines"]


def test_the_copy_of_a_merged_source_follows_the_one_that_is_left(
    facade: Facade, caller: Caller, vendors: Emulators
) -> None:
    lost, kept = buyer(caller, "hubspot"), buyer(caller, "hubspot")
    quiet(facade)
    path = f"/v1/customers/hubspot:{lost['meta']['remote_id']}/copies"
    there = caller.write("POST", path, {"connection": "zendesk"}).json()
    for connection in ("salesforce", "freshdesk"):  # otherwise both have a copy, and the two ids stay apart
        assert facade.lockstitch("links", "split", lost["id"], connection).returncode == 0
    merge(vendors, kept, lost)
    report_merge(facade, caller, kept, lost)

    path = f"/v1/customers/hubspot:{kept['meta']['remote_id']}/copies"
    answer = caller.write("POST", path, {"connection": "zendesk"})

    assert (answer.status_code, answer.json()["meta"]["remote_id"]) == (200, there["meta"]["remote_id"])
    assert kept["last_name"] in answer.json()["display_name"]
    assert gone(caller, kept) == []
