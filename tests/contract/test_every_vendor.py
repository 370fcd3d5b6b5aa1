"""The same stories at every vendor: what is created reads back, changes, is found by its key, and is made once."""

import time
from collections.abc import Iterator

import pytest

from mappings.registry import VENDORS, active
from tests.contract.callers import Caller, code_of, new_key
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.samples import word
from tests.contract.trades import EVERY_VENDOR, TRADES, Trade, made, trading

# The client itself sends up to three times what its vendor recognises.
CLIENT_TRIES = 3
KEYED = [(name, key) for name, trade in TRADES.items() for key in trade.upsert_keys]
COMMENTED = [name for name, trade in TRADES.items() if active(VENDORS[trade.vendor], "comment") and "ticket" in name]


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch of this module, connected to every vendor."""
    with trading(tmp_path_factory.mktemp("every"), module_database_url) as facade:
        yield facade


@pytest.fixture(scope="module")
def full_key(running_facade: Facade) -> str:
    """A key with every scope."""
    return running_facade.make_key(name="everything").secret


@pytest.fixture(params=TRADES)
def trade(request: pytest.FixtureRequest) -> Trade:
    """One object at one vendor."""
    return TRADES[request.param]


def test_every_object_that_can_be_created_is_among_the_stories() -> None:
    able = {
        f"{vendor} {mapping.object}"
        for vendor in EVERY_VENDOR
        for mapping in VENDORS[vendor].mappings
        if mapping.endpoints.create is not None and mapping.object != "comment"
    }
    assert able == set(TRADES)


def test_what_is_created_reads_back_and_is_listed(caller: Caller, trade: Trade) -> None:
    path, record = made(caller, trade)
    read = caller.get(path)
    assert read.status_code == 200, read.text
    assert {**record, "meta": None} == {**read.json(), "meta": None}
    assert read.json()["meta"]["vendor"] == trade.vendor
    remote = caller.get(f"{trade.path}/{trade.vendor}:{record['meta']['remote_id']}")
    assert remote.json()["id"] == record["id"]
    listed = caller.get(f"{trade.collection()}&limit=250").json()
    assert record["id"] in [one["id"] for one in listed["data"]] or listed["has_more"]


@pytest.mark.parametrize("name", [name for name, trade in TRADES.items() if trade.change])
def test_a_change_changes_that_and_nothing_else(caller: Caller, name: str) -> None:
    trade = TRADES[name]
    path, record = made(caller, trade)
    answer = caller.write("PATCH", path, trade.change)
    assert answer.status_code == 200, answer.text
    own = {"meta", "updated_at", *trade.change}
    assert {key: value for key, value in answer.json().items() if key in trade.change} == trade.change
    after = caller.get(path).json()
    assert {key: value for key, value in after.items() if key not in own} == {
        key: value for key, value in record.items() if key not in own
    }


@pytest.mark.parametrize(("name", "key"), KEYED)
def test_an_upsert_creates_once_and_then_finds(caller: Caller, vendors: Emulators, name: str, key: str) -> None:
    trade, mark = TRADES[name], word()
    body = trade.body(mark) | ({"external_id": f"key-{mark}"} if key == "external_id" else {})
    path = f"{trade.collection()}&upsert_on={key}"
    first = caller.write("POST", path, body)
    assert first.status_code == 201, first.text
    names = {"emails": body["emails"]} if key == "email" else {"external_id": body["external_id"]}
    second = caller.write("POST", path, names | trade.change)
    assert second.status_code == 200, second.text
    assert second.json()["id"] == first.json()["id"]
    assert len(vendors.records(trade.vendor, trade.held_as, holding=mark)) == 1


@pytest.mark.parametrize(("name", "key"), KEYED)
def test_an_unchanged_upsert_is_200_and_changes_nothing(
    caller: Caller, vendors: Emulators, name: str, key: str
) -> None:
    """The same body again, what is fixed once it is made included: nothing of it would be lost."""
    trade, mark = TRADES[name], word()
    body = trade.body(mark) | ({"external_id": f"key-{mark}"} if key == "external_id" else {})
    path = f"{trade.collection()}&upsert_on={key}"
    first = caller.write("POST", path, body)
    assert first.status_code == 201, first.text
    for _ in range(2):
        again = caller.write("POST", path, body)
        assert again.status_code == 200, again.text
        assert again.json()["meta"]["loss"] == first.json()["meta"]["loss"]
    own = {"meta": None, "updated_at": None}
    assert {**again.json(), **own} == {**first.json(), **own}
    assert len(vendors.records(trade.vendor, trade.held_as, holding=mark)) == 1


def test_a_create_whose_reply_is_lost_is_done_once(caller: Caller, vendors: Emulators, trade: Trade) -> None:
    made(caller, trade)  # what an account needs once is there now
    mark, key = word(), new_key()
    vendors.lose_reply(trade.vendor, method="POST", path=trade.made_at, times=CLIENT_TRIES)
    answer = caller.write("POST", trade.collection(), trade.body(mark), key=key)
    vendors.mend()
    if answer.status_code == 202:
        assert caller.settled(answer)["state"] == "succeeded"
    replayed = caller.write("POST", trade.collection(), trade.body(mark), key=key)
    assert replayed.status_code == 201, replayed.text
    assert len(vendors.records(trade.vendor, trade.held_as, holding=mark)) == 1


def test_an_upsert_that_was_done_has_not_failed_because_its_repeat_is_not_allowed(
    caller: Caller, vendors: Emulators
) -> None:
    """It carries no mark of the operation, so that looking for one proves nothing."""
    trade, mark = TRADES["salesforce customer"], word()
    upserted_at = "/services/data/v62.0/sobjects/Contact/Lockstitch_Key__c"
    body = trade.body(mark) | {"external_id": f"key-{mark}"}
    vendors.lose_reply(trade.vendor, method="PATCH", path=upserted_at, times=CLIENT_TRIES)
    vendors.break_(trade.vendor, "status", method="PATCH", path=upserted_at, status=404, times=1)
    answer = caller.write("POST", f"{trade.collection()}&upsert_on=external_id", body)
    assert caller.settled(answer)["state"] == "succeeded"
    assert len(vendors.records(trade.vendor, trade.held_as, holding=mark)) == 1


def test_an_upsert_that_another_one_got_ahead_of_becomes_a_change(caller: Caller, vendors: Emulators) -> None:
    """Salesforce refuses the second of two upserts of one key that meet, and says that the value is taken."""
    trade, mark = TRADES["salesforce customer"], word()
    told = "duplicate value found: <unknown> duplicates value on record with id: <unknown>"
    rule = {"sobject": trade.held_as, "field": "Lockstitch_Key__c", "contains": f"key-{mark}", "message": told}
    vendors.place("salesforce", "validation_rules", rule | {"code": "DUPLICATE_VALUE", "until": time.time() + 1})
    path = f"{trade.collection()}&upsert_on=external_id"
    answer = caller.write("POST", path, trade.body(mark) | {"external_id": f"key-{mark}"})
    assert caller.settled(answer)["state"] == "succeeded"
    assert len(vendors.records(trade.vendor, trade.held_as, holding=mark)) == 1


def test_what_is_not_there_is_not_found(caller: Caller, trade: Trade) -> None:
    path = f"{trade.path}/{trade.vendor}:{trade.absent}"
    assert code_of(caller.get(path), 404) == "not-found"
    if trade.change:
        assert code_of(caller.write("PATCH", path, trade.change), 404) == "not-found"


def test_the_short_id_that_people_copy_from_salesforce_names_the_same_record(caller: Caller) -> None:
    _, record = made(caller, TRADES["salesforce customer"])
    short = record["meta"]["remote_id"][:15]
    found = caller.get(f"/v1/customers/salesforce:{short}")
    assert found.status_code == 200, found.text
    assert (found.json()["id"], found.json()["meta"]["remote_id"]) == (record["id"], record["meta"]["remote_id"])


@pytest.mark.parametrize("name", COMMENTED)
def test_a_comment_is_added(caller: Caller, name: str) -> None:
    path, _ = made(caller, TRADES[name])
    text = f"On its way: {word()}"
    comment = caller.create(f"{path}/comments", {"body_text": text, "visibility": "private"})
    listed = caller.get(f"{path}/comments?limit=50").json()["data"]
    assert comment["body_text"] == text
    assert comment["meta"]["remote_id"] in [one["meta"]["remote_id"] for one in listed]
