"""Descriptions of mappings and dry runs in the OpenAPI document."""

from typing import Any, Final

from msgspec import Struct

from app.revisions.mapping_routes import CanaryOrder, RouteOrder, ShadowOrder
from app.revisions.models import Canary, Shadow
from app.revisions.views import CanaryView, DifferenceView, MappingView, RevisionView, RouteView, ShadowView
from app.writes.dry_run import DraftedWrite, WouldSend

REVISION: Final = ("The revision.", "2")
CONNECTION: Final = ("The connection.", '"hubspot"')

NAMES: Final = {
    "MappingView": "Mapping",
    "RevisionView": "Revision",
    "RouteView": "Route",
    "ShadowView": "Comparison",
    "DifferenceView": "Difference",
    "CanaryView": "Weighing",
}
TEXTS: Final[dict[type[Struct], dict[str, tuple[str, str | None]]]] = {
    MappingView: {
        "name": ("The vendor and the object.", '"hubspot.customer"'),
        "revisions": ("All revisions in this version of Lockstitch, oldest first.", None),
        "routes": ("The route at each connection that uses the mapping.", None),
    },
    RevisionView: {
        "revision": ("The revision's number.", "2"),
        "released": ("Whether it is released. A released revision never changes.", "true"),
        "vendor_api": ("The version of the vendor's API that it reads.", '"v3"'),
    },
    RouteView: {
        "connection": CONNECTION,
        "active": ("The active revision.", "1"),
        "pinned": (
            "Whether it stays active when an update adds a newer one. Otherwise the newest released revision is"
            " active.",
            "true",
        ),
        "previous": ("The revision that was active before. A rollback returns to it.", "2"),
        "shadow": ("The revision compared with the active one; null for none.", None),
        "canary": ("The revision that answers for a share of the records; null for none.", None),
        "note": (
            "Why a canary was withdrawn automatically.",
            '"withdrawn by itself: 3 refused more, r2 against r1 on the last 41 records"',
        ),
        "changed_by": ("Who changed the route last.", '"key:0198f0a2b7c4"'),
        "changed_at": ("When it was changed.", '"2026-05-01T09:30:00Z"'),
        "comparisons": ("Results of shadows since they began.", None),
        "weighings": ("Results of canaries since they began.", None),
    },
    Shadow: {"revision": REVISION, "sample_rate": ("The share of records and drafts to compare.", "0.1")},
    Canary: {
        "revision": REVISION,
        "share": ("The share of records that it answers.", "0.1"),
        "since": ("When it began.", '"2026-05-01T09:30:00Z"'),
    },
    ShadowView: {
        "active": ("The active revision.", "1"),
        "shadow": ("The revision compared with it.", "2"),
        "compared": ("Number of records and drafts compared.", "1204"),
        "differing": ("How many of them differ.", "37"),
        "dropped": ("How many were sampled but dropped, because too many waited.", "0"),
        "first_at": ("The first comparison.", '"2026-05-01T09:30:00Z"'),
        "last_at": ("The last comparison.", '"2026-05-01T11:00:00Z"'),
        "differences": ("Differences by path, the most frequent first.", None),
    },
    DifferenceView: {
        "passing": ("Whether the difference is in a read or in a request that would be sent.", '"read"'),
        "path": (
            "JSON Pointer into the resource or the vendor's body, `*` for items of a list. Empty if one of the two"
            " refuses the whole record.",
            '"/emails/*"',
        ),
        "count": ("Number of occurrences.", "37"),
        "first_seen": ("The first occurrence.", '"2026-05-01T09:30:00Z"'),
        "last_seen": ("The last occurrence.", '"2026-05-01T11:00:00Z"'),
        "samples": (
            "The results of both for one record. Enum values of the canonical model are shown; everything else is"
            " masked,"
            " letters as x and digits as 0. A side without a value is absent.",
            '[{"active": "unknown", "shadow": "opted_out"}]',
        ),
    },
    CanaryView: {
        "active": ("The active revision.", "1"),
        "canary": ("The canary revision.", "2"),
        "weighed": ("Number of records and drafts compared.", "41"),
        "refused": ("How many of them the canary refused.", "3"),
        "refused_by_active": ("How many of them the active revision refuses.", "0"),
        "lost_more": ("For how many the canary lost more.", "0"),
        "lost_less": ("For how many the canary lost less.", "12"),
    },
    RouteOrder: {
        "connection": CONNECTION,
        "active": ("The revision to activate; null follows the newest released one.", "2"),
        "shadow": ("The revision to compare with it; null ends the comparison.", None),
        "canary": ("The revision to answer for a share of the records; null ends the canary.", None),
    },
    ShadowOrder: {"revision": REVISION, "sample_rate": ("The share to compare, above 0 to 1.", "0.1")},
    CanaryOrder: {"revision": REVISION, "share": ("The share of records, above 0 to 1.", "0.1")},
    DraftedWrite: {
        "dry_run": ("Always true: nothing was sent.", "true"),
        "connection": CONNECTION,
        "mapping": ("The revision that drafted the request.", None),
        "action": ("The resulting verb.", '"update"'),
        "remote_id": ("The record that would change; null for a new record.", '"1051"'),
        "request": ("The request that would be sent.", None),
        "loss": ("The loss that it would cause.", None),
    },
    WouldSend: {
        "method": ("The HTTP method.", '"PATCH"'),
        "path": ("Path and query at the vendor.", '"/crm/v3/objects/contacts/1051"'),
        "body": ("The body; as JSON if it is JSON.", '{"properties": {"jobtitle": "Potter"}}'),
    },
}
"""Description and example of every field."""

LISTED: Final = {"MappingList": ("Mapping", "Every mapping.")}

BODIES: Final[dict[str, Any]] = {
    "RouteOrder": {"connection": "hubspot", "shadow": {"revision": 2, "sample_rate": 0.1}},
}
