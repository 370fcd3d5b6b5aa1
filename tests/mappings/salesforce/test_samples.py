"""What the vendor says of its own API, where it is at hand: recorded refusals, fields, descriptions."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from emulators.salesforce.schema import SOBJECTS
from mappings.salesforce import VENDOR
from mappings.salesforce.account import build_account
from mappings.salesforce.requests import body_of
from mappings.salesforce.search import READ
from mappings.salesforce.wire_v62 import KEY, MARKER, CaseFields, ContactFields
from tests.mappings.drafts import reply
from tests.required import required

from .conftest import MAPPINGS


def test_recorded_refusals_have_their_kinds(shared: Path) -> None:
    folder = shared / "vendor-samples" / "salesforce" / "error"
    expired = required(VENDOR.refusal(reply((folder / "expired-session-response.json").read_bytes(), 401)))
    wrong = required(VENDOR.refusal(reply((folder / "write-error-response.json").read_bytes(), 400)))

    assert (expired.kind, wrong.kind, wrong.code) == ("auth", "rejected", "INVALID_FIELD")


@pytest.mark.parametrize("sobject", ["Contact", "Case", "Order"])
def test_every_field_that_is_asked_for_exists(sobject: str, shared: Path) -> None:
    listed = json.loads((shared / "vendor-specs" / "salesforce" / f"{sobject}.fields.json").read_text())["fields"]
    later = {"HasOptedOutOfEmail", "DoNotCall", "CurrencyIsoCode", "MasterRecordId", "BillToContactId"}
    names_read = {name for name in READ[sobject] if "." not in name and not name.endswith(("CountryCode", "StateCode"))}

    assert names_read - later - set(listed) <= {"IsEmailBounced"}
    assert {name for name in SOBJECTS[sobject].fields if "__c" not in name} - set(listed) - later <= {
        "RecordTypeId",
        "ShipToContactId",
    }


@pytest.mark.parametrize(("sobject", "fields"), [("Contact", ContactFields), ("Case", CaseFields)])
def test_every_field_that_is_written_may_be(sobject: str, fields: Any, shared: Path) -> None:
    described = json.loads((shared / "vendor-specs" / "salesforce" / f"{sobject}.describe.json").read_text())["fields"]
    writable = {field["name"] for field in described if field["createable"] and field["updateable"]}
    optional = {KEY, MARKER, "CurrencyIsoCode", "HasOptedOutOfEmail", "DoNotCall"}

    assert {
        name for name in fields.__struct_encode_fields__ if not name.endswith(("CountryCode", "StateCode"))
    } - optional <= writable


def test_a_recorded_description_makes_an_account(shared: Path) -> None:
    folder = shared / "vendor-specs" / "salesforce"
    contact, case = (reply((folder / f"{name}.describe.json").read_bytes()) for name in ("Contact", "Case"))
    account = build_account((contact, case, None, None, None, None), {})

    assert account.picklists["Case.Priority"] == ("High", "Medium", "Low")
    assert not account.has("Contact", KEY)
    draft = MAPPINGS["ticket"].to_vendor(msgspec.convert({"priority": "low"}, MAPPINGS["ticket"].patch), None, account)
    assert body_of(draft.body) == {"Priority": "Low"}
