"""A copy stays true: what the source has changed arrives, what the target has changed stays, and nothing is
cleared that no copy has put there."""

import pytest

from tests.contract.callers import Caller, expect
from tests.contract.copied_customers import (
    HOME,
    OWNERS,
    change,
    conflicts,
    copy,
    dropped,
    numbers,
    other_than,
    read,
    staff,
)
from tests.contract.copying import buyer
from tests.contract.emulators import Emulators, Vendor, writes
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.samples import word
from tests.contract.vendor_samples import EVERY_VENDOR, SAMPLES, all_vendors, create_record
from tests.contract.waiting import until

# Some of the staff make changes of their own.
running_facade, full_key = own_facade(all_vendors, "staff", more=OWNERS)


@pytest.mark.parametrize("target", EVERY_VENDOR)
def test_an_unchanged_copy_writes_nothing(caller: Caller, vendors: Emulators, target: Vendor, tel: list[str]) -> None:
    phones = [{"e164": tel[0]}]
    made = buyer(caller, other_than(target), phones=phones, addresses=[HOME], notes="Likes blue.", job_title="Potter")
    first = copy(caller, made, target)
    before = writes(vendors, target)
    again = copy(caller, made, target)
    assert writes(vendors, target) == before
    assert again["phones"] == first["phones"]


@pytest.mark.parametrize("target", EVERY_VENDOR)
def test_an_unrelated_edit_leaves_what_the_target_has_changed(caller: Caller, target: Vendor, tel: list[str]) -> None:
    made = buyer(caller, other_than(target), phones=[{"e164": tel[0]}])
    there = copy(caller, made, target)
    staff(caller, there, phones=[{"e164": tel[2]}])
    change(caller, made, first_name="Ines")
    again = copy(caller, made, target)
    assert numbers(again) == [tel[2]]
    assert "Ines" in (again["first_name"] or again["display_name"])
    assert conflicts(caller, made) == []


@pytest.mark.parametrize("target", EVERY_VENDOR)
def test_the_source_wins_a_conflict_that_is_named(caller: Caller, target: Vendor) -> None:
    made = buyer(caller, other_than(target))
    there = copy(caller, made, target)
    staff(caller, there, **({"last_name": "Bell"} if there["last_name"] else {"display_name": "Ada Bell"}))
    change(caller, made, last_name="Wood")
    again = copy(caller, made, target)
    assert "Wood" in again["display_name"]
    (event,) = until(lambda: conflicts(caller, made))
    assert event["connection"] == target
    assert event["data"]["fields"] == ["last_name" if there["last_name"] else "display_name"]
    assert event["data"]["source"] == {key: made["meta"][key] for key in ("connection", "remote_id")}
    assert "Wood" not in str(event)
    copy(caller, made, target)
    assert len(conflicts(caller, made)) == 1


def test_the_target_keeps_what_it_owns(caller: Caller) -> None:
    made = buyer(caller, "salesforce", job_title="Potter", lead_source="Fair")
    there = copy(caller, made, "hubspot")
    staff(caller, there, job_title="Weaver")
    change(caller, made, job_title="Smith", notes="Likes red.")
    again = copy(caller, made, "hubspot")
    assert (again["job_title"], again["notes"]) == ("Weaver", "Likes red.") if again["notes"] else "Weaver"
    (skipped,) = again["meta"]["skipped"]
    assert (skipped["pointer"], skipped["owner"]) == ("/job_title", "hubspot")
    assert conflicts(caller, made) == []
    assert copy(caller, made, "hubspot")["job_title"] == "Weaver"


def test_the_source_overwrites_what_it_owns(caller: Caller) -> None:
    made = buyer(caller, "hubspot", job_title="Potter")
    there = copy(caller, made, "salesforce")
    staff(caller, there, job_title="Weaver")
    assert copy(caller, made, "salesforce")["job_title"] == "Potter"
    assert conflicts(caller, made) == []


@pytest.mark.parametrize("target", ["freshdesk", "stripe", "zendesk"])
def test_what_a_copy_has_put_there_is_cleared(caller: Caller, target: Vendor, tel: list[str]) -> None:
    made = buyer(caller, "salesforce", phones=[{"e164": tel[0]}])
    copy(caller, made, target)
    change(caller, made, phones=[])
    assert copy(caller, made, target)["phones"] == []


def test_what_was_there_before_is_not_cleared(caller: Caller, tel: list[str]) -> None:
    made = buyer(caller, "salesforce", phones=[{"e164": tel[0]}], job_title="Potter")
    body = {"emails": made["emails"], "phones": [{"e164": tel[0]}], "job_title": "Potter", "first_name": "Ada"}
    known = caller.create(
        "/v1/customers?connection=hubspot", body | {"emails": [{"address": made["emails"][0]["address"]}]}
    )
    there = copy(caller, made, "hubspot", match_on="email")
    assert there["meta"]["remote_id"] == known["meta"]["remote_id"]
    change(caller, made, phones=[], job_title=None)
    again = copy(caller, made, "hubspot")
    assert (numbers(again), again["job_title"]) == ([tel[0]], "Potter")
    assert {"/phones", "/job_title"} <= dropped(again)
    assert not {"/phones", "/job_title"} & dropped(copy(caller, made, "hubspot"))


