"""Records that come from elsewhere, or from a list, clear and shorten nothing that their target holds."""

from random import randrange
from typing import Any, Final

import pytest

from canonical.output_only import READING
from tests.contract.callers import Caller, expect
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.portability import rich
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import SAMPLES, Sample, all_vendors, create_record

PAIRS: Final = [
    (source, target)
    for source, one in SAMPLES.items()
    for target, other in SAMPLES.items()
    if one.object == other.object and source != target
]
IDENTITY: Final = {
    "emails": ("address",),
    "phones": ("raw",),
    "addresses": ("line1", "city"),
    "tax_ids": ("value",),
    "consents": ("channel",),
    "custom_fields": ("key",),
}
"""What an item of a list is recognised by; of other lists, the items themselves count."""
EMPTY: Final[tuple[Any, ...]] = (None, [], "", "unknown")

running_facade, full_key = own_facade(all_vendors)


def filled(target: Sample, mark: str) -> Body:
    """As much as the target can hold."""
    full, own = rich(target.object, mark), target.body(mark)
    left_out = {"customer", "requester"} | ({"first_name", "last_name"} if "display_name" in own else set())
    if "phones" in full:
        full["phones"] = [{"e164": f"+4930{randrange(10**7, 10**8)}", "type": "mobile"}]
    kept = {name: value for name, value in full.items() if name not in left_out}
    return {**kept, **own, "external_id": f"key-{mark}"}


def missing(before: Body, after: Body, target: Sample) -> list[str]:
    """The fields of the target that hold less than before."""
    fields = next(patch for patch, read in READING.items() if read is target.mapping.model).__struct_fields__
    return [name for name in fields if before.get(name) not in EMPTY and _is_less(name, before[name], after[name])]


def _is_less(name: str, before: Any, after: Any) -> bool:
    if not isinstance(before, list):
        return after in EMPTY
    return any(_identity(name, one) not in [_identity(name, other) for other in after] for one in before)


def _identity(name: str, item: Any) -> Any:
    if isinstance(item, str):
        return item.casefold()
    return tuple(item.get(part) for part in IDENTITY.get(name, tuple(item)))


def read(caller: Caller, path: str) -> Body:
    return expect(caller.get(path)).json()


def listed(caller: Caller, sample: Sample, record: Body) -> Body:
    """The record as a list returns it, or as it is read if no page has it."""
    page = caller.get(f"{sample.collection()}&limit=100").json()["data"]
    return next((one for one in page if one["id"] == record["id"]), record)


@pytest.fixture(scope="module")
def sources(running_facade: Facade, full_key: str) -> dict[str, tuple[Body, Body]]:
    """A record of each vendor as it is read, and another one as a list returns it."""
    bodies: dict[str, tuple[Body, Body]] = {}
    with Caller(running_facade.api.url, full_key) as caller:
        for name, sample in SAMPLES.items():
            path, other = create_record(caller, sample)
            bodies[name] = (read(caller, path), listed(caller, sample, other))
    return bodies


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_what_comes_from_elsewhere_clears_nothing(
    caller: Caller, sources: dict[str, tuple[Body, Body]], source: str, target: str
) -> None:
    at, mark = SAMPLES[target], word()
    answer = expect(caller.write("POST", f"{at.collection()}&loss=any", filled(at, mark)), 201).json()
    path = f"{at.path}/{answer['id']}"
    before = read(caller, path)
    for body in sources[source]:
        sent = body | {"external_id": before["external_id"] or f"key-{mark}"}
        if before.get("emails"):
            sent["emails"] = [{"address": before["emails"][0]["address"]}]
        upserts = [("POST", f"{at.collection()}&upsert_on={key}", sent) for key in at.upsert_keys]
        for method, where, content in (*upserts, ("PATCH", path, body), ("POST", at.collection(), body)):
            tried = caller.write(method, where, content)
            assert tried.status_code in (200, 201, 409, 422), tried.text
            assert missing(before, read(caller, path), at) == [], (method, where, tried.text)


@pytest.mark.parametrize("name", SAMPLES)
def test_what_comes_from_a_list_clears_nothing(caller: Caller, name: str) -> None:
    at, mark = SAMPLES[name], word()
    answer = expect(caller.write("POST", f"{at.collection()}&loss=any", filled(at, mark)), 201).json()
    path = f"{at.path}/{answer['id']}"
    before = read(caller, path)

    tried = caller.write("PATCH", path, listed(caller, at, before))

    assert tried.status_code in (200, 422), tried.text
    assert missing(before, read(caller, path), at) == [], tried.text


@pytest.mark.parametrize("name", SAMPLES)
def test_what_was_read_is_sent_back_unchanged(caller: Caller, name: str) -> None:
    path, made = create_record(caller, SAMPLES[name])
    before = read(caller, path)

    for body in (before, listed(caller, SAMPLES[name], before), made):
        expect(caller.write("PATCH", path, body))

    fields = set(before) - {"meta", "updated_at"}
    after = read(caller, path)
    assert {one: after[one] for one in fields} == {one: before[one] for one in fields}


@pytest.mark.parametrize(
    "name",
    [name for name, sample in SAMPLES.items() if sample.object == "customer" and "external_id" in sample.upsert_keys],
)
def test_an_upsert_by_external_id_adds_an_address_at_most(caller: Caller, name: str) -> None:
    at, mark = SAMPLES[name], word()
    made = caller.create(at.collection(), at.body(mark) | {"external_id": f"key-{mark}"})
    sent = {"external_id": f"key-{mark}", "emails": [{"address": f"other-{mark}@example.com"}]}

    answer = expect(caller.write("POST", f"{at.collection()}&upsert_on=external_id", sent)).json()
    assert answer["id"] == made["id"]
    assert answer["emails"][0]["address"] == f"{mark}@example.com"


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if "email" in sample.upsert_keys])
def test_an_upsert_by_address_adds_tags(caller: Caller, name: str) -> None:
    at, mark = SAMPLES[name], word()
    made = caller.write("POST", f"{at.collection()}&loss=any", at.body(mark) | {"tags": ["wholesale"]}).json()
    if not made["tags"]:
        return

    answer = expect(caller.write("POST", f"{at.collection()}&upsert_on=email", at.body(mark) | {"tags": ["vip"]}))
    assert sorted(answer.json()["tags"]) == ["vip", "wholesale"]


@pytest.mark.parametrize("name", ["freshdesk customer", "hubspot customer", "woocommerce customer"])
def test_an_upsert_by_the_only_address_sent_keeps_the_others(caller: Caller, name: str) -> None:
    sample, mark = SAMPLES[name], word()
    body = sample.body(mark)
    more = {"address": f"{mark}.billing@example.com", "type": "billing"}
    made = caller.create(f"{sample.collection()}&loss=any", body | {"emails": [*body["emails"], more]})

    path = f"{sample.collection()}&upsert_on=email"
    expect(caller.write("POST", path, body | sample.change, headers={"prefer": "wait=30"}))
    read = caller.get(f"{sample.path}/{made['id']}").json()
    assert [one["address"] for one in read["emails"]] == [one["address"] for one in made["emails"]]


def test_blank_space_that_counts_as_no_value_is_named(caller: Caller) -> None:
    made = caller.create(
        "/v1/tickets?connection=salesforce", {"subject": word(), "description": " \n ", "external_id": f"key-{word()}"}
    )
    assert made["description"] is None
    assert [(one["path"], one["kind"]) for one in made["meta"]["loss"]] == [("/description", "coerced")]
