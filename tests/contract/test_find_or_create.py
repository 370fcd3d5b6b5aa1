"""Find or create: an upsert that leaves a record that exists as it is."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.callers import Caller, code_of, expect, parameters
from tests.contract.emulators import Emulators
from tests.contract.samples import KINDS, Kind, word

BY_EMAIL = [KINDS["hubspot customer"], KINDS["shopify customer"], KINDS["zendesk customer"]]
QUERY = "upsert_on=email&on_existing=ignore"


@pytest.mark.parametrize("kind", BY_EMAIL, ids=lambda kind: kind.connection)
def test_a_record_that_exists_is_answered_as_it_is(caller: Caller, vendors: Emulators, kind: Kind) -> None:
    mark = word()
    made = caller.create(f"{kind.collection}&{QUERY}", kind.sample(mark))
    before = vendors.records(kind.connection, kind.held_as, holding=mark)
    other = kind.sample(mark) | {"notes": "Changed meanwhile."}

    answer = expect(caller.write("POST", f"{kind.collection}&{QUERY}", other, headers={"prefer": "wait=30"})).json()
    assert answer["id"] == made["id"]
    assert answer["notes"] == made["notes"]
    assert vendors.records(kind.connection, kind.held_as, holding=mark) == before


def test_an_order_is_found_by_its_key(caller: Caller, vendors: Emulators) -> None:
    kind, mark = KINDS["hubspot order"], word()
    path = f"{kind.collection}&upsert_on=external_id&on_existing=ignore"
    made = caller.create(path, kind.sample(mark))
    again = expect(caller.write("POST", path, kind.sample(mark) | {"currency": "USD"}, headers={"prefer": "wait=30"}))
    assert (again.json()["id"], again.json()["currency"]) == (made["id"], "EUR")
    assert len(vendors.records("hubspot", "orders", holding=f"key-{mark}")) == 1


@pytest.mark.parametrize("kind", BY_EMAIL[:2], ids=lambda kind: kind.connection)
def test_callers_at_the_same_time_find_the_one_that_was_created(caller: Caller, vendors: Emulators, kind: Kind) -> None:
    mark = word()
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda number: caller.write(
                    "POST",
                    f"{kind.collection}&{QUERY}",
                    kind.sample(mark) | {"notes": f"Call {number}"},
                    headers={"prefer": "wait=30"},
                ),
                range(8),
            )
        )
    ended = [one.json() if one.status_code in (200, 201) else caller.settled(one)["result"] for one in answers]
    assert len({one["id"] for one in ended}) == 1
    assert len({one["notes"] for one in ended}) == 1
    assert [one.status_code for one in answers].count(201) <= 1
    assert len(vendors.records(kind.connection, kind.held_as, holding=mark)) == 1


def test_a_dry_run_says_that_nothing_would_be_sent(caller: Caller) -> None:
    kind, mark = KINDS["hubspot customer"], word()
    caller.create(kind.collection, kind.sample(mark))
    drafted = caller.post(f"{kind.collection}&{QUERY}&dry_run=true", json=kind.sample(mark)).json()
    assert drafted["request"] is None
    assert [(one["pointer"], one["verdict"]) for one in drafted["fields"]] == [("", "skipped")]


def test_without_a_key_there_is_nothing_to_find(caller: Caller) -> None:
    answer = caller.write(
        "POST", "/v1/customers?connection=hubspot&on_existing=ignore", KINDS["hubspot customer"].sample()
    )
    assert code_of(answer, 422) == "invalid-field"
    assert parameters(answer) == ["on_existing"]
