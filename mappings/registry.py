"""Every vendor that Lockstitch knows, and which revision of a mapping is at work."""

from dataclasses import replace
from typing import Any, Final

from canonical.parts import ObjectName
from mappings.csv import VENDOR as CSV
from mappings.freshdesk import VENDOR as FRESHDESK
from mappings.hubspot import VENDOR as HUBSPOT
from mappings.lock import released
from mappings.medusa import VENDOR as MEDUSA
from mappings.rt import VENDOR as RT
from mappings.salesforce import VENDOR as SALESFORCE
from mappings.shopify import VENDOR as SHOPIFY
from mappings.spec import Manifest, Vendor, VendorMapping
from mappings.stripe import VENDOR as STRIPE
from mappings.webhook_senders import WEBHOOK_SENDERS
from mappings.webhooks import unmapped
from mappings.woocommerce import VENDOR as WOOCOMMERCE
from mappings.zendesk import VENDOR as ZENDESK

AnyVendor = Vendor[Any]
AnyMapping = VendorMapping[Any, Any, Any, Any, Any]

VENDORS: Final[dict[str, AnyVendor]] = {
    vendor.name: vendor
    for vendor in (FRESHDESK, HUBSPOT, MEDUSA, RT, SALESFORCE, SHOPIFY, STRIPE, WOOCOMMERCE, ZENDESK)
}
"""Those that Lockstitch calls."""

MANIFESTS: Final[dict[str, Manifest]] = {**VENDORS, **{intake.name: intake for intake in (*WEBHOOK_SENDERS, CSV)}}
"""All that a connection may name: those, the ones whose webhooks it takes and nothing else, and uploaded exports."""


def manifest_of(vendor: str, *, only_takes_webhooks: bool) -> Manifest:
    """What a connection at this vendor is: all that the vendor is; or an intake of its webhooks, of which nothing is
    mapped, where there is nothing to call it with. Raises KeyError for a vendor that there is not."""
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
    """The objects whose data this vendor's records and webhooks may hold, also where nothing but its webhooks is taken.
    All of them for a vendor that there is not; none for one of which nothing is mapped."""
    if vendor not in MANIFESTS:
        return ("customer", "order", "ticket")
    return tuple(sorted({mapping.object for mapping in MANIFESTS[vendor].mappings} - {"comment"}))


def mapping_of(vendor: Manifest, object_name: ObjectName, revision: int) -> AnyMapping | None:
    """One revision, or None where the vendor has no such object or the revision does not exist."""
    for mapping in vendor.mappings:
        if mapping.object == object_name and mapping.revision == revision:
            return mapping
    return None


def active(vendor: Manifest, object_name: ObjectName) -> AnyMapping | None:
    """The revision that is active where no route says otherwise: the newest released one, or the newest of an object
    that has none released yet. None where the vendor has no such object; an intake has none."""
    return None if not vendor.mappings else _ACTIVE.get((vendor.name, object_name))


def is_released(mapping: AnyMapping) -> bool:
    """Whether the revision is held to what it was when it was released."""
    return f"{mapping.name}@r{mapping.revision}" in released()


def _newest() -> dict[tuple[str, ObjectName], AnyMapping]:
    newest: dict[tuple[str, ObjectName], AnyMapping] = {}
    for vendor in VENDORS.values():
        for mapping in sorted(vendor.mappings, key=lambda mapping: (is_released(mapping), mapping.revision)):
            newest[vendor.name, mapping.object] = mapping
    return newest


_ACTIVE: Final = _newest()
