"""The body that a person would write by hand is accepted by every vendor that creates the object, and a customer read
at one vendor goes over to any other."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from canonical.parts import ObjectName
from mappings.checks.golden import account_of, cases
from mappings.checks.sent_back import patch_of
from mappings.golden_writes import NOTHING
from mappings.registry import VENDORS, active
from mappings.spec import Draft
from tests.required import required
from tests.shared_material import ROOT

CUSTOMER = {"emails": [{"address": "ann.lee@example.com"}]}
LINE = {"name": "Mug", "sku": "MUG-1", "quantity": "2", "unit_price": "5.00"}
ORDER = {"currency": "EUR", "customer": {"email": "ann.lee@example.com"}, "line_items": [LINE]}
TICKET = {
    "subject": "The foot is stuck",
    "description": "It does not move.",
    "requester": {"email": "ann.lee@example.com", "name": "Ann Lee"},
}
BODIES: dict[ObjectName, tuple[Any, ...]] = {
    "customer": (
        {**CUSTOMER, "first_name": "Ann", "last_name": "Lee"},
        {**CUSTOMER, "display_name": "Ann Lee"},
        {**CUSTOMER, "display_name": "Ann"},
        CUSTOMER | {"kind": "person", "status": "active", "tax_exemption": "none", "first_name": "Ann"},
    ),
    "order": (
        ORDER,
        ORDER | {"status": "open", "tax_inclusive": False, "presentment_currency": "EUR", "is_test": False},
    ),
    "ticket": (TICKET,),
}
RESOLVED = {
    # Salesforce's orders name records only: a contact, and an entry of a price book for each line.
    ("salesforce", "order"): {
        "customer": {"email": "ann.lee@example.com", "remote_id": "003dM00001aBcDeQAK"},
        "line_items": [LINE | {"product": {"variant_remote_id": "01udM00001aBcDeQAK"}}],
    }
}


def reading(object_name: ObjectName) -> list[str]:
    """The vendors whose records of this object are read."""
    return [vendor for vendor, one in VENDORS.items() if active(one, object_name) is not None]


def creating(object_name: ObjectName) -> list[str]:
    """Those of them that also create one. A vendor may only read."""
    endpoints = {vendor: required(active(VENDORS[vendor], object_name)).endpoints for vendor in reading(object_name)}
    return [vendor for vendor, one in endpoints.items() if one.create is not None]


CREATED = [pytest.param(vendor, name, id=f"{vendor}-{name}") for name in BODIES for vendor in creating(name)]


def drafted(vendor: str, object_name: Any, body: dict[str, Any], *, with_custom_fields: bool = True) -> Draft[Any]:
    mapping, account = active(VENDORS[vendor], object_name), account_of(VENDORS[vendor], ROOT)
    assert mapping is not None
    if not with_custom_fields:
        account = replace(account, custom_fields={})
    return mapping.to_vendor(msgspec.convert(body, mapping.patch), None, account)


@pytest.mark.parametrize(("vendor", "object_name"), CREATED)
def test_the_hand_written_minimum_is_accepted(vendor: str, object_name: ObjectName) -> None:
    for body in BODIES[object_name]:
        assert drafted(vendor, object_name, body | RESOLVED.get((vendor, object_name), {})).refused == (), body


@pytest.mark.parametrize("vendor", creating("customer"))
def test_a_name_is_written_in_either_form(vendor: str) -> None:
    """Both forms write the same, and each that was changed on the way is a loss of its own field. A vendor
    with one name keeps no parts, whether the whole is sent with them or not."""
    in_parts, whole, one_word, _ = (drafted(vendor, "customer", body) for body in BODIES["customer"])
    both = drafted(vendor, "customer", BODIES["customer"][0] | {"display_name": "Ann Lee"})

    assert in_parts.body == whole.body == both.body
    assert one_word.body != drafted(vendor, "customer", CUSTOMER).body
    names = {"/display_name", "/first_name", "/last_name"}
    bridged = [{one.path for one in draft.loss if one.path in names} for draft in (in_parts, whole)]
    assert bridged in ([set(), {"/display_name"}], [{"/first_name", "/last_name"}, set()])
    assert {one.kind for draft in (in_parts, whole) for one in draft.loss if one.path in names} == {"coerced"}
    assert {one.path for one in both.loss if one.path in names} == bridged[0]


def carried(vendor: str, object_name: ObjectName) -> list[dict[str, Any]]:
    """The golden records of a vendor as a caller sends them on: without what is empty, unknown or read-only."""
    mapping = required(active(VENDORS[vendor], object_name))
    patches = []
    for case in cases(VENDORS[vendor], ROOT):
        mapped = msgspec.json.decode(case.expected) if case.object == object_name else []
        for one in mapped if isinstance(mapped, list) else [mapped]:
            body = {name: value for name, value in one["data"].items() if value not in (*NOTHING, "unknown")}
            patch = {name: sent for name, value in body.items() if (sent := _sent(mapping, name, value)) is not None}
            patches.append(patch)
    return patches


def _sent(mapping: Any, name: str, value: Any) -> Any:
    if name not in mapping.patch.__struct_fields__:
        return None
    patch = patch_of(mapping, name, value)
    return None if patch is None else msgspec.to_builtins(patch)[name]


CARRIED = [(vendor, body) for vendor in reading("customer") for body in carried(vendor, "customer")]
NAMING = {"assignee", "team", "company", "parent", "followers", "orders"}
NAMES = {"display_name", "first_name", "last_name"}


@given(st.sampled_from(CARRIED), st.sampled_from(creating("customer")), st.data())
def test_a_customer_goes_from_any_vendor_to_any_other(
    read: tuple[str, dict[str, Any]], target: str, data: st.DataObject
) -> None:
    source, body = read
    if source == target:
        return
    kept = {name: value for name, value in body.items() if name in NAMES | {"emails"} or data.draw(st.booleans())}
    draft = drafted(target, "customer", kept, with_custom_fields=False)

    refused = {one.pointer: one for one in draft.refused}
    if "emails" not in kept and target == "woocommerce":
        # The one thing that a shop's customer needs and that cannot be derived.
        assert refused.pop("/emails").detail == "a WooCommerce customer always has an e-mail address"
    for pointer in ("/owner", "/owner/remote_id"):  # references are resolved before
        refused.pop(pointer, None)
    assert {one.kind for one in refused.values()} <= {"unsupported"}, refused
    assert not {pointer.split("/")[1] for pointer in refused} & NAMES
    primary = next((place for place, one in enumerate(kept.get("emails", ())) if one.get("is_primary")), 0)
    assert not {f"/emails/{primary}", f"/emails/{primary}/address"} & set(refused)


@pytest.mark.parametrize("source", reading("ticket"))
@pytest.mark.parametrize("target", creating("ticket"))
def test_a_ticket_goes_from_any_vendor_to_any_other(source: str, target: str) -> None:
    """Without references by a vendor's id, which are resolved before. A ticket that says nothing says something here,
    and spam has no near status."""
    for read in carried(source, "ticket") if source != target else ():
        body = {name: value for name, value in read.items() if name not in NAMING}
        body |= {"requester": {"email": "ann.lee@example.com", "name": "Ann Lee"}}
        if not body.keys() & {"description", "description_html"}:
            body |= {"description": "It is stuck."}
        draft = drafted(target, "ticket", body, with_custom_fields=False)

        refused = {one.pointer: one.kind for one in draft.refused}
        if body.get("status") in ("spam", "deleted"):
            refused.pop("/status", None)
        assert set(refused.values()) <= {"unsupported"}, refused
        names = {pointer.split("/")[1] for pointer in refused}
        assert names <= {"due_at", "tags", "channel", "external_id", "custom_fields", "type"}
        assert "type" not in names or target == "rt"
