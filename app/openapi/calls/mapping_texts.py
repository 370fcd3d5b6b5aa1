"""What the OpenAPI document says of mappings as operators see them, and of dry runs."""

from typing import Any, Final

from msgspec import Struct

from app.revisions.mapping_routes import CanaryOrder, RouteOrder, ShadowOrder
from app.revisions.models import Canary, Shadow
from app.revisions.views import CanaryView, DifferenceView, MappingView, RevisionView, RouteView, ShadowView
from app.writes.dry_run import DraftedWrite, WouldSend

REVISION: Final = ("Which revision.", "2")
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
        "revisions": ("All that this version of Lockstitch has, oldest first.", None),
        "routes": ("Each connection that uses it.", None),
    },
    RevisionView: {
        "revision": ("Its number.", "2"),
        "released": ("A released one never changes.", "true"),
        "vendor_api": ("The version of the vendor's API that it understands.", '"v3"'),
    },
    RouteView: {
        "connection": CONNECTION,
        "active": ("The revision that answers.", "1"),
        "pinned": ("Whether it stays when an update brings a newer one; else the newest released is active.", "true"),
        "previous": ("What was active before, and a rollback goes back to.", "2"),
        "shadow": ("What is compared with the active one; null for nothing.", None),
        "canary": ("What answers for a share of the records; null for nothing.", None),
        "note": (
            "Why a canary came back by itself.",
            '"withdrawn by itself: 3 refused more, r2 against r1 on the last 41 records"',
        ),
        "changed_by": ("Who has decided last.", '"key:0198f0a2b7c4"'),
        "changed_at": ("When.", '"2026-05-01T09:30:00Z"'),
        "comparisons": ("What shadows have found since they began.", None),
        "weighings": ("How canaries have done since they began.", None),
    },
    Shadow: {"revision": REVISION, "sample_rate": ("The share of what passes that is compared.", "0.1")},
    Canary: {
        "revision": REVISION,
        "share": ("The share of the records that it answers for.", "0.1"),
        "since": ("When it began.", '"2026-05-01T09:30:00Z"'),
    },
    ShadowView: {
        "active": ("The revision that answered.", "1"),
        "shadow": ("The one that was compared with it.", "2"),
        "compared": ("Records and drafts that were compared.", "1204"),
        "differing": ("How many of them differed.", "37"),
        "dropped": ("How many were sampled but let go, as others waited.", "0"),
        "first_at": ("The first one.", '"2026-05-01T09:30:00Z"'),
        "last_at": ("The last one.", '"2026-05-01T11:00:00Z"'),
        "differences": ("By path, the most frequent first.", None),
    },
    DifferenceView: {
        "passing": ("In what was read, or in what would be sent.", '"read"'),
        "path": (
            "JSON Pointer into the resource or the vendor's body, `*` for the places of a list; empty where one of the"
            " two refuses the whole.",
            '"/emails/*"',
        ),
        "count": ("How often.", "37"),
        "first_seen": ("When first.", '"2026-05-01T09:30:00Z"'),
        "last_seen": ("When last.", '"2026-05-01T11:00:00Z"'),
        "samples": (
            "What each of the two made of one record: words of the canonical model as they are, all else with letters"
            " as x and digits as 0. A side that has nothing there is absent.",
            '[{"active": "unknown", "shadow": "opted_out"}]',
        ),
    },
    CanaryView: {
        "active": ("The revision that it is weighed against.", "1"),
        "canary": ("The one that answered.", "2"),
        "weighed": ("Records and drafts of both.", "41"),
        "refused": ("How many of them it refused.", "3"),
        "refused_by_active": ("How many of them the active one refuses.", "0"),
        "lost_more": ("With how many it lost more.", "0"),
        "lost_less": ("With how many it lost less.", "12"),
    },
    RouteOrder: {
        "connection": CONNECTION,
        "active": ("The revision that is to answer; null follows the newest that is released.", "2"),
        "shadow": ("What is to be compared with it; null ends that.", None),
        "canary": ("What is to answer for a share; null ends that.", None),
    },
    ShadowOrder: {"revision": REVISION, "sample_rate": ("The share of what passes, above 0 to 1.", "0.1")},
    CanaryOrder: {"revision": REVISION, "share": ("The share of the records, above 0 to 1.", "0.1")},
    DraftedWrite: {
        "dry_run": ("Nothing was sent.", "true"),
        "connection": CONNECTION,
        "mapping": ("The revision that drafted it.", None),
        "action": ("The verb that it comes down to.", '"update"'),
        "remote_id": ("The record that would change; null for a new one.", '"1051"'),
        "request": ("What would be sent.", None),
        "loss": ("What would be lost.", None),
    },
    WouldSend: {
        "method": ("The HTTP method.", '"PATCH"'),
        "path": ("Path and query at the vendor.", '"/crm/v3/objects/contacts/1051"'),
        "body": ("The body, as JSON where it is.", '{"properties": {"jobtitle": "Potter"}}'),
    },
}
"""Sentence and example of every field."""

LISTED: Final = {"MappingList": ("Mapping", "Every mapping.")}

BODIES: Final[dict[str, Any]] = {
    "RouteOrder": {"connection": "hubspot", "shadow": {"revision": 2, "sample_rate": 0.1}},
}
