"""Counts of walks. Labels are configured connections and fixed words."""

from prometheus_client import Counter

from app.telemetry.metrics import registry
from app.walks.models import PageCounts, Walk

pages = Counter(
    "lockstitch_walk_pages", "Pages that walks have read.", ("connection", "object", "purpose"), registry=registry
)
records = Counter(
    "lockstitch_walk_records",
    "Records in these pages: unchanged, changed, read_again by themselves, or unreadable.",
    ("connection", "object", "purpose", "outcome"),
    registry=registry,
)


def count_page(walk: Walk, counts: PageCounts) -> None:
    """Count a page that is committed."""
    labels = (walk.connection, walk.object, walk.purpose)
    pages.labels(*labels).inc()
    unchanged = counts.records - counts.changed - counts.read_again - counts.unreadable
    for outcome, number in (
        ("unchanged", unchanged),
        ("changed", counts.changed),
        ("read_again", counts.read_again),
        ("unreadable", counts.unreadable),
    ):
        if number:
            records.labels(*labels, outcome).inc(number)
