"""Every vendor that Lockstitch knows, and the active revision of each mapping."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any, Final, Generic, TypeVar

from canonical.parts import ObjectName
from mappings.csv import VENDOR as CSV
from mappings.lock import released
from mappings.manifest import Manifest, Vendor
from mappings.spec import VendorMapping
from mappings.webhook_senders import WEBHOOK_SENDERS
from mappings.webhooks import Scheme, unmapped

AnyVendor = Vendor[Any]
AnyMapping = VendorMapping[Any, Any, Any, Any, Any]
M = TypeVar("M", bound=Manifest)

CALLED: Final = ("freshdesk", "hubspot", "medusa", "rt", "salesforce", "shopify", "stripe", "woocommerce", "zendesk")


class _Manifests(Generic[M], Mapping[str, M]):
    """Those of `CALLED`, each imported when it is first read, and others."""

    def __init__(self, *others: M) -> None:
        self._others = {one.name: one for one in others}

    def __getitem__(self, name: str) -> M:
        if name not in CALLED:
            return self._others[name]
        manifest: M = import_module(f"mappings.{name}").VENDOR
        return manifest

    def __contains__(self, name: object) -> bool:
        return name in CALLED or name in self._others

    def __iter__(self) -> Iterator[str]:
        return iter((*CALLED, *self._others))

    def __len__(self) -> int:
        return len(CALLED) + len(self._others)


VENDORS: Final[Mapping[str, AnyVendor]] = _Manifests()
"""The vendors that Lockstitch calls."""

MANIFESTS: Final[Mapping[str, Manifest]] = _Manifests(*WEBHOOK_SENDERS, CSV)
"""Every vendor that a connection may name: those of `VENDORS`, the webhook senders, and CSV exports."""


def schemes() -> tuple[Scheme, ...]:
    """Return the schemes of all webhooks."""
    return tuple(dict.fromkeys(vendor.webhooks.scheme for vendor in MANIFESTS.values() if vendor.webhooks is not None))


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
    return None if not vendor.mappings or vendor.name not in VENDORS else _newest(vendor.name).get(object_name)


def is_released(mapping: AnyMapping) -> bool:
    """Return whether the revision is released and must not change."""
    return f"{mapping.name}@r{mapping.revision}" in released()


@cache
def _newest(vendor: str) -> Mapping[ObjectName, AnyMapping]:
    by_age = sorted(VENDORS[vendor].mappings, key=lambda mapping: (is_released(mapping), mapping.revision))
    return {mapping.object: mapping for mapping in by_age}
