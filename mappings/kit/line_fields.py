"""Options and custom fields of an order's lines, which shops keep alike: as pairs of a name and a value with the line.

Among the settings of orders, one whose `vendor_field` begins with `line:` is of their lines.
"""

from functools import lru_cache
from typing import Final

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from canonical.order_patch import LineOptionPatch
from canonical.parts import CustomFieldSetting, Loss
from mappings.spec import Notes

LINE: Final = "line:"
HIDDEN: Final = "_"
"""How a name begins that people are not shown, as plugins and apps have agreed upon at WooCommerce and Shopify."""


_NOTHING: Final = frozenset({"null", '""', "[]", "{}"})


@lru_cache(maxsize=64)
def of_lines(settings: tuple[CustomFieldSetting, ...]) -> tuple[CustomFieldSetting, ...]:
    """The fields of lines, each by the name that it has there."""
    return tuple(
        replace(one, vendor_field=one.vendor_field.removeprefix(LINE))
        for one in settings
        if one.vendor_field.startswith(LINE)
    )


@lru_cache(maxsize=64)
def of_orders(settings: tuple[CustomFieldSetting, ...]) -> tuple[CustomFieldSetting, ...]:
    """The fields of the orders themselves."""
    return tuple(one for one in settings if not one.vendor_field.startswith(LINE))


def option_value(raw: Raw, path: str, loss: list[Loss]) -> str | None:
    """The text of JSON that stands for an option; None for nothing. What is no single value stands as its JSON, which
    is told. Raises ValueError for text that is none."""
    told = bytes(raw).decode()
    if told in _NOTHING:
        return None
    if told[0] in "[{":
        loss.append(Loss(path=path, kind="coerced", detail="this is more than one value, and stands as its JSON"))
    return msgspec.json.decode(raw, type=str) if told.startswith('"') else told


def options_by_name(
    options: tuple[LineOptionPatch, ...], kept: frozenset[str], title: str, pointer: str, notes: Notes
) -> dict[str, str]:
    """What a new line is to have, by name. `kept` are names of ours, `title` is what people call the vendor."""
    told: dict[str, str] = {}
    for place, option in enumerate(options):
        if option.name in told:
            notes.unsupported(f"{pointer}/options/{place}", f"{title} keeps one option of a name with a line")
        elif option.name in kept or option.name.startswith(HIDDEN):
            notes.unsupported(f"{pointer}/options/{place}", f"the name is for internal use at {title}, and not shown")
        else:
            told[option.name] = option.value
    return told
