"""What every emulator promises, each in its vendor's own words; see `vendors`."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from emulators.registry import EMULATORS
from tests.contract.callers import expect

from .conftest import RunningEmulators
from .vendor_facts import Ask, Emulated, Refused
from .vendors import VENDORS

STATUSES = (401, 402, 403, 404, 409, 422, 423, 429, 500, 502, 503)
vendors = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)


@pytest.fixture
def http(emulators: RunningEmulators, vendor: Emulated) -> Iterator[httpx.Client]:
    """A client with the development credential; the account is new and its search does not lag."""
    emulators.limit(vendor.name, search_lag=0)
    with emulators.client(f"/{vendor.name}", headers=vendor.credential) as client:
        yield client


def made(http: httpx.Client, vendor: Emulated, name: str = "Nora") -> str:
    """Create a record; return its id."""
    answer = http.request(**vendor.create(name))
    assert answer.status_code in (200, 201), answer.text
    return vendor.made(answer.json())


def read_record(http: httpx.Client, vendor: Emulated, id: str) -> dict[str, Any]:
    """Read a record."""
    return vendor.record(expect(http.request(**vendor.show(id))).json())


def records_of(http: httpx.Client, vendor: Emulated, ask: Ask) -> list[str]:
    """The ids of a page or of a search."""
    return [str(one[vendor.id]) for one in vendor.records(http.request(**ask).json())]


def assert_refused(vendor: Emulated, answer: httpx.Response, wanted: Refused) -> None:
    assert (answer.status_code, vendor.code(answer)) == (wanted.status, wanted.code)
    for name, value in wanted.headers:
        assert answer.headers[name] == value or (name == "retry-after" and 1 <= int(answer.headers[name]) <= 60)


def test_every_emulator_is_in_the_suite() -> None:
    assert {vendor.name for vendor in VENDORS} == set(EMULATORS)


@vendors
def test_a_wrong_credential_is_refused(emulators: RunningEmulators, vendor: Emulated) -> None:
    with emulators.client(f"/{vendor.name}") as http:
        nothing = http.request(**vendor.create("x"))
        assert nothing.status_code == vendor.unauthorised.status
        for headers in vendor.wrong:
            refused = http.request(**vendor.create("x") | {"headers": headers})
            assert_refused(vendor, refused, vendor.unauthorised)
            assert "dev-token" not in refused.text
            assert not [name for name in refused.headers if "limit" in name]
        for headers in (vendor.credential, *vendor.also):
            assert http.request(**vendor.page | {"headers": headers}).status_code == 200
    assert emulators.records(vendor.name, vendor.object) == []


@vendors
def test_what_is_not_there_is_refused(http: httpx.Client, vendor: Emulated) -> None:
    assert_refused(vendor, http.request(**vendor.nowhere), vendor.no_route)
    assert_refused(vendor, http.request(**vendor.show(vendor.absent_id)), vendor.absent)


@vendors
def test_a_body_that_is_not_json_is_refused(http: httpx.Client, vendor: Emulated) -> None:
    assert_refused(vendor, http.request(**vendor.broken), vendor.unreadable)


@vendors
def test_a_throttled_write_is_refused_without_effect(
    http: httpx.Client, emulators: RunningEmulators, vendor: Emulated
) -> None:
    emulators.limit(vendor.name, per_minute=0)
    assert_refused(vendor, http.request(**vendor.create("x")), vendor.throttled)
    assert emulators.records(vendor.name, vendor.object) == []


@vendors
def test_a_status_fault_speaks_the_vendors_words(
    http: httpx.Client, emulators: RunningEmulators, vendor: Emulated
) -> None:
    for status in STATUSES:
        emulators.order(vendor=vendor.name, fault={"kind": "status", "status": status, "retry_after": 2}, times=1)
        answer = http.request(**vendor.page)
        assert (answer.status_code, answer.headers["retry-after"]) == (status, "2")
        code = vendor.code(answer)
        assert code == vendor.ordered.get(status, code)
    assert records_of(http, vendor, vendor.page) == []


@vendors
@pytest.mark.parametrize("change", ["enum", "type", "field", "missing"])
def test_drift_bends_the_answer_and_not_the_record(
    http: httpx.Client, emulators: RunningEmulators, vendor: Emulated, change: str
) -> None:
    id = made(http, vendor)
    whole, member = read_record(http, vendor, id), vendor.drift[change]
    emulators.order(vendor=vendor.name, fault={"kind": "drift", "change": change}, times=2)
    bent = read_record(http, vendor, id)
    (listed,) = vendor.records(http.request(**vendor.page).json())
    for answer in (bent, listed):
        if change == "missing":
            assert member not in answer
        elif change == "field":
            assert member in answer.keys() - whole.keys()
        else:
            assert answer[member] != whole[member]
            assert (type(answer[member]) is type(whole[member])) == (change == "enum")
    assert read_record(http, vendor, id) == whole


@vendors
def test_an_answer_without_records_does_not_drift(
    http: httpx.Client, emulators: RunningEmulators, vendor: Emulated
) -> None:
    for change in ("enum", "type", "field", "missing"):
        emulators.order(vendor=vendor.name, fault={"kind": "drift", "change": change}, times=2)
        assert_refused(vendor, http.request(**vendor.show(vendor.absent_id)), vendor.absent)
        assert records_of(http, vendor, vendor.page) == []


@vendors
def test_a_lost_reply_was_carried_out(http: httpx.Client, emulators: RunningEmulators, vendor: Emulated) -> None:
    emulators.order(vendor=vendor.name, fault={"kind": "timeout_after_commit", "delay_ms": 0}, times=1)
    with pytest.raises(httpx.TransportError):
        made(http, vendor)
    assert len(records_of(http, vendor, vendor.page)) == 1


@vendors
def test_a_placed_record_is_shown_as_it_is(http: httpx.Client, emulators: RunningEmulators, vendor: Emulated) -> None:
    placed = emulators.place(vendor.name, vendor.object, vendor.odd)
    read = read_record(http, vendor, str(placed[vendor.id]))
    assert {name: read[name] for name in vendor.odd} == vendor.odd
    assert records_of(http, vendor, vendor.page) == [str(placed[vendor.id])]
    assert len(emulators.records(vendor.name, vendor.object)) == 1


@pytest.mark.parametrize("count", [4, 5])
@pytest.mark.parametrize("vendor", [one for one in VENDORS if one.follow], ids=lambda vendor: vendor.name)
def test_pages_show_every_record_once_and_end(http: httpx.Client, vendor: Emulated, count: int) -> None:
    ids = [made(http, vendor, f"No. {number}") for number in range(count)]
    assert vendor.follow is not None
    ids_listed: list[str] = []
    ask: Ask | None = vendor.page
    for _ in range(3):
        assert ask is not None
        answer = http.request(**ask)
        page = [str(one[vendor.id]) for one in vendor.records(answer.json())]
        assert len(page) <= 2
        ids_listed += page
        ask = vendor.follow(answer)
        if ask is None:
            break
    assert ask is None
    assert sorted(ids_listed) == sorted(ids)


@pytest.mark.parametrize("vendor", [one for one in VENDORS if one.search], ids=lambda vendor: vendor.name)
def test_a_search_lags_behind_and_a_read_does_not(
    http: httpx.Client, emulators: RunningEmulators, vendor: Emulated
) -> None:
    assert vendor.search is not None
    emulators.limit(vendor.name, search_lag=3600)
    id = made(http, vendor)
    assert str(read_record(http, vendor, id)[vendor.id]) == id
    assert records_of(http, vendor, vendor.page) == [id]
    assert records_of(http, vendor, vendor.search) == []
    emulators.limit(vendor.name, search_lag=0)
    assert records_of(http, vendor, vendor.search) == [id]


def test_records_and_ids_go_on_after_kill_9(own_emulators: RunningEmulators) -> None:
    before: dict[str, tuple[str, dict[str, Any]]] = {}
    clients = {vendor.name: own_emulators.client(f"/{vendor.name}", headers=vendor.credential) for vendor in VENDORS}
    for vendor in VENDORS:
        id = made(clients[vendor.name], vendor)
        before[vendor.name] = id, read_record(clients[vendor.name], vendor, id)
    own_emulators.kill()
    own_emulators.start()
    for vendor in VENDORS:
        id, record = before[vendor.name]
        assert read_record(clients[vendor.name], vendor, id) == record
        assert made(clients[vendor.name], vendor, "Noel") != id
        clients[vendor.name].close()
