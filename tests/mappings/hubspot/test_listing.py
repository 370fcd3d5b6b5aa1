"""Lists miss nothing and repeat nothing, however many records share one millisecond or change in between."""

import json
from datetime import timedelta
from typing import Any
from zlib import crc32

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.endpoints import ListQuery, Sort
from mappings.http import VendorReply, VendorRequest
from mappings.hubspot.endpoints import CONTACTS, TICKETS
from mappings.hubspot.field_values import EPOCH, iso, milliseconds
from mappings.hubspot.wire_v3 import Account
from tests.required import required

FRESH = Account()
START = 1_773_300_000_000
NAMES = {"contacts": "lastmodifieddate", "tickets": "hs_lastmodifieddate"}


def moment(at: int) -> str:
    """Epoch milliseconds as HubSpot writes them."""
    return iso(EPOCH + timedelta(milliseconds=at))


class Index:
    """HubSpot's search as documented: filters, one sort, ties in no order that could be relied on."""

    def __init__(self, name: str, records: dict[str, int], stages: dict[str, str] | None = None) -> None:
        self.name = name
        self.records = records  # id → time of the last change, in epoch milliseconds
        self.stages = stages or {}
        self.turn = 0

    def answer(self, request: VendorRequest) -> VendorReply:
        search: dict[str, Any] = json.loads(required(request.body))
        assert search["after"] == "0"
        hits = [id for id in self.records if all(self._passes(id, one) for one in search["filterGroups"][0]["filters"])]
        self.turn += 1
        hits.sort(key=lambda id: crc32(f"{id} {self.turn}".encode()))
        (sort,) = search["sorts"]
        by_id = sort == "hs_object_id"
        hits.sort(key=int if by_id else lambda id: self.records[id], reverse=sort.startswith("-"))
        page = [self._shown(id) for id in hits[: search["limit"]]]
        body: dict[str, Any] = {"total": len(hits), "results": page}
        if len(hits) > search["limit"]:
            body["paging"] = {"next": {"after": str(search["limit"])}}
        return VendorReply(status=200, headers={}, body=json.dumps(body).encode())

    def _passes(self, id: str, condition: dict[str, Any]) -> bool:
        value: Any = {"hs_object_id": int(id), "hs_pipeline_stage": self.stages.get(id)}.get(
            condition["propertyName"], self.records[id]
        )
        match condition["operator"]:
            case "IN":
                return value in condition["values"]
            case "GTE":
                return bool(value >= int(condition["value"]))
            case "LTE":
                return bool(value <= int(condition["value"]))
            case "GT":
                return bool(value > int(condition["value"]))
            case "EQ":
                return bool(value == int(condition["value"]))
        raise AssertionError(condition)

    def _shown(self, id: str) -> dict[str, Any]:
        at = moment(self.records[id])
        return {"id": id, "properties": {NAMES[self.name]: at}, "createdAt": at, "updatedAt": at, "archived": False}


def walk(index: Index, query: ListQuery, changes: list[tuple[int, int]] | None = None) -> list[str]:
    """All ids that a caller sees, page by page; before page n the record at `changes[n][0]` changes."""
    endpoints = CONTACTS if index.name == "contacts" else TICKETS
    listed: list[str] = []
    later = START + 1_000
    for number in range(400):
        if changes and number and number <= len(changes):
            place, step = changes[number - 1]
            ids = sorted(index.records, key=int)
            later += step
            index.records[ids[place % len(ids)]] = later
        page = required(endpoints.page)(index.answer(required(endpoints.list)(query, FRESH)), query, FRESH)
        assert len(page.records) <= query.limit
        listed += [json.loads(bytes(record))["id"] for record in page.records]
        if page.next is None:
            return listed
        assert len(page.next) < 50
        query = msgspec.structs.replace(query, after=page.next)
    raise AssertionError("the list does not end")


def since(at: int) -> ListQuery:
    """From this millisecond on, three a page."""
    return ListQuery(limit=3, updated_since=EPOCH + timedelta(milliseconds=at))


TIMES = st.lists(st.integers(START, START + 6), max_size=25).map(
    lambda times: {str(100 + place): at for place, at in enumerate(times)}
)


@given(TIMES, st.integers(START, START + 6))
def test_every_change_is_listed_once(records: dict[str, int], start: int) -> None:
    ids = walk(Index("contacts", dict(records)), since(start))

    assert sorted(ids) == sorted(id for id, at in records.items() if at >= start)


@given(TIMES, st.sampled_from(sorted(CONTACTS.sorts)))
def test_a_sorted_list_shows_each_record_once_in_order(records: dict[str, int], sort: Sort) -> None:
    ids = walk(Index("contacts", records), ListQuery(limit=3, sort=sort))

    assert sorted(ids) == sorted(records)
    times = [records[id] for id in ids]
    assert times == sorted(times, reverse=sort.startswith("-"))


