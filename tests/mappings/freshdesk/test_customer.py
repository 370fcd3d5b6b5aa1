"""Contacts, both ways."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from canonical.customer import CustomerPatch
from mappings.freshdesk.customer_r1 import CUSTOMER
from mappings.freshdesk.wire_v2 import Account, Contact, ContactWrite
from mappings.kit.rails_time_zones import IANA, RAILS
from mappings.spec import Draft
from tests.mappings.drafts import lost, on_the_wire, refused

from .conftest import ACCOUNT, golden

CURRENT: Contact = CUSTOMER.decode(golden("customer-full"))


def drafted(body: dict[str, Any], current: Contact | None = CURRENT) -> Draft[ContactWrite]:
    """A write, as a caller's JSON."""
    return CUSTOMER.to_vendor(msgspec.convert(body, CustomerPatch), current, ACCOUNT)


def sent(body: dict[str, Any], current: Contact | None = CURRENT) -> dict[str, Any]:
    """What goes out for a write that is not refused."""
    draft = drafted(body, current)
    assert draft.refused == ()
    return on_the_wire(draft.body)


line = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
address = st.sampled_from(["ida@naht.example", "Ida.Morrow@naht.example", "werk@naht.example", "r@naht.example"])
emails = st.lists(address.map(lambda text: {"address": text}), max_size=3, unique_by=lambda one: one["address"].lower())
phones = st.lists(
    st.builds(
        lambda number, kind: {"e164": number, "type": kind},
        st.sampled_from(["+4930123456", "+41445550199"]),
        st.sampled_from(["work", "mobile"]),
    ),
    max_size=2,
    unique_by=lambda one: one["type"],
)
custom = st.fixed_dictionaries(
    {},
    optional={
        "length": st.one_of(st.none(), st.integers(-(2**40), 2**40), st.floats(-1e6, 1e6)),
        "stitches": st.lists(line, max_size=3),
        "renewal": st.one_of(st.none(), st.dates().map(str)),
        "newsletter": st.one_of(st.none(), st.booleans()),
        "tier": st.one_of(st.none(), line),
        "nickname": st.one_of(st.none(), line),
    },
).map(lambda fields: [{"key": key, "value": value} for key, value in fields.items()])
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "display_name": line,
    "job_title": st.one_of(st.none(), line),
    "emails": st.one_of(st.none(), emails),
    "phones": st.one_of(st.none(), phones),
    "addresses": st.one_of(st.none(), st.just([]), st.builds(lambda text: [{"line1": text}], line)),
    "language": st.sampled_from(["de", "en", "es-419", "pt-BR", "sv-SE", "zh-TW"]),
    "timezone": st.sampled_from(["Europe/Berlin", "Asia/Tokyo", "America/New_York", "Europe/Zurich"]),
    "notes": st.one_of(st.none(), line),
    "tags": st.one_of(st.none(), st.lists(line.filter(lambda text: "," not in text), max_size=4, unique=True)),
    "custom_fields": custom,
    "external_id": st.one_of(st.none(), line.filter(lambda text: not text.startswith("lockstitch:"))),
    "status": st.just("active"),
    "kind": st.just("person"),
}
patches = st.fixed_dictionaries({}, optional=FIELDS)


MEMBERS: dict[str, set[str]] = {
    "display_name": {"name"},
    "emails": {"email", "other_emails"},
    "phones": {"phone", "mobile"},
    "addresses": {"address"},
    "timezone": {"time_zone"},
    "notes": {"description"},
    "external_id": {"unique_external_id"},
    "status": set(),
    "kind": set(),
}


@given(body=patches)
def test_a_change_sends_what_was_asked_for_and_nothing_else(body: dict[str, Any]) -> None:
    may = set().union(*(MEMBERS.get(name, {name}) for name in body))

    assert set(sent(body)) <= may
    for name, value in body.items():
        assert set(sent({name: value})) <= MEMBERS.get(name, {name})


def test_null_clears() -> None:
    cleared = {"job_title": None, "notes": None, "external_id": None, "addresses": None, "phones": None, "tags": None}

    assert sent(cleared) == {
        "job_title": None,
        "description": None,
        "unique_external_id": None,
        "address": None,
        "phone": None,
        "mobile": None,
        "tags": [],
    }
    assert sent({"emails": None}) == {"email": None, "other_emails": []}


def test_what_freshdesk_always_has_cannot_be_cleared() -> None:
    for name in ("display_name", "language", "timezone"):
        assert refused(drafted({name: None})) == {f"/{name}": "invalid"}


def test_addresses_are_sent_where_they_differ() -> None:
    addresses = [{"address": f"{name}@faden.example"} for name in ("livia.keller", "werkstatt", "rechnung")]

    assert sent({"emails": addresses}) == {}
    assert sent({"emails": addresses[:1]}) == {"other_emails": []}
    assert sent(
        {"emails": [addresses[0] | {"is_primary": False}, addresses[1] | {"is_primary": True}, addresses[2]]}
    ) == {
        "email": "werkstatt@faden.example",
        "other_emails": ["livia.keller@faden.example", "rechnung@faden.example"],
    }
    # A list does not tell the further addresses, so they are sent.
    assert sent({"emails": addresses}, replace(CURRENT, other_emails=msgspec.UNSET)) == {
        "other_emails": ["werkstatt@faden.example", "rechnung@faden.example"]
    }


