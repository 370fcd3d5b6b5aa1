"""Against the vendor's own material, where it is at hand: recorded answers are understood or refused with the place."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from canonical.parts import ObjectName
from emulators.salesforce.schema import SOBJECTS
from mappings.salesforce import VENDOR
from mappings.salesforce.account import build_account
from mappings.salesforce.requests import body_of
from mappings.salesforce.search import READ
from mappings.salesforce.wire_v62 import KEY, MARKER, Account, CaseFields, ContactFields
from mappings.spec import Unmappable
from tests.shared_material import sample_names

from .conftest import MAPPINGS, reply

# What lies in the folder and holds no record of the object, and where that shows.
REFUSED = {
    "account/account-ampersand-comma.json": "$.attributes.type",
    "account/account-direct-customer.json": "$.attributes.type",
    "account/query-accounts-first-page-more.json": "$.records[0].attributes.type",
    "contact/ui-api-getrecord-contact.json": "$.apiName",
    "error/expired-session-response.json": "$[0]",
    "error/write-error-response.json": "$[0]",
    "query/get-updated-success-response.json": "$.ids",
    "query/query-paginated-first-page-response.json": "$.records[0].attributes.type",
    "query/query-success-response.json": "$.records[0].attributes.type",
    "upsert/create-success-response.json": "$.success",
    "upsert/upsert-created-success-response.json": "$.success",
}
OBJECTS: dict[str, ObjectName] = {"case": "ticket", "order": "order"}


@pytest.mark.parametrize("name", sample_names("salesforce"))
def test_a_recorded_answer_is_understood_or_refused_with_the_place(name: str, shared: Path) -> None:
    payload = (shared / "vendor-samples" / "salesforce" / name).read_bytes()
    mapping = MAPPINGS[OBJECTS.get(name.partition("/")[0], "customer")]

    if name in REFUSED:
        with pytest.raises(Unmappable) as refusal:
            VENDOR.unwrap(payload, mapping.object)
        assert refusal.value.path == REFUSED[name]
        return
    mapped = [mapping.read(raw, Account()) for raw in VENDOR.unwrap(payload, mapping.object)]

    assert mapped
    for one in mapped:
        assert len(one.remote.id) == 18
        assert one.data.created_at is not None
        assert msgspec.json.decode(msgspec.json.encode(one.data), type=mapping.model) == one.data


def test_recorded_refusals_have_their_kinds(shared: Path) -> None:
    folder = shared / "vendor-samples" / "salesforce" / "error"
    expired = VENDOR.refusal(reply((folder / "expired-session-response.json").read_bytes(), 401))
    wrong = VENDOR.refusal(reply((folder / "write-error-response.json").read_bytes(), 400))

    assert expired is not None
    assert wrong is not None
    assert (expired.kind, wrong.kind, wrong.code) == ("auth", "rejected", "INVALID_FIELD")


@pytest.mark.parametrize("payload", [b"<soapenv:Envelope/>", b"[]", b"7", b"nope", b"{}", b'{"compositeResponse":[]}'])
def test_what_holds_no_record_is_refused_with_a_reason(payload: bytes) -> None:
    with pytest.raises(Unmappable) as refusal:
        VENDOR.unwrap(payload, "customer")
    assert refusal.value.reason


@pytest.mark.parametrize("sobject", ["Contact", "Case", "Order"])
def test_every_field_that_is_asked_for_exists(sobject: str, shared: Path) -> None:
    listed = json.loads((shared / "vendor-specs" / "salesforce" / f"{sobject}.fields.json").read_text())["fields"]
    later = {"HasOptedOutOfEmail", "DoNotCall", "CurrencyIsoCode", "MasterRecordId", "BillToContactId"}
    asked = {name for name in READ[sobject] if "." not in name and not name.endswith("CountryCode")}

    assert asked - later - set(listed) <= {"IsEmailBounced"}
    assert {name for name in SOBJECTS[sobject].fields if "__c" not in name} - set(listed) - later <= {
        "RecordTypeId",
        "ShipToContactId",
    }


@pytest.mark.parametrize(("sobject", "fields"), [("Contact", ContactFields), ("Case", CaseFields)])
def test_every_field_that_is_written_may_be(sobject: str, fields: Any, shared: Path) -> None:
    described = json.loads((shared / "vendor-specs" / "salesforce" / f"{sobject}.describe.json").read_text())["fields"]
    writable = {field["name"] for field in described if field["createable"] and field["updateable"]}
    optional = {KEY, MARKER, "CurrencyIsoCode", "HasOptedOutOfEmail", "DoNotCall"}

    assert {name for name in fields.__struct_encode_fields__ if not name.endswith("CountryCode")} - optional <= writable


def test_a_recorded_description_makes_an_account(shared: Path) -> None:
    folder = shared / "vendor-specs" / "salesforce"
    contact, case = (reply((folder / f"{name}.describe.json").read_bytes()) for name in ("Contact", "Case"))
    account = build_account((contact, case, None, None, None, None), {})

    assert account.picklists["Case.Priority"] == ("High", "Medium", "Low")
    assert not account.has("Contact", KEY)
    draft = MAPPINGS["ticket"].to_vendor(msgspec.convert({"priority": "low"}, MAPPINGS["ticket"].patch), None, account)
    assert body_of(draft.body) == {"Priority": "Low"}
