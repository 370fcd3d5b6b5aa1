"""Which of the shop's regions an order belongs to: Medusa asks for one, and callers know none."""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET, UnsetType

from canonical.order_patch import OrderPatch
from canonical.parts import AddressPatch
from mappings.medusa.wire_2_21 import Account, Region
from mappings.spec import Notes

NO_REGION: Final = "the shop has no regions, or the API key may not see them"


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
