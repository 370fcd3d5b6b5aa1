"""What a vendor finds is compared with the key before anything is answered or written, at every vendor and door.

The vendor takes `ann…@example.com` for `joann…@example.com`, as one that matches parts of addresses does. Then it takes
the Kelvin sign for `k`, as one that folds more than ASCII does.
"""

from typing import Any, Final

import httpx
import pytest

from app.dev.folder import EMULATOR_CREDENTIALS
from tests.contract.callers import Caller, code_of
from tests.contract.emulators import Emulators
from tests.contract.own_facade import own_facade
from tests.contract.samples import word
from tests.contract.vendor_samples import SAMPLES, Sample, all_vendors

CUSTOMERS: Final = [name for name in SAMPLES if name.endswith("customer")]
KEYED: Final = [(name, key) for name, sample in SAMPLES.items() for key in sample.upsert_keys]
LISTED: Final = [(name, key) for name in CUSTOMERS for key in sorted(SAMPLES[name].mapping.endpoints.filters)]
SURE: Final = ("duplicate-record", "vendor-rejected", "ambiguous-match", "invalid-field")
"""How a write ends that creates no record of its own."""
KELVIN: Final = "\u212a"

running_facade, full_key = own_facade(all_vendors)


def victim(caller: Caller, sample: Sample, mark: str) -> dict[str, Any]:
    """A record whose keys end as those of the attacker do."""
    body = sample.body(f"jo{mark}")
    if "external_id" in sample.upsert_keys:
        body |= {"external_id": f"jo{mark}"}
    made = caller.create(sample.collection(), body)
    return caller.get(f"{sample.path}/{made['id']}").json()


def match_loosely(vendors: Emulators, sample: Sample, query: str, finds: str, *, reads: int = 1) -> None:
    """Let the vendor's reads take one text for another. Shopify's reads cannot be told from its writes, so only that
    many calls are concerned there."""
    texts = {"asked": query, "finds": finds}
    if sample.vendor == "shopify":
        vendors.break_("shopify", "loose_match", times=reads, **texts)
        return
    vendors.break_(sample.vendor, "loose_match", method="GET", times=None, **texts)
    if sample.vendor == "hubspot":
        for path in ("search", "batch/read"):
            vendors.break_("hubspot", "loose_match", path=f"/crm/v3/objects/*/{path}", times=None, **texts)


def problem_of(caller: Caller, answer: httpx.Response) -> str | None:
    """Return the code of the problem that a write ends with, None for a success."""
    if answer.status_code == 202:
        operation = caller.settled(answer)
        return operation["problem"]["code"] if operation["state"] == "failed" else None
    return answer.json().get("code")


def unharmed(caller: Caller, sample: Sample, before: dict[str, Any]) -> None:
    after = caller.get(f"{sample.path}/{before['id']}").json()
    assert {**after, "meta": None, "updated_at": None} == {**before, "meta": None, "updated_at": None}


@pytest.mark.parametrize(("name", "key"), KEYED)
def test_an_upsert_never_changes_a_record_with_another_key(
    caller: Caller, vendors: Emulators, name: str, key: str
) -> None:
    sample, mark = SAMPLES[name], f"ann{word()}"
    before = victim(caller, sample, mark)
    body = sample.body(mark) | ({"external_id": mark} if key == "external_id" else {})
    match_loosely(vendors, sample, mark, f"jo{mark}")
    answer = caller.write("POST", f"{sample.collection()}&upsert_on={key}&loss=any", body)
    vendors.mend()
    assert problem_of(caller, answer) in (None, *SURE), answer.text
    unharmed(caller, sample, before)