@given(TIMES.filter(bool), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), max_size=8))
def test_no_record_is_missed_while_others_change(records: dict[str, int], changes: list[tuple[int, int]]) -> None:
    index = Index("contacts", dict(records))

    ids = walk(index, since(START), changes)

    assert set(ids) == set(records)
    unchanged = [id for id, at in records.items() if index.records[id] == at]
    assert all(ids.count(id) == 1 for id in unchanged)


@given(TIMES, st.data())
def test_tickets_are_listed_by_status(records: dict[str, int], data: st.DataObject) -> None:
    stages = {id: data.draw(st.sampled_from(["1", "2", "3", "4"])) for id in records}
    index = Index("tickets", dict(records), stages)

    assert walk(index, ListQuery(limit=3, filters={"status": "open"})) == [id for id in records if stages[id] == "3"]
    changed = ListQuery(limit=3, filters={"status": "closed"}, updated_since=since(START + 3).updated_since)
    assert sorted(walk(index, changed)) == sorted(
        id for id in records if stages[id] == "4" and records[id] >= START + 3
    )


def test_a_status_that_no_stage_has_lists_nothing() -> None:
    index = Index("tickets", {"100": START}, {"100": "1"})

    assert walk(index, ListQuery(limit=3, filters={"status": "spam"})) == []


def test_the_first_page_asks_for_what_is_read() -> None:
    request = required(CONTACTS.list)(since(START), FRESH)
    search = json.loads(required(request.body))

    assert (request.method, request.path, request.effect) == ("POST", "/crm/v3/objects/contacts/search", False)
    assert search["filterGroups"] == [
        {"filters": [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(START)}]}
    ]
    assert search["sorts"] == ["lastmodifieddate"]
    assert {"email", "lastmodifieddate", "lockstitch_operation_id"} <= set(search["properties"])


@pytest.mark.parametrize("cursor", ["", "time", "time:x:0:", "other:1:2:", "time:1:2:3:4"])
def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError):
        required(CONTACTS.list)(ListQuery(limit=3, after=cursor, updated_since=since(START).updated_since), FRESH)


def test_a_plain_list_follows_hubspots_cursor() -> None:
    assert CONTACTS.page is not None
    first = ListQuery(limit=2)
    body = b'{"results":[{"id":"1"},{"id":"2"}],"paging":{"next":{"after":"NTI1Cg%3D%3D","link":"?after=x"}}}'

    page = CONTACTS.page(VendorReply(status=200, headers={}, body=body), first, FRESH)
    request = required(CONTACTS.list)(ListQuery(limit=2, after=page.next), FRESH)
    last = CONTACTS.page(VendorReply(status=200, headers={}, body=b'{"results":[]}'), first, FRESH)

    assert page.next == "NTI1Cg%3D%3D"
    assert (request.method, request.path) == ("GET", "/crm/v3/objects/contacts")
    assert request.query[:2] == (("limit", "2"), ("after", "NTI1Cg%3D%3D"))
    assert (last.records, last.next) == ((), None)


def test_a_unique_key_is_read_and_not_searched() -> None:
    assert CONTACTS.page is not None
    query = ListQuery(limit=2, filters={"email": "ann@example.com", "external_id": "erp-1"})
    request = required(CONTACTS.list)(query, FRESH)
    search = json.loads(required(request.body))
    shared = {"createdAt": moment(START), "updatedAt": moment(START)}

    def answer(external_id: str) -> VendorReply:
        properties = {"email": "ann@example.com", "lockstitch_external_id": external_id}
        body = {"status": "COMPLETE", "results": [{"id": "51", "properties": properties, **shared}]}
        return VendorReply(status=200, headers={}, body=json.dumps(body).encode())

    assert request.path == "/crm/v3/objects/contacts/batch/read"
    assert (search["idProperty"], search["inputs"]) == ("email", [{"id": "ann@example.com"}])
    assert len(CONTACTS.page(answer("erp-1"), query, FRESH).records) == 1
    assert len(CONTACTS.page(answer("erp-2"), query, FRESH).records) == 0


def test_other_conditions_hold_for_a_unique_key_too() -> None:
    assert TICKETS.list is not None
    assert TICKETS.page is not None
    shared = {"createdAt": moment(START), "updatedAt": moment(START)}
    body = json.dumps({"results": [{"id": "21", "properties": {"hs_pipeline_stage": "4"}, **shared}]}).encode()
    reply = VendorReply(status=207, headers={}, body=body)

    def count(**conditions: Any) -> int:
        query = ListQuery(limit=2, **conditions)
        return len(required(TICKETS.page)(reply, query, FRESH).records)

    assert count(filters={"number": "21"}) == 1
    assert count(filters={"external_id": "x", "number": "22"}) == 0
    assert count(filters={"number": "21", "status": "closed"}) == 1
    assert count(filters={"number": "21", "status": "open"}) == 0
    assert count(filters={"number": "21"}, updated_since=since(START + 1).updated_since) == 0


def test_milliseconds_are_cut_not_rounded() -> None:
    assert milliseconds(EPOCH + timedelta(milliseconds=5, microseconds=999)) == 5
