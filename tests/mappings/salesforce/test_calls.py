"""The calls themselves: one effect each, safe to settle, and nothing that a caller sends can end a literal."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.customer import CustomerPatch
from canonical.order_patch import OrderPatch
from canonical.parts import ReferencePatch
from canonical.ticket import CommentPatch, TicketPatch
from emulators.salesforce.soql import Compare, parse
from mappings.endpoints import ListQuery, WriteResult
from mappings.http import VendorRequest
from mappings.salesforce import VENDOR
from mappings.salesforce.account import REQUESTS, build_account
from mappings.salesforce.endpoints import CASES, CONTACTS
from mappings.salesforce.field_values import PATTERN, long_id
from mappings.salesforce.paging import locator_of
from mappings.salesforce.requests import write_result
from mappings.salesforce.search import moment, quoted
from mappings.salesforce.wire_v62 import Account
from tests.mappings.drafts import reply
from tests.required import required

from .conftest import CUSTOM_FIELDS, MAPPINGS

FRESH = Account()
CASE, CONTACT, USER = "500dM00003F2OMjQAN", "003dM00001aBcDeQAK", "005dM00000EmLtrQAF"
SINCE = datetime(2026, 5, 1, 9, 30, tzinfo=timezone(timedelta(hours=2)))
PATCHES: dict[str, Any] = {
    "customer": CustomerPatch(last_name="Lee", external_id="erp/1"),
    "ticket": TicketPatch(subject="Lid"),
    "comment": CommentPatch(body_text="Hello"),
    "order": OrderPatch(placed_at=SINCE, customer=ReferencePatch(remote_id=CONTACT)),
}


def every_request() -> Iterator[VendorRequest]:
    """One request of each kind."""
    yield from REQUESTS
    for name, mapping in MAPPINGS.items():
        endpoints = mapping.endpoints
        parent = CASE if name == "comment" else None
        body = mapping.to_vendor(PATCHES[name], None, FRESH).body
        queries = [ListQuery(limit=10, parent=parent)]
        queries += [ListQuery(limit=10, updated_since=SINCE)] if endpoints.updated_since else []
        queries += [ListQuery(limit=10, filters={one: "a'b"}) for one in sorted(endpoints.filters)]
        yield from (required(endpoints.list)(query, FRESH) for query in queries)
        yield required(endpoints.create)(body, "op_1", parent, FRESH)
        if endpoints.read is not None:
            yield endpoints.read("a/b'c", FRESH)
        if endpoints.update is not None:
            yield endpoints.update("a/b", body, "op_1", FRESH)
        if endpoints.archive is not None:
            yield endpoints.archive("a/b", FRESH)
        if endpoints.find_marker is not None and (look := endpoints.find_marker("op_1", parent, body, FRESH)):
            yield look
        yield from (find("a'b", FRESH) for find in endpoints.find.values())
        yield from (upsert("a/b", body, "op_1", FRESH) for upsert in endpoints.upsert.values())


def test_only_writes_have_an_effect_and_routes_have_no_id() -> None:
    for request in every_request():
        assert request.effect == (request.method != "GET"), request
        assert request.idempotent <= request.effect
        assert "a/b" not in request.path
        assert "a%2Fb" not in request.route
        assert request.path.startswith("/services/data/v62.0/")


def test_every_query_is_one() -> None:
    queries = [
        dict(request.query)["q"] for request in every_request() if request.path.endswith(("/query", "/queryAll"))
    ]

    assert len(queries) > 20
    for query in queries:
        assert parse(query).source


@given(st.text())
def test_nothing_ends_a_literal(text: str) -> None:
    condition = parse(" ".join(("SELECT Id FROM Contact WHERE Name =", quoted(text)))).where

    assert isinstance(condition, Compare)
    assert condition.literals[0].value == text


def test_a_time_is_in_utc_and_unquoted() -> None:
    assert moment(SINCE) == "2026-05-01T07:30:00.000Z"


def test_an_upsert_has_its_key_in_the_path_only() -> None:
    body = MAPPINGS["customer"].to_vendor(PATCHES["customer"], None, FRESH).body
    request = CONTACTS.upsert["external_id"]("erp/1 ä", body, "op_1", FRESH)

    assert request.path == "/services/data/v62.0/sobjects/Contact/Lockstitch_Key__c/erp%2F1%20%C3%A4"
    assert json.loads(request.body or b"") == {"LastName": "Lee"}
    assert request.idempotent


def test_an_owner_that_is_named_is_not_given_away_again() -> None:
    assert CASES.create is not None
    to_vendor = MAPPINGS["ticket"].to_vendor
    named = CASES.create(
        to_vendor(TicketPatch(assignee=ReferencePatch(remote_id=USER)), None, FRESH).body, "op_1", None, FRESH
    )
    left = CASES.create(to_vendor(TicketPatch(subject="Lid"), None, FRESH).body, "op_1", None, FRESH)

    assert (named.headers, left.headers) == ((("Sforce-Auto-Assign", "FALSE"),), ())


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"id":"003dM00001aBcDeQAK","success":true,"errors":[]}', WriteResult(remote_id=CONTACT, created=True)),
        (b'{"id":"003dM00001aBcDe","success":true}', WriteResult(remote_id=CONTACT, created=True)),
        (b"", WriteResult()),
        (b"<html>", WriteResult()),
    ],
)
def test_a_yes_that_cannot_be_read_names_no_record(body: bytes, wanted: WriteResult) -> None:
    assert write_result(reply(body, 201), "create") == wanted


def test_only_what_the_org_has_is_asked_for() -> None:
    described = b'{"fields":[{"name":"Id"},{"name":"LastName"},{"name":"Vip__c"},{"name":"MailingCountryCode"}]}'
    account = build_account((reply(described), None, None, None, None, None), CUSTOM_FIELDS)

    fields = parse(dict(required(CONTACTS.read)(CONTACT, account).query)["q"]).fields

    assert fields == ("Id", "LastName", "MailingCountryCode", "Vip__c")


def test_a_marker_field_must_be_unique_to_find_a_lost_create() -> None:
    """Nothing would keep its repeat from making a second record."""
    template = '{"fields":[{"name":"Id"},{"name":"%s","unique":%s},{"name":"%s","unique":%s}]}'

    def org(unique: str) -> Account:
        described = template % ("Lockstitch_Operation__c", unique, "Lockstitch_Key__c", unique)
        return build_account((reply(described.encode()), None, None, None, None, None), {})

    assert CONTACTS.find_marker is not None
    assert CONTACTS.find_marker("op_1", None, None, org("false")) is None
    assert CONTACTS.find_marker("op_1", None, None, org("true")) is not None
    mapping = MAPPINGS["customer"]
    refused = {
        unique: [one.pointer for one in mapping.to_vendor(PATCHES["customer"], None, org(unique)).refused]
        for unique in ("false", "true")
    }
    assert refused == {"false": ["/external_id"], "true": []}


def test_an_account_is_made_of_what_could_be_had() -> None:
    picklist = (
        b'{"fields":[{"name":"Priority","picklistValues":[{"value":"P1","active":true},{"value":"P2","active":false}]}],'
        b'"recordTypeInfos":[{"recordTypeId":"012dM00000Wrnty","developerName":"Warranty","name":"Warranty"}]}'
    )
    statuses = (
        b'{"records":[{"ApiName":"Fresh","MasterLabel":"Neu","IsClosed":false},{"ApiName":"Gone","IsClosed":true}]}'
    )
    orders = b'{"records":[{"ApiName":"Sewing","StatusCode":"Activated"}]}'
    money = b'{"features":{"defaultCurrencyIsoCode":"CHF"}}'
    known = build_account((None, reply(picklist), None, reply(statuses), reply(orders), reply(money)), {})
    nothing = build_account((None,) * 6, {})

    assert known.picklists["Case.Priority"] == ("P1",)
    assert known.record_types == {"Case": {"012dM00000Wrnty": "Warranty"}}
    assert [(one.label, one.status) for one in known.case_statuses.values()] == [("Neu", "open"), ("Gone", "closed")]
    assert (known.order_statuses, known.currency) == ({"Sewing": "Activated"}, "CHF")
    assert nothing == FRESH


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("001dM00000aaaaa", "001dM00000aaaaaQAA"),
        ("003dM00001aBcDe", "003dM00001aBcDeQAK"),
        ("001ABCDEABCDEAB", "001ABCDEABCDEABY55"),
    ],
)
def test_an_id_of_15_letters_and_its_18_are_the_same(short: str, long: str) -> None:
    assert long_id(short) == long_id(long) == long
    assert re.fullmatch(PATTERN, long)
    assert re.fullmatch(VENDOR.remote_id, short) is None


def test_recorded_ids_have_the_check_letters_that_we_work_out() -> None:
    for recorded in ("003dM00001vWOXZQA4", "001dM00003jU9H7QAK", "8015i000000xJ0aAAE", "500dM00003F2OMjQAN"):
        assert long_id(recorded[:15]) == recorded


@pytest.mark.parametrize(
    ("url", "locator"),
    [
        ("/services/data/v26.0/query/01gdM0000000abcAAQ-2000", "query/01gdM0000000abcAAQ-2000"),
        ("https://elsewhere.example/services/data/v62.0/queryAll/01gdM0000000abcAAQ", "queryAll/01gdM0000000abcAAQ"),
        ("/services/data/v62.0/sobjects", None),
    ],
)
def test_a_place_in_an_answer_is_followed_in_our_version(url: str, locator: str | None) -> None:
    assert locator_of(url) == locator


def test_a_truncated_answer_is_continued_before_the_next_page() -> None:
    assert CONTACTS.list is not None
    assert CONTACTS.page is not None
    query = ListQuery(limit=10)
    cut = reply(
        b'{"totalSize":10,"done":false,"nextRecordsUrl":"/services/data/v62.0/query/01gdM0000000abcAAQ-4",'
        b'"records":[{"Id":"003dM00001aBcDeQAK"}]}'
    )
    more = CONTACTS.page(cut, query, FRESH).next
    followed = ListQuery(limit=10, after=more)
    rest = reply(b'{"totalSize":10,"done":true,"records":[{"Id":"003dM00001aBcDgQAK"}]}')

    assert CONTACTS.list(followed, FRESH).path == "/services/data/v62.0/query/01gdM0000000abcAAQ-4"
    behind = CONTACTS.page(rest, followed, FRESH).next
    assert behind == "id:003dM00001aBcDgQAK"
    last = ListQuery(limit=10, after=behind)
    assert "Id > '003dM00001aBcDgQAK'" in dict(CONTACTS.list(last, FRESH).query)["q"]
    assert CONTACTS.page(reply(b'{"totalSize":0,"done":true,"records":[]}'), last, FRESH).next is None


def test_a_truncated_answer_without_a_next_page_is_not_the_end() -> None:
    cut = reply(
        b'{"totalSize":10,"done":false,"nextRecordsUrl":"/services/data/v62.0/somewhere/else",'
        b'"records":[{"Id":"003dM00001aBcDeQAK"}]}'
    )
    assert required(CONTACTS.page)(cut, ListQuery(limit=10), FRESH).next == "id:003dM00001aBcDeQAK"
