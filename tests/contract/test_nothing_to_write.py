"""A change that changes nothing is not sent, at every vendor: what was sent before, and what was read."""

from typing import Any

import pytest

from tests.contract.callers import Caller, expect
from tests.contract.emulators import Emulators
from tests.contract.own_facade import own_facade
from tests.contract.portability import rich
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import SAMPLES, Sample, all_vendors

READS = ("/batch/read", "/search")

running_facade, full_key = own_facade(all_vendors)


def filled(sample: Sample) -> Body:
    """As much as the vendor can hold, and more."""
    mark = word()
    own = sample.body(mark)
    names = {"first_name", "last_name"} if "display_name" in own else {"customer"}
    body = {name: value for name, value in rich(sample.object, mark).items() if name not in names}
    if sample.object == "customer":
        body["addresses"] = [{**body["addresses"][0], "line2": "2nd floor"}]
    return {**body, **own, "external_id": f"key-{mark}"}


def effects(vendors: Emulators, sample: Sample, before: int) -> list[Any]:
    """The calls since `before` that change something at the vendor."""
    calls = vendors.calls(sample.vendor)[before:]
    return [
        (one["method"], one["path"], one.get("body"))
        for one in calls
        if one["method"] != "GET" and not one["path"].endswith(READS) and "'query': 'query" not in str(one.get("body"))
    ]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_same_values_again_are_not_sent(caller: Caller, vendors: Emulators, name: str) -> None:
    sample = SAMPLES[name]
    body = filled(sample)
    made = expect(caller.write("POST", f"{sample.collection()}&loss=any", body), 201).json()
    path = f"{sample.path}/{made['id']}"
    read = caller.get(path).json()

    before = len(vendors.calls(sample.vendor))
    for again in (read, {field: value for field, value in body.items() if field != "external_id"}):
        answer = expect(caller.write("PATCH", f"{path}?loss=any", again)).json()
        assert effects(vendors, sample, before) == []
        left_out = {"meta", "updated_at"}
        repeated = {field: value for field, value in answer.items() if field not in left_out}
        assert repeated == {field: value for field, value in read.items() if field not in left_out}


def test_a_country_that_cannot_be_read_is_cleared_with_the_addresses(caller: Caller, vendors: Emulators) -> None:
    placed = vendors.place("hubspot", "contacts", {"properties": {"firstname": "Ann", "country": "Narnia"}})
    path = f"/v1/customers/hubspot:{placed['id']}"
    assert [one["country_raw"] for one in caller.get(path).json()["addresses"]] == ["Narnia"]
    assert caller.write("PATCH", path, {"addresses": []}).json()["addresses"] == []


@pytest.mark.parametrize("vendor", ["hubspot", "salesforce", "stripe", "woocommerce"])
def test_a_number_stays_the_same_in_the_country_of_another_address(caller: Caller, vendor: str) -> None:
    home = {"type": "billing", "line1": "Uferweg 3", "city": "Kiel", "postal_code": "24103", "country_code": "DE"}
    person = SAMPLES[f"{vendor} customer"].body(word()) | {"addresses": [home], "phones": [{"raw": "0431 123456"}]}
    made = caller.create(f"/v1/customers?connection={vendor}", person)
    path = f"/v1/customers/{made['id']}"
    assert [(one["e164"], one["raw"]) for one in made["phones"]] == [("+49431123456", "0431 123456")]
    inland = caller.write("PATCH", path, {"addresses": [home | {"line1": "Am Markt 9"}]}).json()
    assert inland["phones"] == made["phones"]
    for addresses in ([home | {"city": "Wien", "postal_code": "1010", "country_code": "AT"}], []):
        moved = expect(caller.write("PATCH", path, {"addresses": addresses})).json()
        assert [one["e164"] for one in moved["phones"]] == ["+49431123456"]
