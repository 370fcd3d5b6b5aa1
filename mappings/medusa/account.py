"""What is asked of a shop before anything else: its regions and its ways of shipping."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.medusa.wire_2_21 import Account, Region, Shipping
from mappings.spec import decode

MANY: Final = "1000"
REGIONS: Final = "/admin/regions"
SHIPPING: Final = "/admin/shipping-options"
REQUESTS: Final = (
    VendorRequest(
        method="GET",
        path=REGIONS,
        route=REGIONS,
        query=(("fields", "id,name,currency_code,countries.iso_2"), ("limit", MANY)),
    ),
    VendorRequest(method="GET", path=SHIPPING, route=SHIPPING, query=(("fields", "id,name"), ("limit", MANY))),
)


class _Country(Struct, frozen=True, kw_only=True):
    iso_2: str


class _Region(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    currency_code: str
    countries: tuple[_Country, ...] | None = None


class _Regions(Struct, frozen=True, kw_only=True):
    regions: tuple[_Region, ...]


class _Options(Struct, frozen=True, kw_only=True):
    shipping_options: tuple[Shipping, ...]


def build_account(
    replies: tuple[VendorReply | None, ...], custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]
) -> Account:
    """The account from the answers to REQUESTS; one that could not be had leaves its part empty.

    Raises VendorDrift where an answer has another shape.
    """
    regions, options = replies if len(replies) == len(REQUESTS) else (None, None)
    return Account(
        regions=() if regions is None else tuple(map(_region, decode(regions.body, _Regions).regions)),
        shipping_options=() if options is None else decode(options.body, _Options).shipping_options,
        custom_fields=dict(custom_fields),
    )


def _region(told: _Region) -> Region:
    return Region(
        id=told.id,
        name=told.name,
        currency_code=told.currency_code,
        countries=tuple(country.iso_2 for country in told.countries or ()),
    )
