"""The coverage says what the mappings do: no more, no less."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import fields

from mappings.coverage import coverage, offered_filters, unsupported, writable_values
from mappings.coverage_table import PAGE, render
from mappings.registry import VENDORS
from mappings.spec import VendorMapping

AnyMapping = VendorMapping[Any, Any, Any, Any, Any]
MAPPINGS: list[AnyMapping] = [mapping for vendor in VENDORS.values() for mapping in vendor.mappings]
ENVELOPE = {"id", "ticket_id", "meta", "raw"}


@pytest.fixture(params=MAPPINGS, ids=lambda mapping: f"{mapping.name}_r{mapping.revision}")
def mapping(request: pytest.FixtureRequest) -> AnyMapping:
    """Every mapping of every vendor."""
    return request.param


def of(name: str) -> AnyMapping:
    """One mapping by its name."""
    return next(mapping for mapping in MAPPINGS if mapping.name == name)


def row(name: str, field: str) -> tuple[bool, bool, bool]:
    """Whether a field is read, written on a create, changed on an update."""
    entry = next(cell for cell in coverage(of(name)) if cell.field == field)
    return entry.reads, entry.creates, entry.updates


def test_what_an_upsert_finds_a_look_up_finds_too(mapping: AnyMapping) -> None:
    endpoints = mapping.endpoints
    assert {*endpoints.find, *endpoints.upsert} <= set(offered_filters(mapping))
    assert endpoints.list is not None or not endpoints.filters | endpoints.sorts


def test_the_page_is_what_the_mappings_do() -> None:
    assert PAGE.read_text("utf-8") == render()


def test_every_field_of_the_model_has_a_row(mapping: AnyMapping) -> None:
    named = {field.name for field in fields(mapping.model) if not field.name.endswith("_raw")} - ENVELOPE
    assert {cell.field for cell in coverage(mapping)} == named


def test_what_is_not_read_is_what_meta_calls_unsupported(mapping: AnyMapping) -> None:
    assert unsupported(mapping) == tuple(cell.field for cell in coverage(mapping) if not cell.reads)


def test_what_cannot_be_patched_is_never_writable(mapping: AnyMapping) -> None:
    patchable = {field.name for field in fields(mapping.patch)}
    writable = {cell.field for cell in coverage(mapping) if cell.creates or cell.updates}
    assert writable <= patchable
    assert bool(writable) == (mapping.endpoints.create is not None or mapping.endpoints.update is not None)


def test_every_value_that_is_offered_is_taken(mapping: AnyMapping) -> None:
    """`invalid-field` lists these values: each of them has to pass."""
    for field in fields(mapping.patch):
        for value in writable_values(mapping, field.name):
            patch = msgspec.convert({field.name: value}, mapping.patch)
            draft = mapping.to_vendor(patch, None, mapping.account())
            assert [refusal for refusal in draft.refused if refusal.pointer.startswith(f"/{field.name}")] == []


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [
        ("hubspot.customer", "emails", (True, True, True)),
        ("hubspot.customer", "lead_source", (True, False, False)),
        ("hubspot.customer", "tags", (False, False, False)),
        ("hubspot.ticket", "requester", (True, True, False)),
        ("shopify.customer", "order_stats", (True, False, False)),
        ("shopify.order", "line_items", (True, True, False)),
        ("shopify.order", "tags", (True, True, True)),
        ("zendesk.ticket", "description", (True, True, False)),
        ("zendesk.ticket", "description_html", (False, True, False)),
        ("zendesk.comment", "body_text", (True, True, False)),
    ],
)
def test_known_facts(name: str, field: str, expected: tuple[bool, bool, bool]) -> None:
    assert row(name, field) == expected


@pytest.mark.parametrize(
    ("name", "field", "values"),
    [
        ("hubspot.customer", "kind", ("person",)),
        ("zendesk.customer", "status", ("active", "blocked")),
        ("zendesk.comment", "visibility", ("public", "private")),
        ("shopify.customer", "tax_exemption", ("none", "exempt", "reverse_charge")),
        ("shopify.customer", "first_name", ()),
        ("shopify.customer", "no_such_field", ()),
    ],
)
def test_values_that_can_be_written(name: str, field: str, values: tuple[str, ...]) -> None:
    assert writable_values(of(name), field) == values
