"""The same stories at every vendor: what is created reads back, changes, is found by its key, and is made once."""

import time
from typing import Final

import pytest

from mappings.registry import VENDORS, active
from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.emulators import Emulators, writes
from tests.contract.own_facade import own_facade
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import EVERY_VENDOR, SAMPLES, Sample, all_vendors, create_record

# The client itself sends up to three times what its vendor recognises.
CLIENT_TRIES = 3
KEYED = [(name, key) for name, sample in SAMPLES.items() for key in sample.upsert_keys]
COMMENTED = [name for name, sample in SAMPLES.items() if active(VENDORS[sample.vendor], "comment") and "ticket" in name]

HTML: Final[Body] = {"description": None, "description_html": "<p>It <b>broke</b>.</p>"}
PLACE: Final = {"line1": "Uferweg 3", "city": "Kiel", "country_code": "DE"}
TWINS: Final = [
    {**PLACE, "type": "billing", "is_default": True},
    {**PLACE, "name": "Ada Lee", "company": "Clay"},
    {**PLACE, "name": "Bo Lee", "phone": "+49 30 123456"},
]
REPEATED: Final[list[tuple[str, Body]]] = [
    ("hubspot customer", {"currency": "EUR", "language": "pt-PT", "timezone": "Europe/Kyiv"}),
    ("hubspot ticket", HTML),
    ("shopify customer", {"addresses": TWINS}),
    ("zendesk customer", {}),
    ("zendesk ticket", HTML | {"status": "closed", "due_at": "2027-05-04T09:30:00Z", "tags": ["Two Words", "a"]}),
]
"""Bodies of which a part reads otherwise than it was sent."""

running_facade, full_key = own_facade(all_vendors)


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> Sample:
    """One object at one vendor."""
    return SAMPLES[request.param]


def test_every_object_that_can_be_created_is_among_the_stories() -> None:
    able = {
        f"{vendor} {mapping.object}"
        for vendor in EVERY_VENDOR
        for mapping in VENDORS[vendor].mappings
        if mapping.endpoints.create is not None and mapping.object != "comment"
    }
    assert able == set(SAMPLES)


def test_what_is_created_reads_back_and_is_listed(caller: Caller, sample: Sample) -> None:
    path, record = create_record(caller, sample)
    read = expect(caller.get(path)).json()
    assert {**record, "meta": None} == {**read, "meta": None}
    assert read["meta"]["vendor"] == sample.vendor
    remote = caller.get(f"{sample.path}/{sample.vendor}:{record['meta']['remote_id']}")
    assert remote.json()["id"] == record["id"]
    listed = caller.get(f"{sample.collection()}&limit=250").json()
    assert record["id"] in [one["id"] for one in listed["data"]] or listed["has_more"]


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.change])
def test_a_change_changes_that_and_nothing_else(caller: Caller, name: str) -> None:
    sample = SAMPLES[name]
    path, record = create_record(caller, sample)
    answer = expect(caller.write("PATCH", path, sample.change)).json()
    own = {"meta", "updated_at", *sample.change}
    assert {key: value for key, value in answer.items() if key in sample.change} == sample.change
    after = caller.get(path).json()
    assert {key: value for key, value in after.items() if key not in own} == {
        key: value for key, value in record.items() if key not in own
    }


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.change])
def test_a_change_of_nothing_is_not_sent(caller: Caller, name: str) -> None:
    path, record = create_record(caller, SAMPLES[name])
    assert_unsent(caller, path, record, {})


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("hubspot customer", {"tags": ["gold"]}),
        ("hubspot ticket", {"requester": None}),
        ("hubspot order", {"customer_note": None, "currency": "EUR"}),
    ],
)
def test_hubspot_gets_no_change_without_a_property(caller: Caller, name: str, body: Body) -> None:
    """It refuses one: the fields are lost, or equal to the record's."""
    path, record = create_record(caller, SAMPLES[name])
    assert_unsent(caller, path, record, body)


