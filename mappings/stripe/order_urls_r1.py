"""The URLs that a checkout leads to. Custom fields with these vendor fields set them. They cannot be changed later."""

from typing import Final

from msgspec import UnsetType

from canonical.parts import CustomFieldPatch, CustomFieldSetting
from mappings.spec import Notes
from mappings.stripe.wire_2026_10_28 import CheckoutSession

URLS: Final = ("success_url", "cancel_url")
SCHEME: Final = "https://"
Fields = tuple[CustomFieldPatch, ...] | None | UnsetType


def urls_of(session: CheckoutSession) -> dict[str, str]:
    """Return the URLs of a checkout."""
    urls = {"success_url": session.success_url, "cancel_url": session.cancel_url}
    return {name: url for name, url in urls.items() if url is not None}


def others(settings: tuple[CustomFieldSetting, ...]) -> tuple[CustomFieldSetting, ...]:
    """Return the custom fields that are metadata."""
    return tuple(one for one in settings if one.vendor_field not in URLS)


def new(fields: Fields, settings: tuple[CustomFieldSetting, ...], notes: Notes) -> tuple[dict[str, str], Fields]:
    """Return the URLs of a new checkout, and the other custom fields."""
    keys = _keys(settings)
    urls: dict[str, str] = {}
    for place, field in enumerate(fields if isinstance(fields, tuple) else ()):
        if field.key not in keys or field.value is None:
            continue
        if isinstance(field.value, str) and field.value.startswith(SCHEME):
            urls[keys[field.key]] = field.value
        else:
            notes.invalid(f"/custom_fields/{place}/value", f"must be a URL that begins with {SCHEME}")
    return urls, _without(fields, keys)


def fixed(fields: Fields, settings: tuple[CustomFieldSetting, ...], urls: dict[str, str], notes: Notes) -> Fields:
    """Return the custom fields without the URLs. A URL may be sent back, but not changed."""
    keys = _keys(settings)
    for place, field in enumerate(fields if isinstance(fields, tuple) else ()):
        if field.key in keys and field.value != urls.get(keys[field.key]):
            notes.unsupported(f"/custom_fields/{place}", "Stripe accepts this only for a new checkout")
    return _without(fields, keys)


def _keys(settings: tuple[CustomFieldSetting, ...]) -> dict[str, str]:
    return {one.key: one.vendor_field for one in settings if one.vendor_field in URLS}


def _without(fields: Fields, keys: dict[str, str]) -> Fields:
    if not isinstance(fields, tuple):
        return fields
    return tuple(field for field in fields if field.key not in keys)