@pytest.mark.parametrize("name", CUSTOMERS)
def test_a_reference_by_address_never_selects_another_person(caller: Caller, vendors: Emulators, name: str) -> None:
    sample, mark = SAMPLES[name], f"ann{word()}"
    before = victim(caller, sample, mark)
    match_loosely(vendors, sample, mark, f"jo{mark}")
    for other in (one for one in SAMPLES.values() if one.vendor == sample.vendor and one.object != "customer"):
        person = {"email": f"{mark}@example.com", "name": "Ann"}
        part = "customer" if other.object == "order" else "requester"
        answer = caller.write("POST", f"{other.collection()}&loss=any", {**other.body(f"doc{mark[3:]}"), part: person})
        if answer.status_code == 201:
            named = (caller.get(f"{other.path}/{answer.json()['id']}").json()[part] or {}).get("remote_id")
            assert named != before["meta"]["remote_id"], other
        else:
            assert problem_of(caller, answer) in SURE, answer.text
    vendors.mend()
    unharmed(caller, sample, before)


@pytest.mark.parametrize("name", [name for name in CUSTOMERS if "email" in SAMPLES[name].upsert_keys])
def test_a_copy_never_lands_on_another_record(caller: Caller, vendors: Emulators, name: str) -> None:
    sample, mark = SAMPLES[name], f"ann{word()}"
    before = victim(caller, sample, mark)
    source = SAMPLES["shopify customer" if sample.vendor != "shopify" else "hubspot customer"]
    made = caller.create(source.collection(), source.body(mark))
    match_loosely(vendors, sample, mark, f"jo{mark}")
    path = f"/v1/customers/{made['id']}/copies"
    answer = caller.write("POST", path, {"connection": sample.vendor, "match_on": "email"})
    vendors.mend()
    assert problem_of(caller, answer) in (None, *SURE), answer.text
    unharmed(caller, sample, before)
    assert caller.get(f"{sample.path}/{before['id']}").json()["id"] != made["id"]


@pytest.mark.parametrize(("name", "key"), LISTED)
def test_a_look_up_and_a_list_never_show_another_record(
    caller: Caller, vendors: Emulators, name: str, key: str
) -> None:
    sample, mark = SAMPLES[name], f"ann{word()}"
    before = victim(caller, sample, mark)
    value = f"{mark}@example.com" if key == "email" else mark
    match_loosely(vendors, sample, mark, f"jo{mark}", reads=2)
    answer = caller.get(f"{sample.path}/lookup", params={"connection": sample.vendor, key: value})
    listed = caller.get(sample.path, params={"connection": sample.vendor, key: value})
    vendors.mend()
    assert code_of(answer, answer.status_code) in ("not-found", "ambiguous-match")
    assert listed.json()["data"] == [], before


@pytest.mark.parametrize("name", ["freshdesk customer", "stripe customer"])
def test_of_several_that_are_found_the_right_one_is_chosen(caller: Caller, vendors: Emulators, name: str) -> None:
    sample, mark = SAMPLES[name], f"ann{word()}"
    before, own = victim(caller, sample, mark), caller.create(sample.collection(), sample.body(mark))
    vendors.break_(sample.vendor, "loose_match", method="GET", times=None, asked=f"{mark}@example.com")
    address = {"emails": [{"address": f"{mark}@example.com"}]}
    answer = caller.get(f"{sample.path}/lookup", params={"connection": sample.vendor, "email": f"{mark}@example.com"})
    upserted = caller.write("POST", f"{sample.collection()}&upsert_on=email", address | sample.change)
    vendors.mend()
    assert (answer.status_code, answer.json()["id"]) == (200, own["id"])
    assert (upserted.status_code, upserted.json()["id"]) == (200, own["id"])
    unharmed(caller, sample, before)


