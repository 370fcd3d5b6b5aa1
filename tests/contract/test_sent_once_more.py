"""A create whose outcome only a list can show: read to its end, twice, ten minutes apart, then sent once more."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, NamedTuple

import httpx
import pytest

from tests.contract.callers import Caller, expect, new_key
from tests.contract.emulators import Emulators, Vendor
from tests.contract.facade import Facade
from tests.contract.own_facade import own_key
from tests.contract.samples import Body, word
from tests.contract.slow_shop import SlowShop
from tests.contract.vendor_samples import EVERY_VENDOR, SAMPLES, Sample, all_vendors, create_record
from tests.contract.waiting import ABSENCE, PASS_TIME, until
from tests.fixtures import opened

# The client itself sends what Stripe recognises up to three times.
CLIENT_TRIES: Final = 3
CREATES: Final = ("stripe customer", "stripe order", "woocommerce order", "freshdesk ticket")
UNIQUE: Final = (
    *("freshdesk customer", "hubspot customer", "hubspot order", "hubspot ticket", "salesforce customer"),
    *("salesforce order", "salesforce ticket", "shopify customer", "shopify order", "woocommerce customer"),
    "zendesk customer",
)
ADDRESSED: Final = ("woocommerce customer",)
COMMENTED: Final[dict[Vendor, str]] = {
    "freshdesk": "/api/v2/tickets/*",
    "salesforce": "/services/data/v62.0/sobjects/CaseComment",
}

SHOP: Final = """
[connections.medusa]
vendor = "medusa"
base_url = "{url}"
credentials = {{ api_key = "env:MEDUSA_KEY" }}
"""

shop = opened(lambda: closing(SlowShop()), "module")
full_key = own_key()


@pytest.fixture(scope="module")
def running_facade(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, shop: SlowShop
) -> Iterator[Facade]:
    """A Lockstitch with all vendors, and a Medusa that is slow."""
    more = SHOP.format(url=shop.url)
    with all_vendors(tmp_path_factory.mktemp("own"), module_database_url, more=more, MEDUSA_KEY="sk_medusa") as facade:
        yield facade


class Lost(NamedTuple):
    """A create whose reply was lost, and how many records there were before."""

    id: str
    path: str
    before: int


def lose(caller: Caller, vendors: Emulators, one: Sample, body: Body, key: str, status: int = 500) -> Lost:
    """Send the create while the vendor fails."""
    caller.create(one.collection(), one.body(word()))  # its account is prepared, and it is not down
    before = len(vendors.records(one.vendor, one.held_as))
    vendors.break_(one.vendor, "status", method="POST", path=one.made_at, status=status)
    answer = expect(caller.write("POST", one.collection(), body, key=key), 202)
    return Lost(answer.json()["id"], answer.headers["location"], before)


def wait_until_absent(caller: Caller, facade: Facade, lost: Lost) -> None:
    """Wait until the list lacked the record once. The write waits now, and says so."""
    until(lambda: facade.sql(ABSENCE, lost.id)[0]["absent"])
    operation = until(lambda: caller.get(lost.path).json(), lambda view: "waiting_for" in view)
    assert (operation["state"], operation["waiting_for"]["reason"]) == ("executing", "retry")


def keys_of(vendors: Emulators, one: Sample, lost: Lost) -> list[str]:
    calls = [call for call in vendors.calls(one.vendor) if (call["method"], call["path"]) == ("POST", one.made_at)]
    keys = [call.get("idempotency_key", "") for call in calls]
    return [key for key in keys if key.startswith(lost.id)]


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("name", CREATES)
def test_a_create_that_never_happened_is_sent_once_more(
    caller: Caller, facade: Facade, vendors: Emulators, name: str, status: int
) -> None:
    one, key = SAMPLES[name], new_key()
    body = one.body(word())
    lost = lose(caller, vendors, one, body, key, status)
    wait_until_absent(caller, facade, lost)
    assert len(vendors.records(one.vendor, one.held_as)) == lost.before

    facade.sql(PASS_TIME, lost.id)
    assert caller.await_operation(lost.path)["state"] == "succeeded"

    assert len(vendors.records(one.vendor, one.held_as)) == lost.before + 1
    assert caller.write("POST", one.collection(), body, key=key).status_code == 201
    if one.vendor == "stripe":
        assert keys_of(vendors, one, lost)[-1] == f"{lost.id}-anew"
        assert keys_of(vendors, one, lost).count(f"{lost.id}-anew") == 1


@pytest.mark.parametrize("name", CREATES)
def test_a_create_that_happened_late_is_found_and_not_sent_again(
    caller: Caller, facade: Facade, vendors: Emulators, name: str
) -> None:
    """The vendor was still working on it when the list was read for the first time."""
    one = SAMPLES[name]
    lost = lose(caller, vendors, one, one.body(word()), new_key())
    wait_until_absent(caller, facade, lost)
    made = vendors.records(one.vendor, one.held_as)[-1]
    late = {member: value for member, value in made.items() if member != "id"} | marked(one.vendor, lost.id)
    vendors.place(one.vendor, one.held_as, late)

    facade.sql(PASS_TIME, lost.id)
    assert caller.await_operation(lost.path)["state"] == "succeeded"
    assert len(vendors.records(one.vendor, one.held_as)) == lost.before + 1


@pytest.mark.parametrize(("happens", "posts"), [("late", 1), ("never", 2)])
def test_a_create_that_nothing_refuses_twice_waits_as_for_a_list(
    caller: Caller, facade: Facade, shop: SlowShop, happens: str, posts: int
) -> None:
    """A customer without an address, who has nothing unique at Medusa."""
    lost, posted = lose_slowly(caller, shop, {"first_name": "Late Lou"})
    until(lambda: facade.sql(ABSENCE, lost.id)[0]["absent"] or shop.posts > posted)
    if happens == "late":
        shop.finish()
    facade.sql(PASS_TIME, lost.id)
    assert caller.await_operation(lost.path)["state"] == "succeeded"
    assert len(shop.customers) == lost.before + 1
    assert shop.posts - posted + 1 == posts


def test_a_create_that_still_runs_when_it_is_sent_again_is_made_once(caller: Caller, vendors: Emulators) -> None:
    """No customer has an address, except where each needs one: something else must be unique."""
    marks, sent = {name: word() for name in UNIQUE}, dict[str, httpx.Response]()
    for name, mark in marks.items():
        one = SAMPLES[name]
        body = {field: value for field, value in one.body(mark).items() if field != "emails" or name in ADDRESSED}
        caller.create(one.collection(), one.body(word()))  # its account is prepared
        vendors.hold(one.vendor, method="POST", path=one.made_at)
        sent[name] = expect(caller.write("POST", one.collection(), body, headers={"prefer": "wait=0"}), 202)
        vendors.await_held()
    ended = {name: caller.settled(answer)["state"] for name, answer in sent.items()}
    assert ended == dict.fromkeys(UNIQUE, "succeeded")

    vendors.mend()
    until(
        lambda: sum(call.get("fault") == "slow" for one in EVERY_VENDOR for call in vendors.calls(one)),
        lambda late: late >= len(UNIQUE),
    )
    made = {name: vendors.records(SAMPLES[name].vendor, SAMPLES[name].held_as) for name in UNIQUE}
    numbers = {name: sum(marks[name] in str(record) for record in records) for name, records in made.items()}
    assert numbers == dict.fromkeys(UNIQUE, 1)


def test_a_create_that_the_vendor_refuses_twice_is_sent_again_at_once(caller: Caller, shop: SlowShop) -> None:
    lost, posted = lose_slowly(caller, shop, {"emails": [{"address": f"{word()}@example.com"}]})
    assert caller.await_operation(lost.path)["state"] == "succeeded"
    shop.finish()
    assert len(shop.customers) == lost.before + 1
    assert shop.posts == posted + 1


def lose_slowly(caller: Caller, shop: SlowShop, body: Body) -> tuple[Lost, int]:
    """Send the create while the shop is slow. Return it with the number of requests until then."""
    before, posted, shop.slow = len(shop.customers), shop.posts + 1, True
    answer = expect(caller.write("POST", "/v1/customers?connection=medusa", body), 202)
    return Lost(answer.json()["id"], answer.headers["location"], before), posted


def marked(vendor: Vendor, operation: str) -> dict[str, Any]:
    """The members of a record that carry the marker."""
    if vendor == "stripe":
        return {"metadata": {"lockstitch_operation_id": operation}}
    if vendor == "woocommerce":
        return {"meta_data": [{"id": 9, "key": "_lockstitch_operation", "value": operation}]}
    return {"custom_fields": {"cf_lockstitch_operation_id": operation}}


@pytest.mark.parametrize("name", CREATES)
def test_a_worker_that_is_killed_while_it_waits_changes_nothing(
    caller: Caller, facade: Facade, vendors: Emulators, name: str
) -> None:
    one = SAMPLES[name]
    lost = lose(caller, vendors, one, one.body(word()), new_key())
    wait_until_absent(caller, facade, lost)
    facade.worker.kill()
    facade.worker.start()
    assert facade.sql(ABSENCE, lost.id) == [{"absent": True, "resent": False}]
    facade.sql(PASS_TIME, lost.id)
    assert caller.await_operation(lost.path)["state"] == "succeeded"
    assert len(vendors.records(one.vendor, one.held_as)) == lost.before + 1


@pytest.mark.parametrize("name", CREATES)
def test_a_worker_that_is_killed_while_it_sends_once_more_creates_one_record(
    caller: Caller, facade: Facade, vendors: Emulators, name: str
) -> None:
    one = SAMPLES[name]
    lost = lose(caller, vendors, one, one.body(word()), new_key())
    wait_until_absent(caller, facade, lost)
    vendors.hold(one.vendor, method="POST", path=one.made_at)
    facade.sql(PASS_TIME, lost.id)
    until(lambda: facade.sql(ABSENCE, lost.id)[0]["resent"])
    vendors.await_held()
    facade.worker.kill()
    vendors.mend()
    facade.worker.start()
    assert caller.await_operation(lost.path)["state"] == "succeeded"
    assert len(vendors.records(one.vendor, one.held_as)) == lost.before + 1


@pytest.mark.parametrize("name", ["stripe customer", "woocommerce order"])
def test_it_is_sent_once_more_and_not_twice(caller: Caller, facade: Facade, vendors: Emulators, name: str) -> None:
    one, key = SAMPLES[name], new_key()
    body = one.body(word())
    lost = lose(caller, vendors, one, body, key)
    wait_until_absent(caller, facade, lost)
    vendors.break_(one.vendor, "status", method="POST", path=one.made_at, status=500)
    facade.sql(PASS_TIME, lost.id)
    until(lambda: facade.sql(ABSENCE, lost.id)[0] == {"absent": True, "resent": True})

    facade.sql(PASS_TIME, lost.id)
    assert caller.await_operation(lost.path)["state"] == "unknown"

    assert len(vendors.records(one.vendor, one.held_as)) == lost.before
    answer = expect(caller.write("POST", one.collection(), body, key=key), 409, "outcome-unknown").json()
    assert "ops:write" in answer["next_step"]


def test_the_list_is_read_to_its_end(caller: Caller, vendors: Emulators) -> None:
    """More than two pages of customers came after the lost one."""
    one, mark = SAMPLES["stripe customer"], word()
    vendors.break_("stripe", "timeout_after_commit", method="POST", path=one.made_at, times=CLIENT_TRIES, delay_ms=0)
    vendors.break_("stripe", "status", method="POST", path=one.made_at, status=403)
    answer = expect(caller.write("POST", one.collection(), one.body(mark)), 202)
    for number in range(230):
        vendors.place("stripe", "customers", {"name": f"later {number}"})
    assert caller.settled(answer)["state"] == "succeeded"
    assert len(vendors.records("stripe", "customers", holding=mark)) == 1


@pytest.mark.parametrize("visibility", ["private", "public"])
@pytest.mark.parametrize("vendor", COMMENTED)
def test_a_lost_comment_is_found_by_its_text(
    caller: Caller, vendors: Emulators, vendor: Vendor, visibility: str
) -> None:
    path, _ = create_record(caller, SAMPLES[f"{vendor} ticket"])
    path, mark = f"{path}/comments", word()
    body = {"body_text": f"Sent it again.\n\nTomorrow & later: {mark}", "visibility": visibility}
    vendors.break_(vendor, "timeout_after_commit", method="POST", path=COMMENTED[vendor], delay_ms=0)
    answer = caller.write("POST", path, body)
    done = caller.settled(answer)
    assert done["state"] == "succeeded", done
    assert done["result"]["visibility"] == visibility
    listed = [one for one in caller.get(path).json()["data"] if mark in one["body_text"]]
    assert [one["remote_id"] for one in listed] == [done["result"]["remote_id"]]


@pytest.mark.parametrize("vendor", COMMENTED)
def test_a_comment_of_another_operation_is_not_mistaken_for_a_lost_one(
    caller: Caller, facade: Facade, vendors: Emulators, vendor: Vendor
) -> None:
    """The same words twice: the first was lost on its way, the second arrived. Both are there in the end."""
    path, _ = create_record(caller, SAMPLES[f"{vendor} ticket"])
    path, body = f"{path}/comments", {"body_text": f"Called. {word()}", "visibility": "private"}
    facade.worker.stop()
    try:
        vendors.break_(vendor, "reset", method="POST", path=COMMENTED[vendor])
        lost = expect(caller.write("POST", path, body), 202)
        second = caller.create(path, body)
    finally:
        facade.worker.start()
    operation = Lost(lost.json()["id"], lost.headers["location"], 0)
    wait_until_absent(caller, facade, operation)
    facade.sql(PASS_TIME, operation.id)
    done = caller.await_operation(operation.path)
    assert done["state"] == "succeeded", done
    listed = [one["remote_id"] for one in caller.get(path).json()["data"] if one["body_text"] == body["body_text"]]
    assert sorted(listed) == sorted([second["remote_id"], done["result"]["remote_id"]])
