"""Ownership together with copies, people who are created on the way, and lost replies."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.contract.callers import Caller, code_of, expect
from tests.contract.copying import copy
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.quiet import UNDER_WAY
from tests.contract.samples import shop_order, ticket, word
from tests.contract.vendor_samples import SAMPLES, all_vendors, create_record
from tests.contract.waiting import until

RULES: Final = """
[ownership.customers]
owner = "hubspot"
writers = ["key:everything"]
[ownership.customers.fields]
display_name = { anyone_else = "review" }
job_title = { anyone_else = "skip" }
notes = { anyone_else = "review" }
phones = { anyone_else = "reject" }
[ownership.customers.fields.last_name]
owner = "salesforce"
writers = ["shopify", "key:everything"]
anyone_else = "skip"
among_writers = "owner_wins"

[ownership.orders.fields.line_items]
owner = "hubspot"
writers = ["key:everything"]
anyone_else = "skip"

[ownership.orders.fields.customer_note]
owner = "hubspot"
writers = ["key:everything"]
anyone_else = "review"

[ownership.tickets.fields]
requester = { owner = "zendesk", writers = ["key:everything"], anyone_else = "skip" }
comments = { owner = "zendesk", writers = ["key:everything"], anyone_else = "reject" }

[[consumers]]
object = "customers"
connection = "zendesk"
sources = ["stripe"]
"""

running_facade, full_key = own_facade(all_vendors, more=RULES)


@pytest.fixture
def stranger(facade: Facade) -> Iterator[Caller]:
    """A caller who is no writer."""
    with facade.calling() as one:
        yield one


def person(mark: str, **fields: Any) -> dict[str, Any]:
    """A customer."""
    return {"first_name": "Ada", "emails": [{"address": f"{mark}@example.com"}], **fields}


def skipped(resource: dict[str, Any]) -> list[str]:
    """The fields that were skipped."""
    return [one["pointer"] for one in resource["meta"]["skipped"]]


def letters(caller: Caller, run: str) -> list[dict[str, Any]]:
    """The open dead letters of a run."""
    return caller.get(f"/ops/dead-letters?state=open&correlation_id={run}").json()["data"]


@pytest.mark.parametrize("queued", [False, True])
def test_nobody_is_created_for_a_reference_that_is_skipped(stranger: Caller, vendors: Emulators, queued: bool) -> None:
    mark = word()
    body = ticket("hubspot", requester={"email": f"{mark}@example.com", "name": "Ada"})
    headers = {"prefer": "respond-async"} if queued else {}

    answer = stranger.write("POST", "/v1/tickets?connection=hubspot", body, headers=headers)

    made = stranger.settled(answer)["result"] if queued else answer.json()
    assert skipped(made) == ["/requester"]
    assert vendors.records("hubspot", "contacts", holding=mark) == []


def test_a_reference_that_is_skipped_is_not_looked_for(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    mark = word()
    body = ticket("hubspot", requester={"email": f"{mark}@example.com", "name": "Ada"})
    with facade.calling("tickets:write") as narrow:  # it may create nobody
        assert skipped(narrow.create("/v1/tickets?connection=hubspot", body)) == ["/requester"]
        strange = narrow.create("/v1/tickets?connection=hubspot", body | {"requester": {"id": "shopify:99999999999"}})
    assert skipped(strange) == ["/requester"]
    assert not [one for one in vendors.calls("hubspot") if mark in str(one["body"])]


@pytest.mark.parametrize("more", [{"subject": "Both mugs"}, {}])
def test_a_reference_that_is_skipped_does_not_refuse_a_change(
    caller: Caller, stranger: Caller, more: dict[str, str]
) -> None:
    path, made = create_record(caller, SAMPLES["hubspot ticket"])
    body = {"requester": {"id": "shopify:99999999999"}, **more}
    dry = stranger.request("PATCH", f"{path}?dry_run=true", json=body).json()
    answer = expect(stranger.write("PATCH", path, body)).json()
    assert skipped(answer) == ["/requester"]
    assert (answer["subject"], answer["requester"]) == (more.get("subject", made["subject"]), None)
    assert [one["pointer"] for one in dry["fields"] if one["verdict"] == "skipped"] == ["/requester"]
    assert (dry["request"] is None) == (more == {})
    assert code_of(caller.write("PATCH", path, body), 422) == "invalid-field"


def test_a_person_with_a_field_of_another_system_is_refused_as_such(stranger: Caller) -> None:
    path = "/v1/orders?connection=hubspot"
    body = shop_order(customer={"email": f"{word()}@example.com", "phone": "+4930123456"})
    dry = stranger.post(f"{path}&dry_run=true", json=body).json()["problem"]
    refused = expect(stranger.write("POST", path, body), 409, "not-system-of-record").json()
    assert (dry["code"], dry["errors"]) == (refused["code"], refused["errors"])
    (error,) = refused["errors"]
    assert error["pointer"] == "/customer"
    assert "is not a writer of phones, which hubspot owns" in error["detail"]


def test_a_new_person_is_created_for_an_order_whose_lines_are_skipped(stranger: Caller, vendors: Emulators) -> None:
    mark = word()
    body = shop_order(customer={"email": f"{mark}@example.com"})
    answer = expect(stranger.write("POST", "/v1/orders?connection=hubspot", body), 201).json()
    assert skipped(answer) == ["/line_items"]
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1


def test_a_lost_reply_about_a_new_record_reports_what_was_skipped(
    caller: Caller, stranger: Caller, vendors: Emulators
) -> None:
    caller.create("/v1/customers?connection=hubspot", person(word()))  # what an account needs once is there now
    vendors.lose_reply("hubspot", method="POST", path="/crm/v3/objects/contacts")
    body = person(word(), job_title="Potter", company_name="Lee Ceramics")

    made = stranger.settled(stranger.write("POST", "/v1/customers?connection=hubspot", body))["result"]

    assert (made["job_title"], made["company_name"]) == (None, "Lee Ceramics")
    assert skipped(made) == ["/job_title"]


def test_a_record_that_is_read_later_reports_what_was_lost(stranger: Caller, vendors: Emulators) -> None:
    body = person(word(), job_title="Potter", tags=["blue"])
    usual = stranger.create("/v1/customers?connection=salesforce", body)
    assert usual["meta"]["loss"]
    vendors.break_("salesforce", "status", method="GET", status=503, times=None)
    answer = stranger.write(
        "POST", "/v1/customers?connection=salesforce", body | {"emails": [{"address": f"{word()}@example.com"}]}
    )
    vendors.mend()

    made = stranger.settled(answer)["result"]

    assert made["meta"]["loss"] == usual["meta"]["loss"]
    assert skipped(made) == skipped(usual) == ["/job_title"]


def test_a_review_of_a_person_who_is_there_by_now_ends(
    caller: Caller, stranger: Caller, facade: Facade, vendors: Emulators
) -> None:
    mark = word()
    run = f"run:{mark}"
    body = shop_order(customer={"email": f"{mark}@example.com", "name": "Ada Lee"})
    refused = stranger.write("POST", "/v1/orders?connection=hubspot", body, headers={"x-correlation-id": run})
    assert code_of(refused, 422) == "invalid-field"
    (letter,) = until(lambda: letters(caller, run))
    known = caller.create("/v1/customers?connection=hubspot", person(mark))

    assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
    ended = caller.await_operation(f"/v1/operations/{letter['origin']}")

    assert (ended["state"], ended["result"]["id"]) == ("succeeded", known["id"])
    assert ended["result"]["display_name"] == known["display_name"]
    assert len(vendors.records("hubspot", "contacts", holding=mark)) == 1
    until(lambda: facade.sql("SELECT 1 FROM job WHERE origin = $1", letter["origin"]) == [])


def test_a_dry_run_judges_the_person_who_would_be_created(stranger: Caller) -> None:
    path, body = "/v1/orders?connection=hubspot", shop_order(customer={"email": f"{word()}@example.com", "name": "Ada"})
    verdict = stranger.post(f"{path}&dry_run=true", json=body).json()
    refused = stranger.write("POST", path, body)
    assert (verdict["problem"]["code"], verdict["request"]) == (code_of(refused, 422), None)
    assert verdict["problem"]["errors"] == refused.json()["errors"]
    body["customer"] = {"email": f"{word()}@example.com"}
    assert stranger.post(f"{path}&dry_run=true", json=body).json()["request"] is not None
    assert stranger.write("POST", path, body).status_code == 201


def test_who_approves_a_write_approves_the_person_it_creates(
    caller: Caller, stranger: Caller, vendors: Emulators
) -> None:
    mark = word()
    run = f"run:{mark}"
    body = shop_order(customer={"email": f"{mark}@example.com", "name": "Ada Lee"}, customer_note="Ring twice.")
    waiting = stranger.write("POST", "/v1/orders?connection=hubspot", body, headers={"x-correlation-id": run})
    assert code_of(waiting, 409) == "not-system-of-record"
    (letter,) = until(lambda: letters(caller, run))

    assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
    ended = caller.await_operation(f"/v1/operations/{letter['origin']}")

    assert ended["state"] == "succeeded", ended
    assert ended["result"]["customer_note"] == "Ring twice."
    (contact,) = vendors.records("hubspot", "contacts", holding=mark)
    assert (contact["properties"]["firstname"], contact["properties"]["lastname"]) == ("Ada", "Lee")
    assert letters(caller, run) == []


def test_a_copy_to_a_match_is_judged_by_the_owners_record(caller: Caller, facade: Facade) -> None:
    mark = word()
    made = caller.create("/v1/customers?connection=shopify", person(mark, last_name="Lee"))
    owners = caller.create("/v1/customers?connection=salesforce", person(word(), last_name="Wood"))
    facade.sql(
        "UPDATE link SET canonical_id = $1 WHERE connection = 'salesforce' AND remote_id = $2",
        *(made["id"], owners["meta"]["remote_id"]),
    )
    caller.create("/v1/customers?connection=hubspot", person(mark, last_name="Bell"))

    answer = expect(copy(caller, made, "hubspot", match_on="email", fields=["last_name"])).json()
    assert skipped(answer) == ["/last_name"]
    assert answer["last_name"] == "Bell"


def test_comments_are_copied_in_the_name_of_their_connection(caller: Caller, stranger: Caller) -> None:
    path, made = create_record(caller, SAMPLES["zendesk ticket"])
    caller.create(f"{path}/comments", {"body_text": "On its way.", "visibility": "public"})

    expect(copy(stranger, made, "freshdesk", include=["comments"]), 201)
    there = f"{path}/comments?connection=freshdesk"
    comments = until(lambda: caller.get(there).json()["data"])
    assert [one["body_text"] for one in comments] == ["On its way."]


def test_a_leg_to_review_is_one_dead_letter(caller: Caller, facade: Facade, vendors: Emulators) -> None:
    mark = word()
    run = f"run:{mark}"
    body = {"emails": [{"address": f"{mark}@example.com"}], "notes": "Likes blue."}
    caller.create("/v1/customers?connection=stripe", body, headers={"x-correlation-id": run})
    until(lambda: facade.sql(UNDER_WAY)[0]["number"] == 0)

    (letter,) = letters(caller, run)
    assert letter["failure"]["reason"] == "not-system-of-record"
    assert caller.post(f"/ops/dead-letters/{letter['id']}/redrive").status_code == 200
    until(lambda: facade.sql(UNDER_WAY)[0]["number"] == 0)
    assert letters(caller, run) == []
    (user,) = vendors.records("zendesk", "users", holding=mark)
    assert user["notes"] == "Likes blue."