@pytest.mark.parametrize("name", CUSTOMERS)
def test_the_kelvin_sign_is_no_k(caller: Caller, vendors: Emulators, name: str) -> None:
    sample, mark = SAMPLES[name], f"k{word()}"
    made = caller.create(sample.collection(), sample.body(mark))
    before = caller.get(f"{sample.path}/{made['id']}").json()
    lookalike = KELVIN + mark[1:]
    match_loosely(vendors, sample, lookalike, mark)
    value = {"connection": sample.vendor, "email": f"{lookalike}@example.com"}
    assert caller.get(f"{sample.path}/lookup", params=value).status_code in (404, 409)
    if "email" in sample.upsert_keys:
        match_loosely(vendors, sample, lookalike, mark)
        body = sample.body("other") | {"emails": [{"address": f"{lookalike}@example.com"}]}
        answer = caller.write("POST", f"{sample.collection()}&upsert_on=email&loss=any", body)
        assert problem_of(caller, answer) in (None, *SURE), answer.text
    vendors.mend()
    unharmed(caller, sample, before)


def test_a_zendesk_user_with_a_second_address_is_no_sure_match(caller: Caller, vendors: Emulators) -> None:
    """Zendesk finds users by every address, and a user shows the primary one alone."""
    sample, mark, second = SAMPLES["zendesk customer"], word(), f"{word()}@example.com"
    made = caller.create(sample.collection(), sample.body(mark))
    remote_id = made["meta"]["remote_id"]
    add_identity(vendors, remote_id, second)
    before = caller.get(f"{sample.path}/{made['id']}").json()
    body = {"display_name": "Someone else", "emails": [{"address": second}]}
    upserted = caller.write("POST", f"{sample.collection()}&upsert_on=email", body)
    looked_up = caller.get(f"{sample.path}/lookup", params={"connection": "zendesk", "email": second})
    for answer in (upserted, looked_up):
        assert code_of(answer, 409) == "ambiguous-match"
        assert [one["remote_id"] for one in answer.json()["candidates"]] == [remote_id]
        assert second not in answer.json()["detail"]
    unharmed(caller, sample, before)


def test_an_upsert_by_address_never_changes_the_user_with_the_sent_external_id(caller: Caller) -> None:
    """Zendesk's own upsert prefers the external id."""
    sample, mark = SAMPLES["zendesk customer"], word()
    made = caller.create(sample.collection(), sample.body(mark) | {"external_id": f"key-{mark}"})
    before = caller.get(f"{sample.path}/{made['id']}").json()
    body = sample.body(word()) | {"external_id": f"key-{mark}"}
    answer = caller.write("POST", f"{sample.collection()}&upsert_on=email", body)
    assert problem_of(caller, answer) in SURE
    unharmed(caller, sample, before)


def test_freshdesk_contacts_are_found_by_every_address(caller: Caller) -> None:
    """A list leaves out the further addresses, so the contact itself is read."""
    sample, mark, second = SAMPLES["freshdesk customer"], word(), f"{word()}@example.com"
    emails = [{"address": f"{mark}@example.com", "is_primary": True}, {"address": second}]
    made = caller.create(sample.collection(), {**sample.body(mark), "emails": emails})
    answer = caller.get(f"{sample.path}/lookup", params={"connection": "freshdesk", "email": second})
    assert answer.json()["id"] == made["id"], answer.text
    listed = caller.get(sample.path, params={"connection": "freshdesk", "email": second}).json()["data"]
    assert [one["id"] for one in listed] == [made["id"]]
    body = {"emails": [{"address": second}], "job_title": "Potter"}
    upserted = caller.write("POST", f"{sample.collection()}&upsert_on=email", body)
    assert (upserted.status_code, upserted.json()["id"]) == (200, made["id"]), upserted.text


def add_identity(vendors: Emulators, user: str, address: str) -> None:
    """Give a Zendesk user one more address."""
    secrets = [EMULATOR_CREDENTIALS[f"LOCKSTITCH_DEV_ZENDESK_{name}"] for name in ("EMAIL", "TOKEN")]
    answer = httpx.post(
        f"{vendors.url}/zendesk/api/v2/users/{user}/identities",
        json={"identity": {"type": "email", "value": address, "verified": True}},
        auth=(f"{secrets[0]}/token", secrets[1]),
    )
    assert answer.status_code == 201, answer.text
