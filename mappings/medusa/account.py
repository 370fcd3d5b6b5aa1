"""The facts about a shop: its regions and its ways of shipping. Medusa asks for a region, and callers know none."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from canonical.order_patch import OrderPatch
from canonical.parts import AddressPatch, CustomFieldSetting, ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.medusa.wire_2_21 import Account, Region, Shipping
from mappings.spec import Notes, decode

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


def region_for(patch: OrderPatch, account: Account, notes: Notes) -> str | UnsetType:
    """The region that sells to the address's country, in the currency that was sent: the only one that is left. Where
    there is none, or more than one, that is told with what there is."""
    fitting = account.regions
    if not fitting:
        notes.invalid("/currency", NO_REGION)
        return UNSET
    for pointer, country in _countries(patch):
        fitting = tuple(region for region in fitting if country.lower() in region.countries)
        if not fitting:
            notes.invalid(pointer, f"no region of the shop sells there; there are: {_told(account.regions)}")
            return UNSET
        break
    if isinstance(patch.currency, str):
        wanted = patch.currency.lower()
        fitting = tuple(region for region in fitting if region.currency_code == wanted)
        if not fitting:
            notes.invalid("/currency", f"no such region of the shop sells in it; there are: {_told(account.regions)}")
            return UNSET
    if len(fitting) > 1:
        detail = f"several regions of the shop would do ({_told(fitting)}): send a country, or another currency"
        notes.invalid("/currency", detail)
        return UNSET
    return fitting[0].id


def _countries(patch: OrderPatch) -> Iterator[tuple[str, str]]:
    """The country of the parcel, else that of the bill."""
    for pointer, address in (("shipping", patch.shipping_address), ("billing", patch.billing_address)):
        if isinstance(address, AddressPatch) and address.country_code:
            yield f"/{pointer}_address/country_code", address.country_code


def _told(regions: tuple[Region, ...]) -> str:
    return "; ".join(
        f"{region.name}, {region.currency_code.upper()}, {' '.join(region.countries).upper() or 'no country'}"
        for region in regions
    )