def assert_unsent(caller: Caller, path: str, record: Body, body: Body) -> None:
    """A change is not sent, and its answer is the record as it was."""
    drafted = caller.request("PATCH", f"{path}?loss=any&dry_run=true", json=body)
    answer = caller.write("PATCH", f"{path}?loss=any", body)
    assert (drafted.status_code, drafted.json()["request"]) == (200, None)
    assert (answer.status_code, {**answer.json(), "meta": None}) == (200, {**record, "meta": None}), answer.text


@pytest.mark.parametrize(("name", "key"), KEYED)
def test_an_upsert_creates_once_and_then_finds(caller: Caller, vendors: Emulators, name: str, key: str) -> None:
    sample, mark = SAMPLES[name], word()
    body = sample.body(mark) | ({"external_id": f"key-{mark}"} if key == "external_id" else {})
    path = f"{sample.collection()}&upsert_on={key}"
    first = expect(caller.write("POST", path, body), 201).json()
    names = {"emails": body["emails"]} if key == "email" else {"external_id": body["external_id"]}
    second = expect(caller.write("POST", path, names | sample.change)).json()
    assert second["id"] == first["id"]
    assert len(vendors.records(sample.vendor, sample.held_as, holding=mark)) == 1


@pytest.mark.parametrize(("name", "key"), KEYED)
def test_an_unchanged_upsert_is_200_and_changes_nothing(
    caller: Caller, vendors: Emulators, name: str, key: str
) -> None:
    """The same body again, what is fixed once it is made included: nothing of it would be lost."""
    sample, mark = SAMPLES[name], word()
    body = sample.body(mark) | ({"external_id": f"key-{mark}"} if key == "external_id" else {})
    path = f"{sample.collection()}&upsert_on={key}"
    first = expect(caller.write("POST", path, body), 201).json()
    before = writes(vendors, sample.vendor)
    for _ in range(2):
        again = expect(caller.write("POST", path, body)).json()
        assert again["meta"]["loss"] == first["meta"]["loss"]
    assert writes(vendors, sample.vendor) == before
    own = {"meta": None, "updated_at": None}
    assert {**again, **own} == {**first, **own}
    assert len(vendors.records(sample.vendor, sample.held_as, holding=mark)) == 1


@pytest.mark.parametrize(("name", "more"), REPEATED)
def test_the_same_upsert_again_sends_nothing(caller: Caller, vendors: Emulators, name: str, more: Body) -> None:
    sample, mark = SAMPLES[name], word()
    key, names = ("email", {}) if sample.object == "customer" else ("external_id", {"external_id": f"key-{mark}"})
    path, body = f"{sample.collection()}&loss=any&upsert_on={key}", sample.body(mark) | names | more
    assert caller.write("POST", path, body).status_code == 201
    before = writes(vendors, sample.vendor)
    assert [caller.write("POST", path, body).status_code for _ in range(2)] == [200, 200]
    assert writes(vendors, sample.vendor) == before


def test_a_create_whose_reply_is_lost_is_done_once(caller: Caller, vendors: Emulators, sample: Sample) -> None:
    create_record(caller, sample)  # what an account needs once is there now
    mark, key = word(), new_key()
    vendors.lose_reply(sample.vendor, method="POST", path=sample.made_at, times=CLIENT_TRIES)
    answer = caller.write("POST", sample.collection(), sample.body(mark), key=key)
    vendors.mend()
    assert caller.settled(answer)["state"] == "succeeded"
    expect(caller.write("POST", sample.collection(), sample.body(mark), key=key), 201)
    assert len(vendors.records(sample.vendor, sample.held_as, holding=mark)) == 1


def test_an_upsert_succeeds_although_its_repeat_is_refused(caller: Caller, vendors: Emulators) -> None:
    """It carries no mark of the operation, so that looking for one proves nothing. With an e-mail address, which is
    merged, it would not be the vendor's own upsert."""
    sample, mark = SAMPLES["salesforce customer"], word()
    upserted_at = "/services/data/v62.0/sobjects/Contact/Lockstitch_Key__c/"
    body = {"last_name": mark, "external_id": f"key-{mark}"}
    vendors.lose_reply(sample.vendor, method="PATCH", path=upserted_at, times=CLIENT_TRIES)
    vendors.break_(sample.vendor, "status", method="PATCH", path=upserted_at, status=404, times=1)
    answer = caller.write("POST", f"{sample.collection()}&upsert_on=external_id", body)
    assert caller.settled(answer)["state"] == "succeeded"
    assert len(vendors.records(sample.vendor, sample.held_as, holding=mark)) == 1


