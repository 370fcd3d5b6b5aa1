"""The facts about a shop: regions and shipping options. Medusa needs a region for an order, and callers know none."""

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from canonical.order_patch import OrderPatch
from canonical.parts import AddressPatch, CustomFieldSetting, ObjectName
from mappings.http import VendorReply
from mappings.kit.rest import get
from mappings.medusa.wire_2_21 import Account, Region, Shipping
from mappings.spec import Notes, decode

MANY: Final = "1000"
REGIONS: Final = "/admin/regions"
SHIPPING: Final = "/admin/shipping-options"
REQUESTS: Final = (
    get(REGIONS, ("fields", "id,name,currency_code,countries.iso_2"), ("limit", MANY)),
    get(SHIPPING, ("fields", "id,name"), ("limit", MANY)),
)
NO_REGION: Final = "the shop has no regions, or the API key may not see them"


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
    """Return the account from the replies to REQUESTS. A failed request leaves its part empty.

    Raises VendorDrift for a reply of another shape.
    """
    regions, options = replies if len(replies) == len(REQUESTS) else (None, None)
    return Account(
        regions=() if regions is None else tuple(map(_region, decode(regions.body, _Regions).regions)),
        shipping_options=() if options is None else decode(options.body, _Options).shipping_options,
        custom_fields=dict(custom_fields),
    )


def _region(region: _Region) -> Region:
    return Region(
        id=region.id,
        name=region.name,
        currency_code=region.currency_code,
        countries=tuple(country.iso_2 for country in region.countries or ()),
    )


def region_for(patch: OrderPatch, account: Account, notes: Notes) -> str | UnsetType:
    """Return the first region that sells to the country of the address, in the currency of the order. If there is none,
    refuse the order and list the regions."""
    fitting = account.regions
    if not fitting:
        notes.invalid("/currency", NO_REGION)
        return UNSET
    place = _country(patch)
    if place is not None:
        pointer, country = place
        fitting = tuple(region for region in fitting if country.lower() in region.countries)
        if not fitting:
            notes.invalid(pointer, f"no region of the shop serves this country; regions: {_listed(account.regions)}")
            return UNSET
    if isinstance(patch.currency, str):
        wanted = patch.currency.lower()
        fitting = tuple(region for region in fitting if region.currency_code == wanted)
        if not fitting:
            notes.invalid(
                "/currency",
                f"no region of the shop for this order uses this currency; regions: {_listed(account.regions)}",
            )
            return UNSET
    if len(fitting) > 1 and not isinstance(patch.currency, str):
        notes.invalid("/currency", f"several regions of the shop match ({_listed(fitting)}): send the currency")
        return UNSET
    if len(fitting) > 1:
        detail = f"the order is in the shop's first region that matches, {fitting[0].name}: send a country for another"
        notes.lose("/shipping_address/country_code", "defaulted", detail)
    return fitting[0].id


def _country(patch: OrderPatch) -> tuple[str, str] | None:
    """Return the country of the shipping address, else of the billing address, with its pointer."""
    for name in ("shipping_address", "billing_address"):
        address = getattr(patch, name)
        if isinstance(address, AddressPatch) and address.country_code:
            return f"/{name}/country_code", address.country_code
    return None


def _listed(regions: tuple[Region, ...]) -> str:
    return "; ".join(
        f"{region.name}, {region.currency_code.upper()}, {' '.join(region.countries).upper() or 'no country'}"
        for region in regions
    )
