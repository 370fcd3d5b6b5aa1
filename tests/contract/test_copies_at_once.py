"""Copies between two records in both directions at once: none writes back what the other has just replaced."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from tests.contract.callers import Caller
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.samples import word
from tests.contract.test_three_way_copies import (
    HOME,
    MOVED,
    OWNERS,
    buyer,
    change,
    conflicts,
    copy,
    numbers,
    read,
    staff,
)
from tests.contract.vendor_samples import all_vendors
from tests.contract.waiting import until

# Some of the staff make changes of their own. An attempt may take as long as the vendor is held.
running_facade, full_key = own_facade(all_vendors, "staff", more=OWNERS, LOCKSTITCH_OPERATION_LEASE="45")


@pytest.fixture
def phones() -> list[str]:
    """Numbers that no other customer has."""
    start = int(word()[1:], 16) % 9000
    return [f"+4411749{start + step:05}" for step in range(3)]


def begun(facade: Facade, connection: str = "stripe") -> int:
    """How many copies to a connection are under way."""
    (row,) = facade.sql(
        "SELECT count(*) AS number FROM operation WHERE connection = $1 AND phase IN ('received', 'sent')", connection
    )
    return int(row["number"])


@contextmanager
def under_way(facade: Facade, vendors: Emulators, slow: Callable[[], Any]) -> Iterator[None]:
    """Begin a copy that Stripe stores only after `mend`, and run the body while it is under way."""
    vendors.hold("stripe", method="POST")
    with ThreadPoolExecutor() as threads:
        running = threads.submit(slow)
        until(lambda: facade.sql("SELECT 1 FROM operation WHERE connection = 'stripe' AND phase = 'sent'"))
        yield
        vendors.mend()
        running.result()


def pair(caller: Caller, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A customer of the CRM and the copy of it that bills."""
    made = buyer(caller, "hubspot", **fields)
    return made, copy(caller, made, "stripe")


def test_a_change_that_was_carried_meanwhile_is_not_undone(
    facade: Facade, caller: Caller, vendors: Emulators, phones: list[str]
) -> None:
    """The second copy to Stripe has read its source, and waits for the first."""
    crm, bill = pair(caller, phones=[{"e164": phones[0]}])
    org = copy(caller, crm, "salesforce")
    staff(caller, bill, phones=[{"e164": phones[1]}])
    change(caller, org, first_name="Ines")
    with (
        under_way(facade, vendors, lambda: copy(caller, org, "stripe")),
        ThreadPoolExecutor() as threads,
    ):
        change(caller, crm, last_name="Wood")
        second = threads.submit(lambda: copy(caller, crm, "stripe"))
        until(lambda: begun(facade) == 2)
        assert numbers(copy(caller, bill, "hubspot")) == [phones[1]]
        vendors.mend()
        second.result()
    assert numbers(read(caller, bill)) == numbers(read(caller, crm)) == [phones[1]]
    assert "Wood" in read(caller, bill)["display_name"]


def test_a_loss_is_not_carried_back_after_two_copies_at_once(
    facade: Facade, caller: Caller, vendors: Emulators, phones: list[str]
) -> None:
    """HubSpot has one line for a street. The copy to it waits for the opposite one."""
    crm, bill = pair(caller, addresses=[HOME], phones=[{"e164": phones[0]}])
    staff(caller, bill, addresses=[MOVED | {"line2": "Hof"}])
    change(caller, crm, phones=[{"e164": phones[1]}])
    with (
        under_way(facade, vendors, lambda: copy(caller, crm, "stripe")),
        ThreadPoolExecutor() as threads,
    ):
        back = threads.submit(lambda: copy(caller, bill, "hubspot"))
        until(lambda: begun(facade, "hubspot") == 1)
        vendors.mend()
        assert [one["line1"] for one in back.result()["addresses"]] == ["Am Markt 9, Hof"]
    change(caller, crm, phones=[{"e164": phones[2]}])
    again = copy(caller, crm, "stripe")
    assert numbers(again) == [phones[2]]
    assert [(one["line1"], one["line2"]) for one in again["addresses"]] == [("Am Markt 9", "Hof")]
    assert conflicts(caller, crm) == []