def test_numbers_have_one_place_each() -> None:
    two = [{"e164": "+4930123456"}, {"raw": "030 99", "type": "work"}]

    assert refused(drafted({"phones": two})) == {"/phones/0": "unsupported"}
    assert refused(drafted({"phones": [{"e164": "+4930123456", "type": "fax"}]})) == {"/phones/0": "unsupported"}
    home = drafted({"phones": [{"raw": "030 98", "type": "home"}, {"raw": "0171 9", "type": "mobile"}]})
    assert (home.body.phone, home.body.mobile, home.refused) == ("030 98", "0171 9", ())
    assert lost(home) == {"/phones/0/type": "coerced"}
    assert refused(drafted({"phones": [{"e164": "030"}]})) == {"/phones/0/e164": "invalid"}
    assert refused(drafted({"phones": [{}]})) == {"/phones/0": "invalid"}
    assert lost(drafted({"phones": [{"e164": "+4930123456"}]})) == {"/phones/0/type": "defaulted"}
    assert sent({"phones": [{"raw": "030 99", "type": "mobile"}]}) == {"phone": None, "mobile": "030 99"}


def test_an_address_that_is_sent_back_as_it_was_read_keeps_its_lines() -> None:
    read_address = CUSTOMER.to_canonical(CURRENT, ACCOUNT).data.addresses[0]
    same = {"line1": read_address.line1, "line2": read_address.line2}

    assert drafted({"addresses": [same]}).body.address == CURRENT.address == "Webergasse 7\n2. Stock\n8001 Zürich"
    assert (
        drafted({"addresses": [same | {"line1": "Marktplatz 1"}]}).body.address == "Marktplatz 1\n2. Stock, 8001 Zürich"
    )


def test_an_address_is_one_text() -> None:
    whole = {"line1": "Webergasse 7", "city": "Zürich", "postal_code": "8001", "country_code": "CH"}
    draft = drafted({"addresses": [whole]})

    assert draft.refused == ()
    assert draft.body.address == "Webergasse 7\nZürich\n8001\nCH"
    assert lost(draft) == {f"/addresses/0/{name}": "coerced" for name in ("city", "postal_code", "country_code")}
    address = {"line1": "x", "name": "Ann", "company": "Lee", "phone": "1", "type": "billing"}
    assert refused(drafted({"addresses": [address]})) == {
        "/addresses/0/name": "unsupported",
        "/addresses/0/company": "unsupported",
        "/addresses/0/phone": "unsupported",
    }
    several = drafted({"addresses": [address, {"line1": "y"}, {"line1": "z", "type": "home", "is_default": True}]})
    assert several.body.address == "z"
    assert lost(several) == {"/addresses/0": "dropped", "/addresses/1": "dropped", "/addresses/2/type": "coerced"}
    assert refused(drafted({"addresses": [{}]})) == {"/addresses/0": "unsupported"}


def test_a_new_contact_needs_a_name_and_finds_one() -> None:
    assert lost(drafted({"emails": [{"address": "a@b.example"}]}, None)) == {"/display_name": "defaulted"}
    two = drafted({"first_name": "Ida", "last_name": "Morrow"}, None)
    assert two.refused == ()
    assert lost(two) == {"/first_name": "coerced", "/last_name": "coerced"}
    assert two.body.name == "Ida Morrow"
    company = drafted({"kind": "organization", "company_name": "Faden AG"}, None)
    assert (company.body.name, refused(company)) == ("Faden AG", {"/kind": "unsupported"})
    assert lost(company) == {"/company_name": "coerced"}
    assert refused(drafted({"display_name": " "}, None)) == {"/display_name": "invalid"}


def test_a_deleted_contact_is_not_restored_by_a_write() -> None:
    gone = CUSTOMER.decode(golden("customer-deleted"))

    assert refused(drafted({"status": "active"}, gone)) == {"/status": "unsupported"}
    assert CUSTOMER.to_canonical(gone, ACCOUNT).data.status == "archived"


def test_a_mark_of_ours_is_no_key_of_the_callers() -> None:
    assert refused(drafted({"external_id": "lockstitch:op_1"})) == {"/external_id": "invalid"}
    assert refused(drafted({"external_id": " x"})) == {"/external_id": "invalid"}


def test_tags_that_freshdesk_would_change_are_written_with_a_loss() -> None:
    draft = drafted({"tags": ["a,b", "x" * 33, "  ", "vip", "vip", " neu "]})

    assert refused(draft) == {"/tags/2": "invalid"}
    assert lost(draft) == {"/tags/0": "coerced", "/tags/1": "truncated", "/tags/5": "coerced"}
    assert draft.body.tags == ("a b", "x" * 32, "vip", "neu")


@pytest.mark.parametrize(
    ("tag", "code"),
    [("en-US", "en"), ("de-CH", "de"), ("pt", "pt-BR"), ("zh-Hant-HK", "zh-TW"), ("zh-SG", "zh-CN"), ("nb", "nb-NO")],
)
def test_the_nearest_language_is_stored(tag: str, code: str) -> None:
    draft = drafted({"language": tag})
    assert sent({"language": tag}) == {"language": code}
    assert [(one.path, one.kind) for one in draft.loss] == [("/language", "coerced")]


def test_a_language_that_freshdesk_lacks_is_unsupported() -> None:
    assert refused(drafted({"language": "sw"})) == {"/language": "unsupported"}


def test_languages_and_zones_have_names_of_their_own() -> None:
    assert sent({"language": "ja", "timezone": "Europe/Kyiv"}) == {"language": "ja-JP", "time_zone": "Kyiv"}
    assert refused(drafted({"language": "klingon-x"})) == {"/language": "invalid"}
    assert refused(drafted({"timezone": "Mars/Olympus"})) == {"/timezone": "invalid"}
    assert refused(drafted({"timezone": "America/Nassau"})) == {"/timezone": "unsupported"}
    assert all(IANA[name] == zone for zone, name in RAILS.items() if zone != "Europe/Kyiv")


def test_a_contact_is_read_without_any_facts_about_the_account() -> None:
    assert CUSTOMER.to_canonical(CURRENT, Account()).data.custom_fields == ()
