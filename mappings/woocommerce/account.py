"""The settings of a shop that mappings need: its currency, its number of decimals, and whether it adds taxes."""

from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct

from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import VendorReply
from mappings.kit.rest import get
from mappings.spec import decode
from mappings.woocommerce.requests import API
from mappings.woocommerce.wire_v3 import NOTHING, Account

SETTINGS: Final = f"{API}/settings/general"
REQUESTS: Final = (get(SETTINGS),)
CURRENCY: Final = "woocommerce_currency"
DECIMALS: Final = "woocommerce_price_num_decimals"
TAXES: Final = "woocommerce_calc_taxes"
MOST_DECIMALS: Final = 9


class _Setting(Struct, frozen=True, kw_only=True):
    id: str
    value: Raw = NOTHING


def build_account(
    replies: tuple[VendorReply | None, ...], custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]
) -> Account:
    """Return the account from the answer to REQUESTS. The settings stay unknown if the key may not read them.

    Raises VendorDrift if the answer has another shape.
    """
    (reply,) = replies or (None,)
    if reply is None:
        return Account(custom_fields=dict(custom_fields))
    settings = {setting.id: setting.value for setting in decode(reply.body, tuple[_Setting, ...])}
    currency = decode(settings[CURRENCY], str) if CURRENCY in settings else None
    decimals = decode(settings[DECIMALS], str | int) if DECIMALS in settings else None  # type: ignore[arg-type]
    taxes = decode(settings[TAXES], str) == "yes" if TAXES in settings else None
    return Account(
        custom_fields=dict(custom_fields), currency=currency, decimals=_count(decimals), calculates_taxes=taxes
    )


def _count(decimals: str | int | None) -> int | None:
    """Return the number in a setting, which is text that a person typed."""
    text = str(decimals).strip()
    return min(int(text), MOST_DECIMALS) if text.isdecimal() and len(text) <= 2 else None
