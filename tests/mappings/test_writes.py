"""What any vendor's writes have in common: nothing sends nothing, no field is dropped in silence, every verb ends."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import FieldInfo, fields

from mappings.checks.golden import account_of, records
from mappings.coverage import coverage, enum_of, sample_of
from mappings.registry import VENDORS, AnyMapping, AnyVendor
from mappings.spec import Draft, Unmappable
from tests.shared_material import ROOT

WRITTEN = [
    (vendor, mapping)
    for vendor in VENDORS.values()
    for mapping in vendor.mappings
    if mapping.endpoints.create is not None or mapping.endpoints.update is not None
]
mappings = pytest.mark.parametrize(
    ("vendor", "mapping"), WRITTEN, ids=[f"{mapping.name}_r{mapping.revision}" for _, mapping in WRITTEN]
)
OTHERS = {"currency": "CHF", "presentment_currency": "CHF", "team": {"remote_id": "4"}}
"""Where the sample is what the account has anyway."""


def currents(vendor: AnyVendor, mapping: AnyMapping) -> Iterator[tuple[Any, Any]]:
    """Each golden record that can be changed: as it is held, and as it reads."""
    account = account_of(vendor, ROOT)
    for _, record in records(vendor, mapping, ROOT) if mapping.endpoints.update is not None else ():
        try:
            yield mapping.decode(record), mapping.read(record, account).data
        except Unmappable:
            continue


def drafted(vendor: AnyVendor, mapping: AnyMapping, current: Any, **body: Any) -> Draft[Any]:
    """A write, as a caller's JSON."""
    return mapping.to_vendor(msgspec.convert(body, mapping.patch), current, account_of(vendor, ROOT))


def leaves(value: Any) -> list[Any]:
    """Every value in a body that says something; flags of the mapping's own do not."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [leaf for one in inner for leaf in leaves(one)]
    return [] if value in (None, True, False) else [value]


def body_of(draft: Draft[Any]) -> Any:
    return msgspec.json.decode(msgspec.json.encode(draft.body))


def named(draft: Draft[Any]) -> set[str]:
    """The fields that are refused or changed on the way."""
    return {path.split("/")[1] for path in [one.pointer for one in draft.refused] + [one.path for one in draft.loss]}


@mappings
def test_a_write_of_nothing_sends_nothing(vendor: AnyVendor, mapping: AnyMapping) -> None:
    new = drafted(vendor, mapping, None)
    assert new.refused or new.loss or leaves(body_of(new)) == []
    for current, _ in currents(vendor, mapping):
        draft = drafted(vendor, mapping, current)

        assert (leaves(body_of(draft)), draft.refused, draft.loss) == ([], (), ())


def values_of(field: FieldInfo) -> list[Any]:
    """Every value of an enum or a boolean, and another than what is there for the rest."""
    if enum_of(field):
        return list(enum_of(field))
    sample = sample_of(field)
    return [True, False] if isinstance(sample, bool) else [OTHERS.get(field.name, sample)]


@mappings
def test_no_field_is_dropped_in_silence(vendor: AnyVendor, mapping: AnyMapping) -> None:
    """The field changes the request, is refused, is reported as a loss, or equals the record."""
    for current, data in [(None, None), *currents(vendor, mapping)]:
        nothing = drafted(vendor, mapping, current)
        if nothing.refused:
            continue  # a new record that needs more: what is sent along cannot be seen
        for field in fields(mapping.patch):
            values = [one for one in values_of(field) if one != getattr(data, field.name, None)]
            drafts = [drafted(vendor, mapping, current, **{field.encode_name: one}) for one in values]
            silent = [one for one in drafts if body_of(one) == body_of(nothing) and field.encode_name not in named(one)]
            # One value may be what every record there is: a person, active, not a test.
            assert len(silent) <= (len(values) > 1), field.name


@mappings
def test_a_field_without_a_place_is_unsupported(vendor: AnyVendor, mapping: AnyMapping) -> None:
    """docs/coverage lists them, and test_coverage.py checks that list."""
    places = {cell.field for cell in coverage(mapping) if cell.creates or cell.updates}
    nothing = drafted(vendor, mapping, None)
    for field in fields(mapping.patch):
        if field.name in places or enum_of(field):
            continue
        drafts = [drafted(vendor, mapping, None, **{field.encode_name: one}) for one in values_of(field)]
        refused = [one for draft in drafts for one in draft.refused if one not in nothing.refused]
        assert {one.kind for one in refused} == {"unsupported"}, field.name
        assert all(one.detail and f"{one.pointer}/".startswith(f"/{field.encode_name}/") for one in refused)


@mappings
def test_unknown_is_never_written(vendor: AnyVendor, mapping: AnyMapping) -> None:
    for field in fields(mapping.patch):
        if "unknown" in enum_of(field):
            draft = drafted(vendor, mapping, None, **{field.encode_name: "unknown"})
            assert f"/{field.encode_name}" in {one.pointer for one in draft.refused}, field.name


CREATED = {
    "freshdesk.comment comment": ("marker", "listed", 0, 0),
    "freshdesk.customer create": ("unique", "strong", 0, 0),
    "freshdesk.ticket create": ("marker", "listed", 0, 0),
    "hubspot.customer create": ("marker", "strong", 0, 0),
    "hubspot.order create": ("marker", "strong", 0, 0),
    "hubspot.ticket create": ("marker", "strong", 0, 0),
    "medusa.customer create": ("marker", "strong", 0, 0),
    "medusa.order create": ("marker", "listed", 0, 0),
    "rt.comment comment": ("marker", "listed", 0, 0),
    "rt.ticket create": ("marker", "listed", 0, 0),
    "salesforce.comment comment": ("marker", "listed", 0, 0),
    "salesforce.customer create": ("marker", "strong", 0, 0),
    "salesforce.customer upsert": ("unique", "none", 0, 0),
    "salesforce.order create": ("marker", "strong", 0, 0),
    "salesforce.ticket create": ("marker", "strong", 0, 0),
    "salesforce.ticket upsert": ("unique", "none", 0, 0),
    "shopify.customer create": ("marker", "strong", 0, 0),
    "shopify.order create": ("marker", "strong", 0, 0),
    "stripe.customer create": ("key", "listed", 86_400, 0),
    "stripe.order create": ("key", "listed", 86_400, 0),
    "woocommerce.customer create": ("marker", "strong", 0, 0),
    "woocommerce.order create": ("marker", "listed", 0, 0),
    "zendesk.comment comment": ("marker", "listed", 0, 0),
    "zendesk.customer create": ("marker", "strong", 0, 0),
    "zendesk.customer upsert": ("unique", "none", 0, 0),
    "zendesk.ticket create": ("key", "strong", 7_200, 0),
}
"""How a lost reply to a create is settled: by what, how sure that is, how long a key lives, how long a search lags."""


def test_every_verb_settles_a_lost_reply_as_it_is_documented() -> None:
    created, documented = {}, {name.partition(".")[0] for name in CREATED}
    for vendor, mapping in WRITTEN:
        if vendor.name not in documented:
            continue  # the check `settled` holds for any vendor
        for action, one in mapping.endpoints.recovery.items():
            if action in ("update", "archive", "cancel"):
                assert (one.by, one.strength) == ("state", "strong")
            else:
                created[f"{mapping.name} {action}"] = (one.by, one.strength, one.lifetime, one.search_lag)
    assert created == CREATED
