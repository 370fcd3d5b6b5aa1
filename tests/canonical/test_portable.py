"""What was read can be written: output-only members go, and nothing is cleared by accident."""

import re
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from msgspec import UNSET, Struct

from canonical.classes import ESSENTIAL, is_essential
from canonical.customer import (
    Consent,
    ConsentPatch,
    Customer,
    CustomerPatch,
    EmailPatch,
)
from canonical.order_patch import LineItemPatch, OrderPatch
from canonical.output_only import strip_output
from canonical.parts import CustomFieldPatch, ProductReferencePatch, ReferencePatch
from canonical.portable import kept_back, merged, origin_of, without_clearing
from canonical.references import at_target, with_source
from canonical.ticket import FollowerPatch, TicketPatch

GOLDENS: Final = sorted((Path(__file__).parents[1] / "mappings").glob("*/fixtures/*.out.json"))
PATCHES: Final[dict[str, type[Struct]]] = {"customer": CustomerPatch, "order": OrderPatch, "ticket": TicketPatch}


def resources() -> list[Any]:
    """Every golden resource, with the Struct of a write of its object."""
    cases = []
    for file in GOLDENS:
        kind = re.match("(customer|order|ticket)", file.name)
        golden = msgspec.json.decode(file.read_bytes())
        if kind is not None and isinstance(golden, dict) and "data" in golden:
            cases.append(pytest.param(golden["data"], PATCHES[kind[1]], id=f"{file.parts[-3]} {file.name}"))
    return cases


@pytest.mark.parametrize(("data", "patch"), resources())
def test_every_resource_that_is_read_can_be_sent(data: Any, patch: type[Struct]) -> None:
    stripped, ignored = strip_output(data, patch)
    sent = msgspec.convert(stripped, patch)
    assert without_clearing(without_clearing(sent)) == without_clearing(sent)
    assert [way for way in ignored if len(way) == 1]
    left = msgspec.to_builtins(without_clearing(sent))
    assert not [name for name, value in left.items() if value in (None, [], ())]


def test_members_that_nobody_knows_are_left_for_the_decoder() -> None:
    stripped, ignored = strip_output({"id": "x", "nmae": 1, "emails": [{"address": "a", "adress": 1}]}, CustomerPatch)
    assert stripped == {"nmae": 1, "emails": [{"address": "a", "adress": 1}]}
    assert ignored == [["id"]]


@pytest.mark.parametrize("part", ["first_name", "last_name"])
def test_an_only_name_that_the_record_has_as_its_other_part_is_not_added(part: str) -> None:
    """A system with one name does not say which of the two it was."""
    other = "last_name" if part == "first_name" else "first_name"

    def sent(**names: str) -> CustomerPatch:
        return msgspec.convert(names, CustomerPatch)

    stored = msgspec.convert({other: "Ada"}, Customer)
    assert merged(sent(**{part: "Ada"}), stored) == CustomerPatch()
    assert [(one.path, one.kind) for one in kept_back(sent(**{part: "Ada"}), stored)] == [(f"/{part}", "coerced")]
    for patch, record in ((sent(**{part: "Lee"}), stored), (sent(first_name="Ada", last_name="Ada"), stored)):
        assert merged(patch, record) == patch
        assert not [*kept_back(patch, record)]


def test_a_consent_of_unknown_state_is_not_sent() -> None:
    consents = (ConsentPatch(channel="email", state="unknown"), ConsentPatch(channel="sms", state="opted_out"))
    assert without_clearing(CustomerPatch(consents=consents)).consents == consents[1:]
    assert without_clearing(CustomerPatch(consents=consents[:1])).consents is UNSET


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_blank_texts_clear_nothing(blank: str | None) -> None:
    fields = (CustomFieldPatch(key="tier", value=blank), CustomFieldPatch(key="size", value="M"))
    left = without_clearing(CustomerPatch(job_title=blank, last_name="Lee", custom_fields=fields))
    assert (left.job_title, left.last_name, left.custom_fields) == (UNSET, "Lee", fields[1:])
    assert without_clearing(CustomerPatch(custom_fields=fields[:1])).custom_fields is UNSET