def test_what_the_target_has_changed_is_not_cleared(caller: Caller, tel: list[str]) -> None:
    made = buyer(caller, "salesforce", phones=[{"e164": tel[0]}], job_title="Potter")
    there = copy(caller, made, "stripe", fields=["first_name", "last_name", "phones"])
    staff(caller, there, phones=[{"e164": tel[1]}])
    change(caller, made, phones=[])
    assert numbers(copy(caller, made, "stripe", fields=["phones"])) == [tel[1]]


def test_a_name_is_never_cleared(caller: Caller) -> None:
    made = buyer(caller, "shopify")
    copy(caller, made, "hubspot")
    change(caller, made, first_name=None, notes="Likes red.")
    again = copy(caller, made, "hubspot")
    assert (again["first_name"], "/first_name" in dropped(again)) == ("Ada", True)


@pytest.mark.parametrize(
    ("source", "target", "name", "items"),
    [
        ("stripe", "zendesk", "emails", []),
        ("freshdesk", "zendesk", "emails", []),
        ("salesforce", "freshdesk", "emails", []),
        ("salesforce", "shopify", "consents", [{"channel": "email", "state": "opted_out"}]),
    ],
)
def test_a_login_or_consent_that_stays_is_named(
    caller: Caller, source: Vendor, target: Vendor, name: str, items: list[dict[str, str]]
) -> None:
    made = buyer(caller, source, **({name: items} if items else {}))
    before = copy(caller, made, target)[name]
    change(caller, made, **{name: []})
    again = copy(caller, made, target)
    assert (again[name], f"/{name}" in dropped(again)) == (before, True)
    assert f"/{name}" not in dropped(copy(caller, made, target))


@pytest.mark.parametrize("street", ["", "Uferweg 3"])
@pytest.mark.parametrize("target", ["salesforce", "shopify", "woocommerce"])
def test_a_country_without_a_code_is_named(caller: Caller, vendors: Emulators, target: Vendor, street: str) -> None:
    """An address of which nothing is left is none."""
    mark = word()
    properties = {"lastname": mark, "email": f"{mark}@example.com", "address": street, "country": "Narnia"}
    placed = vendors.place("hubspot", "contacts", {"properties": properties})
    made = expect(caller.get(f"/v1/customers/hubspot:{placed['id']}")).json()
    copied = copy(caller, made, target)
    assert [one["line1"] for one in copied["addresses"]] == [street] * bool(street)
    paths = {one["path"] for one in copied["meta"]["loss"] if one["path"].startswith("/addresses")}
    assert "/addresses/0/country_code" in paths
    assert street or paths == {"/addresses/0/country_code"}
    change(caller, made, last_name=f"{mark}-Bell")
    assert "/addresses/0/country_code" not in dropped(copy(caller, made, target)) or not street


def test_what_the_target_cannot_clear_blocks_nothing(caller: Caller) -> None:
    """A Zendesk user always has a language."""
    made = buyer(caller, "hubspot", language="de")
    assert copy(caller, made, "zendesk")["language"] == "de"
    change(caller, made, language=None, first_name="Ines")
    again = copy(caller, made, "zendesk")
    assert (again["language"], again["display_name"][:4]) == ("de", "Ines")
    assert "/language" in dropped(again)
    assert "/language" not in dropped(copy(caller, made, "zendesk"))


def test_a_value_replaced_without_a_base_is_named(caller: Caller) -> None:
    """Zendesk gives a new user a time zone and a language that no one has set."""
    there = buyer(caller, "hubspot", language="de", timezone="Europe/Berlin")
    made = buyer(caller, "zendesk", last_name=there["last_name"], emails=[{"address": there["emails"][0]["address"]}])
    copied = copy(caller, made, "hubspot", match_on="email")
    assert copied["meta"]["remote_id"] == there["meta"]["remote_id"]
    differs = {f"/{name}" for name in ("language", "timezone") if copied[name] != there[name]}
    assert differs == {"/language", "/timezone"}
    named = {one["path"] for one in copied["meta"]["loss"] if "another value" in one["detail"]}
    assert named == differs
    again = copy(caller, made, "hubspot")
    assert not [one for one in again["meta"]["loss"] if "another value" in one["detail"]]


