"""Counts of walks. Labels are configured connections and fixed words."""

from collections.abc import Iterable
from datetime import timedelta

from prometheus_client import Counter

from app.events.models import RecordChange
from app.telemetry.metrics import registry
from app.walks.models import AnyWalk, PageCounts
from app.walks.reconcile.models import FindingKind, ReconcilePlan

pages = Counter(
    "lockstitch_walk_pages", "Pages that walks have read.", ("connection", "object", "purpose"), registry=registry
)
records = Counter(
    "lockstitch_walk_records",
    "Records in these pages: unchanged, changed, read_again by themselves, or unreadable.",
    ("connection", "object", "purpose", "outcome"),
    registry=registry,
)
missed = Counter(
    "lockstitch_webhooks_missed",
    "Changes that no webhook reported within the grace, at connections that send webhooks.",
    ("connection", "object"),
    registry=registry,
)
differing = Counter(
    "lockstitch_copies_differing",
    "Copies that were found to differ from their sources.",
    ("connection", "object"),
    registry=registry,
)


def expect_findings(plans: Iterable[ReconcilePlan]) -> None:
    """Create the series of what is reconciled at 0, so that their first count is an increase."""
    for plan in plans:
        differing.labels(plan.connection, plan.object)
        if plan.sends_webhooks:
            missed.labels(plan.connection, plan.object)


def count_found(plan: ReconcilePlan, kinds: Iterable[FindingKind]) -> None:
    """Count new findings of a reconciliation."""
    for kind in kinds:
        if kind == "differing":
            differing.labels(plan.connection, plan.object).inc()
        elif plan.sends_webhooks:
            missed.labels(plan.connection, plan.object).inc()


def count_missed(plan: ReconcilePlan | None, *changes: RecordChange | None) -> None:
    """Count the changes that a pull was the first to find, and that were older than the grace when it read them."""
    if plan is None or not plan.sends_webhooks:
        return
    for change in changes:
        if change is None or change.type is None or change.occurred_at is None or change.read_at is None:
            continue
        if change.read_at - change.occurred_at > timedelta(seconds=plan.grace):
            missed.labels(plan.connection, plan.object).inc()


def count_page(walk: AnyWalk, counts: PageCounts) -> None:
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
