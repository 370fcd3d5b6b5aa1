"""A value that differs in case is another value, at every vendor and door: it arrives, also if a reply was lost."""

from typing import Final

import pytest

from tests.contract.callers import Caller, expect
from tests.contract.emulators import Emulators
from tests.contract.own_facade import own_facade
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import SAMPLES, all_vendors

CLIENT_TRIES: Final = 3
"""The client itself repeats a call that its vendor recognises."""
READS_FIRST: Final = ("shopify",)
"""Vendors whose reads are POST requests too."""
CUSTOMERS: Final = [name for name in SAMPLES if name.endswith("customer")]
TICKETS: Final = [name for name in SAMPLES if name.endswith("ticket")]

running_facade, full_key = own_facade(all_vendors)


def name_field(name: str) -> str:
    """The field of a sample that is a name."""
    body = SAMPLES[name].body(word())
    return next(one for one in ("first_name", "display_name", "subject") if one in body)


def assert_spelled(addresses: list[Body], wanted: Body) -> None:
    """The vendor has one address at most, and what it holds of it is spelled so."""
    assert len(addresses) <= 1
    for one in addresses:
        assert {key: one[key] for key in wanted if one[key]}.items() <= wanted.items()


@pytest.mark.parametrize("loss", ["timeout", "timeout_after_commit"])
@pytest.mark.parametrize("name", CUSTOMERS + TICKETS)
def test_a_lost_change_of_case_arrives(caller: Caller, vendors: Emulators, name: str, loss: str) -> None:
    sample, field, mark = SAMPLES[name], name_field(name), word()
    made = caller.create(sample.collection(), {**sample.body(mark), field: f"macdonald {mark}"})
    path = f"{sample.path}/{made['id']}"
    method = {"salesforce": "PATCH", "hubspot": "PATCH", "shopify": "POST", "stripe": "POST"}.get(sample.vendor, "PUT")
    if sample.vendor in READS_FIRST:
        vendors.break_(sample.vendor, "slow", method=method, times=1, delay_ms=0)
    vendors.break_(sample.vendor, loss, method=method, times=CLIENT_TRIES, delay_ms=0)
    answer = caller.write("PATCH", path, {field: f"MacDonald {mark}"})
    vendors.mend()
    if answer.status_code == 202:
        assert caller.settled(answer)["state"] == "succeeded"
    assert caller.get(path).json()[field] == f"MacDonald {mark}"
    assert vendors.records(sample.vendor, sample.held_as, holding=f"MacDonald {mark}")


@pytest.mark.parametrize("name", [name for name in CUSTOMERS if "email" in SAMPLES[name].upsert_keys])
def test_an_upsert_changes_the_case_of_names_and_streets(caller: Caller, name: str) -> None:
    sample, field, mark = SAMPLES[name], name_field(name), word()
    address = {"line1": "1 quay", "city": "bristol", "postal_code": "bs1 4rn", "country_code": "GB"}
    body = {**sample.body(mark), field: f"macdonald {mark}", "addresses": [address]}
    caller.create(sample.collection() + "&loss=any", body)
    changed = {"line1": "1 Quay", "city": "Bristol", "postal_code": "BS1 4RN", "country_code": "GB"}
    upserted = caller.write(
        "POST",
        f"{sample.collection()}&upsert_on=email&loss=any",
        {**body, field: f"MacDonald {mark}", "addresses": [changed]},
    )
    assert upserted.status_code == 200, upserted.text
    read = caller.get(f"{sample.path}/{upserted.json()['id']}").json()
    assert read[field] == f"MacDonald {mark}"
    lost = {one["path"].split("/")[1] for one in upserted.json()["meta"]["loss"]}
    if len(read["addresses"]) == 1 and name != "freshdesk customer":  # it keeps the street alone, and no second one
        assert_spelled(read["addresses"], changed)
    else:
        assert "addresses" in lost


@pytest.mark.parametrize("name", CUSTOMERS)
def test_a_patch_changes_the_case_of_an_address(caller: Caller, name: str) -> None:
    sample, mark = SAMPLES[name], word()
    address = {"line1": "1 quay", "city": "bristol", "postal_code": "bs1 4rn", "country_code": "GB"}
    made = caller.create(sample.collection() + "&loss=any", {**sample.body(mark), "addresses": [address]})
    changed = {"line1": "1 Quay", "city": "Bristol", "postal_code": "BS1 4RN", "country_code": "GB"}
    path = f"{sample.path}/{made['id']}"
    expect(caller.write("PATCH", f"{path}?loss=any", {"addresses": [changed]}))
    read = caller.get(path).json()["addresses"]
    assert_spelled(read, changed)


