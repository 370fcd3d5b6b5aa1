"""Metafields of customers and orders: the caller's key, the marker and configured custom fields."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, UnsetType

from canonical.parts import CustomFieldSetting
from mappings.shopify import custom_fields
from mappings.shopify.requests import EXTERNAL_ID, NAMESPACE, metafield_key
from mappings.shopify.wire_2026_07 import Metafields, MetafieldValue, Order
from mappings.shopify.wire_inputs_2026_07 import MetafieldInput

OURS: Final = "lockstitch:"
"""The prefix of a marker in the field of the caller's key. It is not a caller's key."""
UNIQUE: Final = "id"
TEXT: Final = custom_fields.METAFIELD_TYPE["string"]
LONG_TEXT: Final = "multi_line_text_field"


class Change(Struct, frozen=True, kw_only=True):
    """Metafields to set, and those to remove as (namespace, key)."""

    set: tuple[MetafieldInput, ...] = ()
    cleared: tuple[tuple[str, str], ...] = ()


def external_id(stored: MetafieldValue | None) -> str | None:
    """Return the caller's key, None if there is none."""
    value = None if stored is None else stored.value
    return None if not value or value.startswith(OURS) else value


def by_field(stored: Metafields | None) -> dict[str, str | None]:
    """Return the values of metafields by `namespace.key`, as in the configuration."""
    return {} if stored is None else {f"{field.namespace}.{field.key}": field.value for field in stored.nodes}


def of_order(order: Order) -> dict[str, str | None]:
    """Return the values of an order's metafields and attributes. Names of attributes have no dot."""
    return {pair.key: pair.value for pair in order.custom_attributes} | by_field(order.metafields)


def unique(key: str, value: str) -> MetafieldInput:
    """Return one of Lockstitch's two metafields, whose values are unique in the shop."""
    return MetafieldInput(namespace=NAMESPACE, key=key, type=UNIQUE, value=value)


def change(
    external: str | None | UnsetType,
    named: Mapping[CustomFieldSetting, str | None | UnsetType] | None,
    settings: tuple[CustomFieldSetting, ...],
    stored: Metafields | None,
    stored_external: MetafieldValue | None,
) -> Change:
    """Return the changes to metafields. `named` are the custom fields of the patch, None if it has none. Arrays are
    replaced as a whole, so a configured field that is not in the patch is removed from the record."""
    set_: list[MetafieldInput] = []
    cleared: list[tuple[str, str]] = []
    if isinstance(external, str):
        set_.append(unique(EXTERNAL_ID, external))
    elif external is None and stored_external is not None:
        cleared.append((NAMESPACE, EXTERNAL_ID))
    types = {} if stored is None else {f"{field.namespace}.{field.key}": field.type for field in stored.nodes}
    for setting in () if named is None else settings:
        place, text = metafield_key(setting.vendor_field), (named or {}).get(setting)
        if place is None or isinstance(text, UnsetType):
            continue
        if text is not None:
            kind = types.get(setting.vendor_field) or _type_of(setting, text)
            set_.append(MetafieldInput(namespace=place[0], key=place[1], type=kind, value=text))
        elif setting.vendor_field in types:
            cleared.append(place)
    return Change(set=tuple(set_), cleared=tuple(cleared))


def _type_of(setting: CustomFieldSetting, text: str) -> str:
    kind = custom_fields.METAFIELD_TYPE[setting.type]
    return LONG_TEXT if kind == TEXT and "\n" in text else kind
