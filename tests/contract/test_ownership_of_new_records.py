"""A new record is a change: who may not write an object creates none of its records, an empty one neither."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.contract.callers import Caller, code_of, pointers
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import word

OWNED: Final = """
[ownership.customers]
owner = "other-hubspot"
writers = ["key:trusted"]
anyone_else = "POLICY"
[ownership.customers.fields]
emails = { writers = ["key:trusted", "key:stranger"] }
tags = { writers = ["key:trusted", "key:stranger"] }
"""
DOORS: Final = {
    "hubspot": "/v1/customers?connection=hubspot",
    "zendesk": "/v1/customers?connection=zendesk",
    "upsert at hubspot": "/v1/customers?connection=hubspot&upsert_on=email",
    "native upsert at zendesk": "/v1/customers?connection=zendesk&upsert_on=email",
}


@pytest.fixture(scope="module", params=["reject", "review", "skip"])
def policy(request: pytest.FixtureRequest) -> str:
    """What happens to a change by anyone else."""
    return request.param


@pytest.fixture(scope="module")
def running_facade(policy: str, tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch with this policy."""
    more = OWNED.replace("POLICY", policy)
    with Facade(tmp_path_factory.mktemp(policy), module_database_url, more=more).running() as facade:
        yield facade


@pytest.fixture
def stranger(facade: Facade) -> Iterator[Caller]:
    """A caller whose key may write the addresses and tags of customers, and no more."""
    facade.sql("UPDATE api_key SET name = name || id WHERE name = 'stranger'")
    with facade.calling(secret=facade.make_key(name="stranger").secret) as one:
        yield one


def made_at(vendors: Emulators, mark: str) -> int:
    return len(vendors.records("hubspot", "contacts", holding=mark)) + len(
        vendors.records("zendesk", "users", holding=mark)
    )


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_stranger_creates_nothing(stranger: Caller, vendors: Emulators, policy: str, door: str) -> None:
    mark = word()
    body: dict[str, Any] = {"emails": [{"address": f"{mark}@example.com"}]}

    answer = stranger.write("POST", door, body)

    if policy == "skip":  # the address may be written
        assert answer.status_code in (201, 422), answer.text
        return
    assert code_of(answer, 409) == "not-system-of-record"
    assert pointers(answer) == [""]
    assert "customers, which other-hubspot owns" in answer.json()["detail"]
    assert made_at(vendors, mark) == 0
    dry = stranger.post(f"{door}&dry_run=true", json=body)
    assert dry.json()["problem"]["code"] == "not-system-of-record"


def test_a_stranger_creates_no_empty_record(stranger: Caller, vendors: Emulators) -> None:
    before = len(vendors.records("hubspot", "contacts"))
    bodies: tuple[dict[str, Any], ...] = ({}, {"emails": [], "tags": []})
    for body in bodies:
        assert code_of(stranger.write("POST", "/v1/customers?connection=hubspot", body), 409) == "not-system-of-record"
    assert len(vendors.records("hubspot", "contacts")) == before


def test_a_stranger_changes_what_is_there(stranger: Caller, facade: Facade) -> None:
    """An upsert that finds the record creates nothing."""
    mark = word()
    facade.sql("UPDATE api_key SET name = name || id WHERE name = 'trusted'")
    body: dict[str, Any] = {"emails": [{"address": f"{mark}@example.com"}]}
    with facade.calling(secret=facade.make_key(name="trusted").secret) as trusted:
        made = trusted.create("/v1/customers?connection=zendesk", body | {"display_name": mark})
    answer = stranger.write("POST", "/v1/customers?connection=zendesk&upsert_on=email", body | {"tags": ["vip"]})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["id"], answer.json()["tags"]) == (made["id"], ["vip"])
