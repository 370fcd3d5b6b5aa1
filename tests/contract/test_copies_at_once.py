"""Copies at once: several of one record make one, and of two in opposite directions none writes back what the other has
just replaced."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from tests.contract import copying
from tests.contract.callers import Caller
from tests.contract.copied_customers import HOME, MOVED, OWNERS, change, conflicts, copy, numbers, read, staff
from tests.contract.copying import buyer, contacts_of
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.samples import word
from tests.contract.vendor_samples import all_vendors
from tests.contract.waiting import until

# Some of the staff make changes of their own. An attempt may take as long as the vendor is held.
running_facade, full_key = own_facade(all_vendors, "staff", more=OWNERS, LOCKSTITCH_OPERATION_LEASE="45")


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
    facade: Facade, caller: Caller, vendors: Emulators, tel: list[str]
) -> None:
    """The second copy to Stripe has read its source, and waits for the first."""
    crm, bill = pair(caller, phones=[{"e164": tel[0]}])
    org = copy(caller, crm, "salesforce")
    staff(caller, bill, phones=[{"e164": tel[1]}])
    change(caller, org, first_name="Ines")
    with (
        under_way(facade, vendors, lambda: copy(caller, org, "stripe")),
        ThreadPoolExecutor() as threads,
    ):
        change(caller, crm, last_name="Wood")
        second = threads.submit(lambda: copy(caller, crm, "stripe"))
        until(lambda: begun(facade) == 2)
        assert numbers(copy(caller, bill, "hubspot")) == [tel[1]]
        vendors.mend()
        second.result()
    assert numbers(read(caller, bill)) == numbers(read(caller, crm)) == [tel[1]]
    assert "Wood" in read(caller, bill)["display_name"]


def test_a_loss_is_not_carried_back_after_two_copies_at_once(
    facade: Facade, caller: Caller, vendors: Emulators, tel: list[str]
) -> None:
    """HubSpot has one line for a street. The copy to it waits for the opposite one."""
    crm, bill = pair(caller, addresses=[HOME], phones=[{"e164": tel[0]}])
    staff(caller, bill, addresses=[MOVED | {"line2": "Hof"}])
    change(caller, crm, phones=[{"e164": tel[1]}])
    with (
        under_way(facade, vendors, lambda: copy(caller, crm, "stripe")),
        ThreadPoolExecutor() as threads,
    ):
        back = threads.submit(lambda: copy(caller, bill, "hubspot"))
        until(lambda: begun(facade, "hubspot") == 1)
        vendors.mend()
        assert [one["line1"] for one in back.result()["addresses"]] == ["Am Markt 9, Hof"]
    change(caller, crm, phones=[{"e164": tel[2]}])
    again = copy(caller, crm, "stripe")
    assert numbers(again) == [tel[2]]
    assert [(one["line1"], one["line2"]) for one in again["addresses"]] == [("Am Markt 9", "Hof")]
    assert conflicts(caller, crm) == []


def test_copies_at_once_make_one_record(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    made = buyer(caller)

    def once(_: int) -> int:
        with facade.calling(secret=caller.secret) as own:
            answer = copying.copy(own, made, "hubspot", fields=["first_name", "last_name"])
            if answer.status_code == 202:
                return 201 if own.settled(answer)["result"]["id"] == made["id"] else 0
            return answer.status_code if answer.json()["id"] == made["id"] else 0

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(once, range(6))) <= {200, 201}
    assert len(contacts_of(vendors, "hubspot", made)) == 1


def test_copies_of_two_linked_sources_make_one_record(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    """Each source has another address, so neither finds what the other creates."""
    made = buyer(caller)
    body = {"first_name": "Ada", "last_name": made["last_name"], "emails": [{"address": f"{word()}@example.com"}]}
    other = caller.create("/v1/customers?connection=woocommerce", body)
    assert facade.lockstitch("links", "join", made["id"], other["id"]).returncode == 0
    vendors.break_("hubspot", "slow", method="POST", path="/crm/v3/objects/contacts", times=None, delay_ms=400)

    def once(source: str) -> str:
        with facade.calling(secret=caller.secret) as own:
            path = f"/v1/customers/{made['id']}/copies?connection={source}"
            answer = own.write("POST", path, {"connection": "hubspot", "match_on": "email"})
            result = own.settled(answer)["result"] if answer.status_code == 202 else answer.json()
            return str(result["meta"]["remote_id"])

    try:
        with ThreadPoolExecutor(2) as threads:
            remote_ids = set(threads.map(once, ("shopify", "woocommerce")))
    finally:
        vendors.mend()
    assert len(remote_ids) == 1
    assert len(contacts_of(vendors, "hubspot", made)) == 1