def test_a_due_date_that_a_vendor_has_set_is_named_where_it_replaces_another(caller: Caller) -> None:
    """HubSpot has no due dates, and Freshdesk gives one to each new ticket."""
    due = {"type": "task", "due_at": "2031-05-01T10:00:00Z"}
    made = create_record(caller, SAMPLES["zendesk ticket"])[1]
    path = f"/v1/tickets/{made['id']}"
    assert expect(caller.write("PATCH", f"{path}?connection=zendesk", due)).json()["due_at"] == due["due_at"]
    for source, target in (("zendesk", "hubspot"), ("hubspot", "freshdesk"), ("freshdesk", "zendesk")):
        copied = caller.write("POST", f"{path}/copies?connection={source}", {"connection": target}).json()
    assert copied["due_at"] != due["due_at"]
    assert [one["path"] for one in copied["meta"]["loss"] if "another value" in one["detail"]] == ["/due_at"]


def test_the_target_keeps_its_own_split_of_the_same_name(caller: Caller) -> None:
    """A vendor with one name between the two has lost where the first name ended."""
    mark = word()
    emails = [{"address": f"{mark}@example.com"}]
    there = buyer(caller, "hubspot", last_name=f"van der {mark}", emails=emails)
    made = buyer(caller, "salesforce", first_name="Ada van der", last_name=mark, emails=emails)
    copied = copy(caller, made, "hubspot", match_on="email")
    assert copied["meta"]["remote_id"] == there["meta"]["remote_id"]
    assert (copied["first_name"], copied["last_name"]) == ("Ada", f"van der {mark}")
    change(caller, made, first_name="Ines van der")
    assert copy(caller, made, "hubspot")["display_name"].startswith("Ines van der ")


def test_a_copy_after_a_split_and_a_join_removes_nothing(facade: Facade, caller: Caller, tel: list[str]) -> None:
    made = buyer(caller, "salesforce", phones=[{"e164": tel[0]}], job_title="Potter")
    there = copy(caller, made, "freshdesk")
    assert facade.lockstitch("links", "split", made["id"], "freshdesk").returncode == 0
    change(caller, made, phones=[], job_title=None)
    records = [f"{one['meta']['connection']}:{one['meta']['remote_id']}" for one in (made, there)]
    ids = [caller.get(f"/v1/customers/{one}").json()["id"] for one in records]
    assert facade.lockstitch("links", "join", *ids).returncode == 0
    until(lambda: caller.get(f"/v1/links/{ids[0]}").json()["links"], lambda links: len(links) == 2)
    again = copy(caller, {**made, "id": records[0]}, "freshdesk")
    assert (again["meta"]["remote_id"], numbers(again)) == (there["meta"]["remote_id"], [tel[0]])
    assert again["job_title"] == "Potter"


def test_tags_follow_one_by_one(caller: Caller) -> None:
    """Zendesk lower-cases tags."""
    made = buyer(caller, "shopify", tags=["Gold", "Fair", "Berlin"])
    there = copy(caller, made, "zendesk")
    assert sorted(there["tags"]) == ["berlin", "fair", "gold"]
    staff(caller, there, tags=["berlin", "fair", "gold", "own"])
    change(caller, made, tags=["Gold", "Kiel"])
    assert sorted(copy(caller, made, "zendesk")["tags"]) == ["gold", "kiel", "own"]
    staff(caller, there, tags=["kiel", "own"])
    change(caller, made, tags=["Gold", "Kiel", "New"])
    assert sorted(copy(caller, made, "zendesk")["tags"]) == ["kiel", "new", "own"]


def test_what_the_source_could_not_supply_is_not_cleared(caller: Caller, vendors: Emulators) -> None:
    """Zendesk has a locale that is no BCP 47 tag."""
    address = f"{word()}@example.com"
    body = {"display_name": "Ada Lee", "emails": [{"address": address}], "language": "de"}
    made = caller.create("/v1/customers?connection=zendesk", body)
    assert copy(caller, made, "hubspot")["language"] == "de"
    (user,) = vendors.records("zendesk", "users", holding=address)
    vendors.place("zendesk", "users", user | {"locale": "x"})
    customer = read(caller, made)
    assert (customer["language"], [one["path"] for one in customer["meta"]["loss"]]) == (None, ["/language"])
    assert copy(caller, made, "hubspot")["language"] == "de"
    vendors.place("zendesk", "users", user | {"locale": None})
    copy(caller, made, "hubspot")


def test_of_what_two_copies_have_from_others_the_latest_counts(caller: Caller) -> None:
    """Which base counts must not be chance: five records, whose digests differ."""
    for _ in range(5):
        made = buyer(caller, "salesforce", notes="first")
        for target in ("stripe", "zendesk", "shopify"):
            copy(caller, made, target)
        caller.write("PATCH", f"/v1/customers/{made['id']}?connection=shopify", {"notes": "second"})
        between = caller.get(f"/v1/customers/{made['id']}?connection=shopify").json()
        for target in ("stripe", "zendesk"):
            assert copy(caller, between, target)["notes"] == "second"
        caller.write("PATCH", f"/v1/customers/{made['id']}?connection=zendesk", {"notes": "first"})  # by the staff
        source = caller.get(f"/v1/customers/{made['id']}?connection=stripe").json()
        assert copy(caller, source, "zendesk")["notes"] == "first"