@pytest.mark.parametrize(
    ("before", "sent", "left"),
    [
        ("opted_out", "never", UNSET),
        ("opted_in", "pending", UNSET),
        ("opted_out", "opted_in", ("opted_in", "opted_out")),
        ("opted_in", "opted_out", ("opted_out", "opted_out")),
        ("never", "pending", ("pending", "opted_out")),
    ],
)
def test_only_a_decision_replaces_a_decision(before: Any, sent: Any, left: Any) -> None:
    stored = Customer(consents=(Consent(channel="email", state=before), Consent(channel="sms", state="opted_out")))
    consents = merged(CustomerPatch(consents=(ConsentPatch(channel="email", state=sent),)), stored).consents
    assert (tuple(one.state for one in consents) if isinstance(consents, tuple) else consents) == left


def test_a_name_may_be_unknown() -> None:
    assert without_clearing(CustomerPatch(last_name="unknown")).last_name == "unknown"
    assert without_clearing(CustomerPatch(status="unknown")).status is UNSET


def test_ids_of_another_vendor_go_and_are_reported() -> None:
    ticket = TicketPatch(
        assignee=ReferencePatch(remote_id="7"),
        followers=(FollowerPatch(remote_id="8"), FollowerPatch(remote_id="9", email="a@b.de")),
    )
    patch, loss = at_target(with_source(ticket, "zendesk"), "freshdesk")
    assert (patch.assignee, patch.followers) == (UNSET, (FollowerPatch(email="a@b.de"),))
    assert [one.path for one in loss] == ["/assignee", "/followers"]
    line = LineItemPatch(
        name="Mug", quantity="1", unit_price="5.00", product=ProductReferencePatch(variant_remote_id="77"), sku="MUG"
    )
    order, loss = at_target(with_source(OrderPatch(line_items=(line,)), "shopify"), "woocommerce")
    assert order.line_items == (LineItemPatch(name="Mug", quantity="1", unit_price="5.00", sku="MUG"),)
    assert [one.kind for one in loss] == ["coerced"]


@pytest.mark.parametrize("meta", [None, [], {}, {"connection": 1, "loss": [1, {"path": 2}], "unsupported": [None]}])
def test_a_meta_that_is_none_says_nothing(meta: Any) -> None:
    origin = origin_of(meta)
    assert (origin.connection, origin.missing) == (None, frozenset())


def test_a_meta_names_its_connection_and_what_is_missing() -> None:
    loss = [{"path": "/notes", "kind": "truncated"}, {"path": "/emails/0", "kind": "coerced"}]
    origin = origin_of({"connection": "shopify", "loss": loss, "unsupported": ["job_title"]})
    assert (origin.connection, origin.missing) == ("shopify", frozenset({"notes", "job_title"}))


ADA: Final = CustomerPatch(
    emails=(EmailPatch(address="a@example.com"), EmailPatch(address="b@example.com", is_primary=True)),
    consents=(ConsentPatch(channel="email", state="opted_out"), ConsentPatch(channel="sms", state="opted_in")),
    status="active",
    company_name="Lee",
)


@pytest.mark.parametrize(
    ("pointer", "traits", "essential"),
    [
        ("/first_name", (), True),
        ("/job_title", (), False),
        ("/emails", (), True),
        ("/emails/0/address", (), False),
        ("/emails/1/address", (), True),
        ("/emails/1/type", (), False),
        ("/company_name", (), False),
        ("/status", (), False),
        ("/consents/0", (), False),
        ("/consents/0", ("markets",), True),
        ("/consents/1", ("markets",), False),
        ("/external_id", (), False),
    ],
)
def test_classes_depend_on_the_value_and_the_vendor(pointer: str, traits: tuple[Any, ...], essential: bool) -> None:
    assert is_essential(ADA, pointer, frozenset(traits)) is essential
    assert is_essential(ADA, "/external_id", frozenset(traits), "external_id")


def test_every_essential_field_has_a_rule() -> None:
    for patch, names in ESSENTIAL.items():
        assert names <= set(patch.__struct_fields__)