def test_a_lost_change_is_recognised_in_what_the_vendor_stores_of_it(caller: Caller, vendors: Emulators) -> None:
    """Salesforce removes blanks at the ends. That is declared, so the change is not sent a second time."""
    sample, mark = SAMPLES["salesforce customer"], word()
    made = caller.create(sample.collection(), sample.body(mark))
    vendors.lose_reply("salesforce", method="PATCH", times=CLIENT_TRIES)
    answer = caller.write("PATCH", f"{sample.path}/{made['id']}", {"job_title": f"Potter {mark} "})
    vendors.mend()
    result = caller.settled(answer)["result"]
    assert result["job_title"] == f"Potter {mark}"
    assert [one["path"] for one in result["meta"]["loss"] if one["kind"] == "coerced"] == ["/job_title"]
    assert sum(f"Potter {mark}" in str(call["body"]) for call in vendors.calls("salesforce")) == 1


def test_line_breaks_that_freshdesk_changes_are_named(caller: Caller) -> None:
    sample = SAMPLES["freshdesk ticket"]
    made = caller.create(sample.collection(), {**sample.body(word()), "description": "one\r\ntwo\rthree"})
    assert made["description"] == caller.get(f"{sample.path}/{made['id']}").json()["description"] == "one\ntwo\nthree"
    assert ("/description", "coerced") in {(one["path"], one["kind"]) for one in made["meta"]["loss"]}


@pytest.mark.parametrize("name", CUSTOMERS)
def test_a_copy_carries_a_change_of_case(caller: Caller, name: str) -> None:
    sample, mark = SAMPLES[name], word()
    source = SAMPLES["hubspot customer" if sample.vendor == "shopify" else "shopify customer"]
    made = caller.create(source.collection(), {**source.body(mark), "first_name": "macdonald"})
    path, target = f"/v1/customers/{made['id']}", {"connection": sample.vendor, "match_on": "email"}
    target = target if "email" in sample.upsert_keys else {"connection": sample.vendor}
    for first_name in ("macdonald", "MacDonald"):
        origin = f"{path}?connection={source.vendor}"
        assert caller.write("PATCH", origin, {"first_name": first_name}).status_code == 200
        copied = caller.write("POST", f"{path}/copies?connection={source.vendor}", target)
        assert copied.status_code in (200, 201), copied.text
        assert caller.get(f"{path}?connection={sample.vendor}").json()["display_name"] == f"{first_name} {mark}"


@pytest.mark.parametrize("vendor", ["hubspot", "shopify", "woocommerce"])
def test_an_only_name_is_not_doubled_by_a_copy_that_goes_back(caller: Caller, vendor: str) -> None:
    """At Salesforce it is the last name."""
    body = {"first_name": "Teller", "emails": [{"address": f"{word()}@example.com"}]}
    path = f"/v1/customers/{caller.create(f'/v1/customers?connection={vendor}', body)['id']}"
    for source, target, name in ((vendor, "salesforce", "Teller"), ("salesforce", vendor, "Tella")):
        caller.write("PATCH", f"{path}?connection={source}", {"display_name": name})
        copied = caller.write("POST", f"{path}/copies?connection={source}", {"connection": target, "match_on": "email"})
        assert copied.status_code in (200, 201), copied.text
    assert copied.json()["display_name"] == "Tella"


@pytest.mark.parametrize("name", CUSTOMERS)
def test_only_a_change_is_sent(caller: Caller, vendors: Emulators, name: str) -> None:
    sample, field, mark = SAMPLES[name], name_field(name), word()
    made = caller.create(sample.collection(), {**sample.body(mark), field: f"macdonald {mark}"})
    path = f"{sample.path}/{made['id']}"
    for value, is_sent in ((f"macdonald {mark}", False), (f"MacDonald {mark}", True)):
        drafted = caller.request("PATCH", f"{path}?dry_run=true", json={field: value}).json()["request"]
        assert (drafted is not None) is is_sent
    assert vendors.records(sample.vendor, sample.held_as, holding=f"macdonald {mark}")
