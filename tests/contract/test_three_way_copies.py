"""A copy stays true: what the source has changed arrives, what the target has changed stays, and nothing is
cleared that no copy has put there."""

from typing import Any, Final

import pytest

from tests.contract.callers import Caller, expect
from tests.contract.emulators import Emulators, Vendor, writes
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.samples import word
from tests.contract.vendor_samples import SAMPLES, all_vendors, create_record
from tests.contract.waiting import until

OWNERS: Final = """
[ownership.customers]
owner = "other-zendesk"
[ownership.customers.fields]
job_title = { owner = "hubspot" }
lead_source = { owner = "salesforce" }
"""
TARGETS: Final[tuple[Vendor, ...]] = (
    "freshdesk",
    "hubspot",
    "salesforce",
    "shopify",
    "stripe",
    "woocommerce",
    "zendesk",
)
Numbers = list[str]
HOME: Final = {"type": "billing", "line1": "Uferweg 3", "city": "Kiel", "postal_code": "24103", "country_code": "DE"}
MOVED: Final = HOME | {"line1": "Am Markt 9", "city": "Bonn", "postal_code": "53111"}

# Some of the staff make changes of their own.
running_facade, full_key = own_facade(all_vendors, "staff", more=OWNERS)


def other_than(target: str) -> str:
    """A connection to copy from, which keeps several addresses and numbers."""
    return "salesforce" if target == "hubspot" else "hubspot"


def buyer(caller: Caller, connection: str, **fields: Any) -> dict[str, Any]:
    mark = word()
    body = {"first_name": "Ada", "last_name": mark, "emails": [{"address": f"{mark}@example.com"}], **fields}
    return caller.create(f"/v1/customers?connection={connection}", body)


def copy(caller: Caller, made: dict[str, Any], to: str, **order: Any) -> dict[str, Any]:
    source = made["meta"]["connection"]
    answer = caller.write("POST", f"/v1/customers/{made['id']}/copies?connection={source}", {"connection": to, **order})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def change(caller: Caller, made: dict[str, Any], **fields: Any) -> None:
    """Change the source."""
    meta = made["meta"]
    expect(caller.write("PATCH", f"/v1/customers/{meta['connection']}:{meta['remote_id']}", fields))


def staff(caller: Caller, there: dict[str, Any], **fields: Any) -> None:
    """Change the copy as the vendor's own staff does."""
    meta = there["meta"]
    expect(caller.write("PATCH", f"/v1/customers/{meta['connection']}-staff:{meta['remote_id']}", fields))


def read(caller: Caller, there: dict[str, Any]) -> dict[str, Any]:
    meta = there["meta"]
    return caller.get(f"/v1/customers/{meta['connection']}:{meta['remote_id']}").json()


@pytest.fixture
def tel() -> Numbers:
    """Numbers that no other customer has."""
    start = int(word()[1:], 16) % 9000
    return [f"+4411749{start + step:05}" for step in range(3)]


def numbers(customer: dict[str, Any]) -> list[str]:
    return [one["e164"] for one in customer["phones"]]


def dropped(copied: dict[str, Any]) -> set[str]:
    """What the answer to a copy says that the target lacks or keeps."""
    return {one["path"] for one in copied["meta"]["loss"] if one["kind"] == "dropped"}


def conflicts(caller: Caller, made: dict[str, Any]) -> list[dict[str, Any]]:
    """The conflicts of the copies of a record."""
    data = caller.get("/v1/events", params={"type": "copy.conflict", "limit": 250}).json()["data"]
    return [one for one in data if one["data"]["id"] == made["id"]]


