"""Look-ups by one key: one record, none, several, and keys that a connection lacks."""

import pytest

from tests.contract.callers import Caller, code_of, expect, parameters, pointers
from tests.contract.emulators import Emulators, Vendor
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import SAMPLES, all_vendors

KEYS = ("email", "external_id", "number", "sku")
FOUND = [
    (name, key)
    for name, sample in SAMPLES.items()
    for key in KEYS
    if key in sample.mapping.endpoints.filters
    and (name, key) != ("salesforce order", "email")  # the sample is bought by a company
]

running_facade, full_key = own_facade(all_vendors)


@pytest.mark.parametrize(("name", "key"), FOUND)
def test_a_look_up_returns_the_one_record_as_a_read_does(caller: Caller, name: str, key: str) -> None:
    sample, mark = SAMPLES[name], word()
    own: Body = {"external_id": f"key-{mark}"} if key == "external_id" else {}
    if (sample.object, key) == ("ticket", "email"):
        own = {"requester": {"email": f"{mark}@example.com", "name": "Ada"}}
    if (name, key) == ("hubspot order", "email"):
        own = {"customer": {"email": f"{mark}@example.com"}}
    made = caller.create(sample.collection(), sample.body(mark) | own)
    caller.create(sample.collection(), sample.body(word()))
    value = {
        "email": f"{mark}@example.com",
        "external_id": f"key-{mark}",
        "number": made.get("number"),
    }[key]
    answer = expect(caller.get(f"{sample.path}/lookup", params={"connection": sample.vendor, key: value}))
    read = caller.get(f"{sample.path}/{made['id']}")
    assert answer.json()["id"] == made["id"]
    assert answer.headers["etag"]
    if sample.vendor != "freshdesk":  # its lists show less than a read
        assert (answer.json(), answer.headers["etag"]) == (read.json(), read.headers["etag"])
    absent = "999999999" if key == "number" else f"nobody-{word()}@example.com"
    expect(caller.get(f"{sample.path}/lookup", params={"connection": sample.vendor, key: absent}), 404, "not-found")


@pytest.mark.parametrize("path", ["/v1/customers", "/v1/orders", "/v1/tickets"])
def test_exactly_one_key_is_required(caller: Caller, path: str) -> None:
    none = expect(caller.get(f"{path}/lookup"), 422, "invalid-field")
    assert parameters(none) == list(KEYS)
    assert all(key in none.json()["detail"] for key in KEYS)
    several = expect(caller.get(f"{path}/lookup?number=7&external_id=7"), 422, "invalid-field")
    assert parameters(several) == ["external_id", "number"]
    empty = caller.get(f"{path}/lookup?external_id=")
    assert parameters(empty) == ["external_id"]


def test_an_address_that_is_none_is_refused(caller: Caller) -> None:
    answer = expect(caller.get("/v1/customers/lookup?email=undefined"), 422, "invalid-field")
    assert parameters(answer) == ["email"]


@pytest.mark.parametrize("vendor", ["stripe", "salesforce"])
def test_several_matches_are_a_conflict_with_the_candidates(caller: Caller, vendor: Vendor) -> None:
    sample, mark = SAMPLES[f"{vendor} customer"], word()
    same = {"emails": [{"address": f"{mark}@example.com"}]}
    made = [caller.create(sample.collection(), sample.body(word()) | same) for _ in range(2)]
    answer = caller.get(f"/v1/customers/lookup?connection={vendor}&email={mark}@example.com")
    assert code_of(answer, 409) == "ambiguous-match"
    problem = answer.json()
    candidates = {(one["id"], one["connection"], one["remote_id"]) for one in problem["candidates"]}
    assert candidates == {(one["id"], vendor, one["meta"]["remote_id"]) for one in made}
    assert all(one["id"] in problem["detail"] for one in made)
    assert not problem["retryable"]


def test_a_key_that_a_connection_lacks_names_those_that_have_it(caller: Caller) -> None:
    answer = expect(caller.get("/v1/orders/lookup?connection=woocommerce&external_id=7"), 422, "unsupported-action")
    assert "salesforce, shopify" in answer.json()["detail"]
    nowhere = expect(caller.get("/v1/customers/lookup?connection=hubspot&sku=MUG"), 422, "unsupported-action").json()
    assert "it can by email, external_id" in nowhere["detail"]


STAFF: list[tuple[Vendor, str, str]] = [
    ("zendesk", "users", "agent"),
    ("zendesk", "users", "admin"),
    ("woocommerce", "customers", "administrator"),
    ("woocommerce", "customers", "shop_manager"),
]


@pytest.mark.parametrize(("vendor", "held_as", "role"), STAFF)
def test_a_look_up_by_email_never_finds_staff(
    caller: Caller, vendors: Emulators, vendor: Vendor, held_as: str, role: str
) -> None:
    address = f"{word()}@example.com"
    placed = vendors.place(vendor, held_as, {"name": "Mara Field", "email": address, "role": role})
    expect(caller.get(f"/v1/customers/lookup?connection={vendor}&email={address}"), 404, "not-found")
    assert caller.get(f"/v1/customers/{vendor}:{placed['id']}").status_code == 200


def test_the_scope_of_a_look_up_is_that_of_a_read(facade: Facade) -> None:
    with facade.calling("orders:read") as stranger:
        assert code_of(stranger.get("/v1/customers/lookup?email=ann@example.com"), 403) == "forbidden"


@pytest.mark.parametrize(("vendor", "held_as", "role"), STAFF)
def test_an_upsert_by_email_never_changes_staff(
    caller: Caller, vendors: Emulators, vendor: Vendor, held_as: str, role: str
) -> None:
    address = f"{word()}@example.com"
    placed = vendors.place(vendor, held_as, {"name": "Mara Field", "email": address, "role": role})
    sample = SAMPLES[f"{vendor} customer"]
    before = vendors.records(vendor, held_as, holding=address)
    body = sample.body(word()) | {"emails": [{"address": address}]}
    answer = expect(caller.write("POST", f"{sample.collection()}&upsert_on=email", body), 422, "invalid-field")
    assert pointers(answer) == ["/emails"]
    assert f"{vendor}:{placed['id']}" in answer.json()["detail"]
    assert vendors.records(vendor, held_as, holding=address) == before
