"""Every vendor that Lockstitch knows, and the active revision of each mapping."""

from dataclasses import replace
from typing import Any, Final

from canonical.parts import ObjectName
from mappings.csv import VENDOR as CSV
from mappings.freshdesk import VENDOR as FRESHDESK
from mappings.hubspot import VENDOR as HUBSPOT
from mappings.lock import released
from mappings.manifest import Manifest, Vendor
from mappings.medusa import VENDOR as MEDUSA
from mappings.rt import VENDOR as RT
from mappings.salesforce import VENDOR as SALESFORCE
from mappings.shopify import VENDOR as SHOPIFY
from mappings.spec import VendorMapping
from mappings.stripe import VENDOR as STRIPE
from mappings.webhook_senders import WEBHOOK_SENDERS
from mappings.webhooks import Scheme, unmapped
from mappings.woocommerce import VENDOR as WOOCOMMERCE
from mappings.zendesk import VENDOR as ZENDESK

AnyVendor = Vendor[Any]
AnyMapping = VendorMapping[Any, Any, Any, Any, Any]

VENDORS: Final[dict[str, AnyVendor]] = {
    vendor.name: vendor
    for vendor in (FRESHDESK, HUBSPOT, MEDUSA, RT, SALESFORCE, SHOPIFY, STRIPE, WOOCOMMERCE, ZENDESK)
}
"""The vendors that Lockstitch calls."""

MANIFESTS: Final[dict[str, Manifest]] = {**VENDORS, **{intake.name: intake for intake in (*WEBHOOK_SENDERS, CSV)}}
"""Every vendor that a connection may name: those of `VENDORS`, the webhook senders, and CSV exports."""

SCHEMES: Final[tuple[Scheme, ...]] = tuple(
    dict.fromkeys(vendor.webhooks.scheme for vendor in MANIFESTS.values() if vendor.webhooks is not None)
)
"""The schemes of all webhooks."""


def manifest_of(vendor: str, *, only_takes_webhooks: bool) -> Manifest:
    """Return the manifest for a connection at this vendor. For a connection without credentials that only receives
    webhooks, return a manifest without mappings. Raises KeyError for an unknown vendor."""
    manifest = MANIFESTS[vendor]
    if not only_takes_webhooks or manifest.webhooks is None:
        return manifest
    return Manifest(
        name=manifest.name,
        title=manifest.title,
        docs=manifest.docs,
        webhooks=replace(manifest.webhooks, notice=unmapped),
        remote_id=manifest.remote_id,
    )


def objects_of(vendor: str) -> tuple[ObjectName, ...]:
    """Return the objects whose data this vendor's records and webhooks may hold, even if it only sends webhooks.
    Return all objects for an unknown vendor, none for a vendor without mappings."""
    if vendor not in MANIFESTS:
        return ("customer", "order", "ticket")
    return tuple(sorted({mapping.object for mapping in MANIFESTS[vendor].mappings} - {"comment"}))


def mapping_of(vendor: Manifest, object_name: ObjectName, revision: int) -> AnyMapping | None:
    """Return one revision. None if the vendor lacks the object or the revision."""
    for mapping in vendor.mappings:
        if mapping.object == object_name and mapping.revision == revision:
            return mapping
    return None


def active(vendor: Manifest, object_name: ObjectName) -> AnyMapping | None:
    """Return the revision to use unless a route selects another: the newest released one, or the newest if none is
    released. None if the manifest has no mapping of the object."""
    return None if not vendor.mappings else _ACTIVE.get((vendor.name, object_name))


def is_released(mapping: AnyMapping) -> bool:
    """Return whether the revision is released and must not change."""
    return f"{mapping.name}@r{mapping.revision}" in released()


def _newest() -> dict[tuple[str, ObjectName], AnyMapping]:
    newest: dict[tuple[str, ObjectName], AnyMapping] = {}
    for vendor in VENDORS.values():
        for mapping in sorted(vendor.mappings, key=lambda mapping: (is_released(mapping), mapping.revision)):
            newest[vendor.name, mapping.object] = mapping
    return newest


_ACTIVE: Final = _newest()