@pytest.mark.parametrize("target", TARGETS)
def test_an_unchanged_copy_writes_nothing(caller: Caller, vendors: Emulators, target: Vendor, tel: Numbers) -> None:
    phones = [{"e164": tel[0]}]
    made = buyer(caller, other_than(target), phones=phones, addresses=[HOME], notes="Likes blue.", job_title="Potter")
    first = copy(caller, made, target)
    before = writes(vendors, target)
    again = copy(caller, made, target)
    assert writes(vendors, target) == before
    assert again["phones"] == first["phones"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_replaced_number_arrives(caller: Caller, vendors: Emulators, target: Vendor, tel: Numbers) -> None:
    made = buyer(caller, other_than(target), phones=[{"e164": tel[0]}])
    copy(caller, made, target)
    change(caller, made, phones=[{"e164": tel[1]}])
    assert numbers(copy(caller, made, target)) == [tel[1]]
    before = writes(vendors, target)
    copy(caller, made, target)
    assert writes(vendors, target) == before


@pytest.mark.parametrize("target", ["hubspot", "salesforce", "shopify", "stripe", "woocommerce"])
def test_a_replaced_address_arrives(caller: Caller, target: Vendor) -> None:
    """HubSpot and Salesforce have one line for a street."""
    source = "stripe" if target in ("hubspot", "salesforce") else "hubspot"
    made = buyer(caller, source, addresses=[HOME | ({"line2": "Hof"} if source == "stripe" else {})], last_name=word())
    copy(caller, made, target)
    change(caller, made, addresses=[MOVED])
    there = copy(caller, made, target)
    assert [one["line1"] for one in there["addresses"]] == [MOVED["line1"]]
    change(caller, made, addresses=[])
    assert copy(caller, made, target)["addresses"] == []


@pytest.mark.parametrize("target", TARGETS)
def test_an_unrelated_edit_leaves_what_the_target_has_changed(caller: Caller, target: Vendor, tel: Numbers) -> None:
    made = buyer(caller, other_than(target), phones=[{"e164": tel[0]}])
    there = copy(caller, made, target)
    staff(caller, there, phones=[{"e164": tel[2]}])
    change(caller, made, first_name="Ines")
    again = copy(caller, made, target)
    assert numbers(again) == [tel[2]]
    assert "Ines" in (again["first_name"] or again["display_name"])
    assert conflicts(caller, made) == []


@pytest.mark.parametrize("target", TARGETS)
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
def test_what_a_copy_has_put_there_is_cleared(caller: Caller, target: Vendor, tel: Numbers) -> None:
    made = buyer(caller, "salesforce", phones=[{"e164": tel[0]}])
    copy(caller, made, target)
    change(caller, made, phones=[])
    assert copy(caller, made, target)["phones"] == []


def test_what_was_there_before_is_not_cleared(caller: Caller, tel: Numbers) -> None:
    made = buyer(caller, "salesforce", phones=[{"e164": tel[0]}], job_title="Potter")
    body = {"emails": made["emails"], "phones": [{"e164": tel[0]}], "job_title": "Potter", "first_name": "Ada"}
    known = caller.create("/v1/customers?connection=hubspot", body | {"emails": [_address(made)]})
    there = copy(caller, made, "hubspot", match_on="email")
    assert there["meta"]["remote_id"] == known["meta"]["remote_id"]
    change(caller, made, phones=[], job_title=None)
    again = copy(caller, made, "hubspot")
    assert (numbers(again), again["job_title"]) == ([tel[0]], "Potter")
    assert {"/phones", "/job_title"} <= dropped(again)
    assert not {"/phones", "/job_title"} & dropped(copy(caller, made, "hubspot"))


def test_what_the_target_has_changed_is_not_cleared(caller: Caller, tel: Numbers) -> None:
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


def test_a_copy_after_a_split_and_a_join_removes_nothing(facade: Facade, caller: Caller, tel: Numbers) -> None:
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


@pytest.mark.parametrize("target", ["hubspot", "salesforce", "stripe"])
def test_a_replaced_address_of_mail_arrives_where_it_is_no_login(caller: Caller, target: Vendor) -> None:
    made = buyer(caller, other_than(target))
    copy(caller, made, target)
    new = f"{word()}@example.com"
    change(caller, made, emails=[{"address": new}])
    assert [one["address"] for one in copy(caller, made, target)["emails"]] == [new]
    assert conflicts(caller, made) == []


def test_a_new_address_becomes_a_second_login(caller: Caller) -> None:
    made = buyer(caller, "salesforce")
    there = copy(caller, made, "freshdesk")
    new = f"{word()}@example.com"
    change(caller, made, emails=[{"address": new}])
    again = copy(caller, made, "freshdesk")
    emails = again["emails"]
    assert [one["address"] for one in emails if one["is_primary"]] == [there["emails"][0]["address"]]
    assert ["/emails/0/is_primary", "coerced"] in [[one["path"], one["kind"]] for one in again["meta"]["loss"]]
    assert [one["address"] for one in emails if not one["is_primary"]] == [new]
    assert conflicts(caller, made) == []


@pytest.mark.parametrize("target", ["shopify", "woocommerce", "zendesk"])
def test_a_login_without_a_second_place_is_a_conflict(caller: Caller, vendors: Emulators, target: Vendor) -> None:
    made = buyer(caller, "salesforce")
    there = copy(caller, made, target)
    change(caller, made, emails=[{"address": f"{word()}@example.com"}], first_name="Ines")
    again = copy(caller, made, target)
    assert again["emails"] == there["emails"]
    assert ["/emails", "dropped"] in [[one["path"], one["kind"]] for one in again["meta"]["loss"]]
    assert "Ines" in again["display_name"]
    (event,) = until(lambda: conflicts(caller, made))
    assert event["data"]["fields"] == ["emails"]
    before = writes(vendors, target)
    copy(caller, made, target)
    assert writes(vendors, target) == before
    assert len(conflicts(caller, made)) == 1


def test_a_lost_reply_is_no_change_of_the_target(caller: Caller, vendors: Emulators, tel: Numbers) -> None:
    """HubSpot has one line for a street, so what was sent never reads back as it was sent."""
    address = HOME | {"line2": "Hof"}
    made = buyer(caller, "stripe", addresses=[address], phones=[{"e164": tel[0]}])
    copy(caller, made, "hubspot")
    change(caller, made, addresses=[MOVED | {"line2": "Hof"}])
    vendors.lose_reply("hubspot", method="PATCH")
    source = made["meta"]["connection"]
    path = f"/v1/customers/{made['id']}/copies?connection={source}"
    answer = caller.write("POST", path, {"connection": "hubspot"})
    assert vendors.standing_faults() == []
    there = caller.settled(answer)["result"] if answer.status_code == 202 else answer.json()
    assert [one["line1"] for one in there["addresses"]] == ["Am Markt 9, Hof"]
    assert conflicts(caller, made) == []
    before = writes(vendors, "hubspot")
    copy(caller, made, "hubspot")
    assert writes(vendors, "hubspot") == before


def test_a_loss_is_not_copied_back_and_a_change_is(caller: Caller) -> None:
    """HubSpot has one line for a street, and several numbers."""
    made = buyer(caller, "woocommerce", addresses=[HOME | {"line2": "Hof"}])
    there = copy(caller, made, "hubspot")
    assert there["addresses"][0]["line1"] == "Uferweg 3, Hof"
    before = read(caller, made)["addresses"]
    staff(caller, there, first_name="Ines")
    back = copy(caller, there, "woocommerce")
    assert back["first_name"] == "Ines"
    assert back["addresses"] == before
    staff(caller, there, addresses=[MOVED])
    back = copy(caller, there, "woocommerce")
    assert [one["line1"] for one in back["addresses"]] == ["Am Markt 9"]


def _address(made: dict[str, Any]) -> dict[str, str]:
    return {"address": made["emails"][0]["address"]}


@pytest.mark.parametrize("target", ["stripe", "woocommerce"])
def test_a_billing_and_a_shipping_address_move_together(caller: Caller, target: Vendor) -> None:
    both = [{"type": kind} for kind in ("billing", "shipping")]
    source = "woocommerce" if target == "stripe" else "stripe"
    made = buyer(caller, source, addresses=[HOME | one for one in both])
    copy(caller, made, target)

    change(caller, made, addresses=[MOVED | one for one in both])
    copy(caller, made, target)

    addresses = caller.get(f"/v1/customers/{made['id']}?connection={target}").json()["addresses"]
    assert {one["type"]: one["line1"] for one in addresses} == dict.fromkeys(("billing", "shipping"), MOVED["line1"])


ONE_SLOT: Final = (
    ("hubspot", "freshdesk", "mobile"),
    ("hubspot", "salesforce", "mobile"),
    ("salesforce", "freshdesk", "work"),
    ("salesforce", "hubspot", "mobile"),
    ("salesforce", "zendesk", "mobile"),
    ("shopify", "freshdesk", "unknown"),
    ("shopify", "salesforce", "unknown"),
)


@pytest.mark.parametrize("has_email", [True, False])
@pytest.mark.parametrize(("source", "target", "kind"), ONE_SLOT)
def test_the_source_wins_the_one_slot_of_a_number(
    caller: Caller, source: Vendor, target: Vendor, kind: str, has_email: bool, tel: Numbers
) -> None:
    """Without an e-mail address, a number is essential: a copy that loses it is refused."""
    phones = [[{"e164": one, **({} if kind == "unknown" else {"type": kind})}] for one in tel]
    made = buyer(caller, source, phones=phones[0], **({} if has_email else {"emails": []}))
    there = copy(caller, made, target)
    stored = there["phones"][0]
    staff(caller, there, phones=[{"e164": tel[1], **_typed(stored)}])
    change(caller, made, phones=phones[2], first_name="Ines")

    again = copy(caller, made, target)

    assert [(one["e164"], one["type"]) for one in again["phones"]] == [(tel[2], stored["type"])]
    assert "Ines" in (again["first_name"] or again["display_name"])
    assert {"/phones/0", "/phones/1"}.isdisjoint(one["path"] for one in again["meta"].get("loss", ()))
    (event,) = until(lambda: conflicts(caller, made))
    assert event["data"]["fields"] == ["phones"]
    copy(caller, made, target)
    assert len(conflicts(caller, made)) == 1


def _typed(phone: dict[str, Any]) -> dict[str, str]:
    return {} if phone["type"] == "unknown" else {"type": phone["type"]}


def test_a_number_of_another_type_stays_beside_a_conflict(caller: Caller, tel: Numbers) -> None:
    made = buyer(caller, "hubspot", phones=[{"e164": tel[0], "type": "mobile"}])
    there = copy(caller, made, "freshdesk")
    desk = f"+4411748{tel[0][-5:]}"
    staff(caller, there, phones=[{"e164": desk, "type": "work"}, {"e164": tel[1], "type": "mobile"}])
    change(caller, made, phones=[{"e164": tel[2], "type": "mobile"}])
    assert sorted(numbers(copy(caller, made, "freshdesk"))) == sorted([desk, tel[2]])


@pytest.mark.parametrize(
    ("source", "target"),
    [("stripe", "hubspot"), ("stripe", "salesforce"), ("hubspot", "woocommerce"), ("woocommerce", "stripe")],
)
def test_the_source_wins_the_one_slot_of_an_address(caller: Caller, source: Vendor, target: Vendor) -> None:
    made = buyer(caller, source, addresses=[HOME], last_name=word())
    there = copy(caller, made, target)
    theirs = {name: there["addresses"][0][name] for name in HOME}
    staff(caller, there, addresses=[theirs | {"line1": "Lange Gasse 1"}])
    change(caller, made, addresses=[MOVED])

    again = copy(caller, made, target)

    assert [one["line1"] for one in again["addresses"]] == [MOVED["line1"]]
    (event,) = until(lambda: conflicts(caller, made))
    assert event["data"]["fields"] == ["addresses"]


def test_a_shop_with_many_places_keeps_both_addresses(caller: Caller) -> None:
    made = buyer(caller, "hubspot", addresses=[HOME])
    there = copy(caller, made, "shopify")
    theirs = {name: there["addresses"][0][name] for name in HOME if name != "type"}
    staff(caller, there, addresses=[theirs | {"line1": "Lange Gasse 1"}])
    change(caller, made, addresses=[MOVED])
    assert {one["line1"] for one in copy(caller, made, "shopify")["addresses"]} == {"Lange Gasse 1", MOVED["line1"]}


@pytest.mark.parametrize("target", ["salesforce", "stripe"])
def test_the_source_wins_the_one_slot_of_an_email(caller: Caller, target: Vendor) -> None:
    made = buyer(caller, other_than(target))
    there = copy(caller, made, target)
    staff(caller, there, emails=[{"address": f"{word()}@example.com"}])
    new = f"{word()}@example.com"
    change(caller, made, emails=[{"address": new}])
    again = copy(caller, made, target)
    assert [one["address"] for one in again["emails"]] == [new]
    assert not [one for one in again["meta"].get("loss", ()) if "/emails" in one["path"]]
    (event,) = until(lambda: conflicts(caller, made))
    assert event["data"]["fields"] == ["emails"]


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