def test_an_upsert_that_another_one_got_ahead_of_becomes_a_change(caller: Caller, vendors: Emulators) -> None:
    """Salesforce refuses the second of two upserts of one key that meet, and says that the value is taken."""
    sample, mark = SAMPLES["salesforce customer"], word()
    message = "duplicate value found: <unknown> duplicates value on record with id: <unknown>"
    rule = {"sobject": sample.held_as, "field": "Lockstitch_Key__c", "contains": f"key-{mark}", "message": message}
    vendors.place("salesforce", "validation_rules", rule | {"code": "DUPLICATE_VALUE", "until": time.time() + 1})
    path = f"{sample.collection()}&upsert_on=external_id"
    answer = caller.write("POST", path, sample.body(mark) | {"external_id": f"key-{mark}"})
    assert caller.settled(answer)["state"] == "succeeded"
    assert len(vendors.records(sample.vendor, sample.held_as, holding=mark)) == 1


def test_what_is_not_there_is_not_found(caller: Caller, sample: Sample) -> None:
    path = f"{sample.path}/{sample.vendor}:{sample.absent}"
    assert code_of(caller.get(path), 404) == "not-found"
    if sample.change:
        assert code_of(caller.write("PATCH", path, sample.change), 404) == "not-found"


def test_the_short_salesforce_id_names_the_same_record(caller: Caller) -> None:
    _, record = create_record(caller, SAMPLES["salesforce customer"])
    short = record["meta"]["remote_id"][:15]
    answer = expect(caller.get(f"/v1/customers/salesforce:{short}")).json()
    assert (answer["id"], answer["meta"]["remote_id"]) == (record["id"], record["meta"]["remote_id"])


@pytest.mark.parametrize("name", COMMENTED)
def test_a_comment_is_added(caller: Caller, name: str) -> None:
    path, _ = create_record(caller, SAMPLES[name])
    text = f"On its way: {word()}"
    comment = caller.create(f"{path}/comments", {"body_text": text, "visibility": "private"})
    listed = caller.get(f"{path}/comments?limit=50").json()["data"]
    assert comment["body_text"] == text
    assert comment["meta"]["remote_id"] in [one["meta"]["remote_id"] for one in listed]


@pytest.mark.parametrize("name", COMMENTED)
def test_a_comment_in_both_forms_is_added_once(caller: Caller, name: str) -> None:
    path, _ = create_record(caller, SAMPLES[name])
    mark = word()
    both = {"body_text": f"On its way: {mark}", "body_html": f"<p>On its <b>way</b>: {mark}</p>"}

    comment = caller.create(f"{path}/comments", {**both, "visibility": "private"})

    assert comment["body_text"].strip() == both["body_text"]
    assert comment["body_html"] is None or "<b>way</b>" in comment["body_html"]
    listed = caller.get(f"{path}/comments?limit=50").json()["data"]
    assert [one["meta"]["remote_id"] for one in listed if mark in one["body_text"]] == [comment["meta"]["remote_id"]]


@pytest.mark.parametrize("name", COMMENTED)
def test_what_only_one_form_of_a_comment_says_is_a_loss(caller: Caller, name: str) -> None:
    path, _ = create_record(caller, SAMPLES[name])
    body = {"body_text": f"Sent: {word()}", "body_html": f"<p>Lost: {word()}</p>", "visibility": "private"}
    comment = caller.create(f"{path}/comments", body)
    lost = "/body_html" if comment["body_text"] == body["body_text"] else "/body_text"
    assert (lost, "coerced") in [(one["path"], one["kind"]) for one in comment["meta"]["loss"]]
