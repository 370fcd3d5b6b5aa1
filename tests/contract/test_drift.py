"""A vendor that changed its answers overnight: additions are readable, and a mismatch is reported with its path."""

from typing import Any

import pytest

from tests.contract.callers import Caller, expect, new_key
from tests.contract.emulators import Emulators
from tests.contract.samples import KINDS, word

PATHS = {"hubspot": "/crm/v3/objects/", "shopify": "/admin/api/", "zendesk": "/api/v2/"}
# The field of each that an unknown choice changes. At Zendesk that is a user's role.
CHOICES = {
    "hubspot customer": "lifecycle_stage",
    "shopify customer": "status",
    "zendesk customer": "kind",
    "shopify order": "payment_status",
    "hubspot order": "status",
    "hubspot ticket": "status",
    "zendesk ticket": "status",
}


@pytest.fixture(params=KINDS)
def name(request: pytest.FixtureRequest) -> str:
    """One object at one vendor."""
    return request.param


def drift(vendors: Emulators, name: str, change: str) -> None:
    vendor = KINDS[name].connection
    vendors.break_(vendor, "drift", path=PATHS[vendor], times=None, change=change)


def made(caller: Caller, name: str) -> tuple[str, dict[str, Any]]:
    body = KINDS[name].sample()
    if name == "hubspot customer":
        body["lifecycle_stage"] = "lead"
    record = caller.create(KINDS[name].collection, body)
    return f"{KINDS[name].path}/{record['id']}", record


def test_a_new_field_reads_as_before(caller: Caller, vendors: Emulators, name: str) -> None:
    path, _ = made(caller, name)
    before = caller.get(path).json()
    drift(vendors, name, "field")
    assert caller.get(path).json() == before


def test_an_unknown_choice_is_unknown_and_stays_readable(caller: Caller, vendors: Emulators, name: str) -> None:
    path, record = made(caller, name)
    drift(vendors, name, "enum")
    answer = expect(caller.get(path)).json()
    field = CHOICES[name]
    assert answer[field] == "unknown"
    assert answer[f"{field}_raw"] not in (None, record[f"{field}_raw"])


def test_a_changed_type_is_drift_with_its_path(caller: Caller, vendors: Emulators, name: str) -> None:
    path, _ = made(caller, name)
    drift(vendors, name, "type")
    problem = expect(caller.get(path), 502, "vendor-drift").json()
    assert (problem["category"], problem["fault"], problem["retryable"]) == ("permanent", "vendor", False)
    assert "$." in problem["detail"]
    assert "$." in problem["vendor"]["detail"]


def test_an_unreadable_record_does_not_hold_up_its_list(caller: Caller, vendors: Emulators, name: str) -> None:
    kind, vendor = KINDS[name], KINDS[name].connection
    bad = caller.create(kind.collection, kind.sample())["meta"]["remote_id"]
    good = caller.create(kind.collection, kind.sample())["meta"]["remote_id"]
    vendors.break_(vendor, "drift", path=PATHS[vendor], times=None, change="type", record=bad)

    listed: list[str] = []
    unreadable: list[dict[str, Any]] = []
    path = f"{kind.collection}&limit=100"
    while True:
        page = expect(caller.get(path)).json()
        listed += [one["meta"]["remote_id"] for one in page["data"]]
        unreadable += page["unreadable"]
        if not page["has_more"]:
            break
        path = f"{kind.collection}&limit=100&cursor={page['next_cursor']}"

    assert good in listed
    assert bad not in listed
    (one,) = unreadable
    assert one["remote_id"] == bad
    assert one["pointer"].startswith("/")
    assert one["detail"]


def test_a_write_whose_answer_has_drifted_is_done_once(caller: Caller, vendors: Emulators, name: str) -> None:
    """The vendor did it: the write stays open until the record can be read again."""
    kind, mark, key = KINDS[name], word(), new_key()
    caller.create(kind.collection, kind.sample())
    drift(vendors, name, "type")
    answer = expect(caller.write("POST", kind.collection, kind.sample(mark), key=key), 202)
    vendors.mend()
    assert caller.settled(answer)["state"] == "succeeded"
    assert caller.write("POST", kind.collection, kind.sample(mark), key=key).status_code == 201
    assert len(vendors.records(kind.connection, kind.held_as, holding=mark)) == 1
