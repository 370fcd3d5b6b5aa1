"""Options and custom fields of order lines. Shops store both as pairs of name and value on the line.

Among the custom fields of orders, those whose `vendor_field` begins with `line:` belong to the lines.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from canonical.order_patch import LineOptionPatch
from canonical.parts import CustomFieldSetting, Loss
from mappings.spec import Notes

SHIPPING: Final = "Shipping"
"""The title of a shipping charge that has none."""
LINE: Final = "line:"
NO_FIELDS: Final[Mapping[str, object]] = {}
HIDDEN: Final = "_"
"""Prefix of hidden names, a convention of plugins and apps at WooCommerce and Shopify."""


_EMPTY: Final = frozenset({b"null", b"[]", b"{}"})
_TEXT: Final = msgspec.json.Decoder(str)


@lru_cache(maxsize=64)
def of_lines(settings: tuple[CustomFieldSetting, ...]) -> tuple[CustomFieldSetting, ...]:
    """Return the fields of lines, without the prefix `line:`."""
    return tuple(
        replace(one, vendor_field=one.vendor_field.removeprefix(LINE))
        for one in settings
        if one.vendor_field.startswith(LINE)
    )


@lru_cache(maxsize=64)
def of_orders(settings: tuple[CustomFieldSetting, ...]) -> tuple[CustomFieldSetting, ...]:
    """Return the fields of the orders themselves."""
    return tuple(one for one in settings if not one.vendor_field.startswith(LINE))


def option_value(raw: Raw, path: str, loss: list[Loss]) -> str | None:
    """Return an option's JSON value as text, or None for an empty value. A list or an object stays JSON, with a loss.
    Raises ValueError for invalid text."""
    encoded = bytes(raw)
    if encoded[:1] == b'"':
        return _TEXT.decode(raw) or None
    if encoded in _EMPTY:
        return None
    if encoded[:1] in b"[{":
        loss.append(Loss(path=path, kind="coerced", detail="it has several values; they are returned as JSON"))
    return encoded.decode()


def options_by_name(
    options: tuple[LineOptionPatch, ...],
    kept: frozenset[str],
    title: str,
    pointer: str,
    notes: Notes,
    fields: Mapping[str, object] = NO_FIELDS,
) -> dict[str, str]:
    """Return the options of a new line, by name. `kept` are names that Lockstitch uses, `title` is the vendor's display
    name. The caller overwrites an option by the custom field of its name (`fields`): note the value that is lost."""
    by_name: dict[str, str] = {}
    for place, option in enumerate(options):
        if option.name in by_name:
            notes.unsupported(f"{pointer}/options/{place}", f"{title} keeps one option per name on a line")
        elif option.name in kept or option.name.startswith(HIDDEN):
            notes.unsupported(f"{pointer}/options/{place}", f"the name is reserved for internal use at {title}")
        else:
            by_name[option.name] = option.value
            if fields.get(option.name, option.value) != option.value:
                notes.lose(f"{pointer}/options/{place}", "dropped", "the custom field of this name is written")
    return by_name
