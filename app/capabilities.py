"""What the capabilities declare, collected: job kinds with their policies and loads, and sealed columns."""

from typing import Final

from app.copies import comments, fan_out, follow_source
from app.credentials import store as credentials
from app.events import deliver
from app.events.store import deliveries, events, record_states, subscriptions
from app.persons import erase
from app.persons.store import erasures
from app.postgres import digest_secret
from app.queue import enqueue
from app.queue.kinds import policies_of
from app.uploads import ingest_row
from app.vendors import fact_store
from app.walks import page, refetch
from app.walks.reconcile import check as reconcile
from app.webhooks import ingest
from app.webhooks.store import receipts
from app.writes import queued
from app.writes.store import rows

KINDS: Final = {
    kind.name: kind
    for kind in (
        *(*queued.KINDS, *comments.KINDS, *fan_out.KINDS, *follow_source.KINDS),
        *(
            *ingest.KINDS,
            *ingest_row.KINDS,
            *deliver.KINDS,
            *erase.KINDS,
            page.WALK,
            refetch.REFETCHES,
            reconcile.CHECKS,
        ),
    )
}
"""Every job kind, by name."""

POLICIES: Final = policies_of(KINDS.values())

LOADS: Final = (receipts.LOAD, deliveries.LOAD)
"""What a claim reads for the handlers of the jobs."""

REOPEN: Final = {kind.name: kind.reopen for kind in KINDS.values() if kind.reopen is not None}
"""What a redrive reverts in addition, by kind."""

SEALED_COLUMNS: Final = (
    *rows.SEALED,
    *receipts.SEALED,
    *record_states.SEALED,
    *events.SEALED,
    *subscriptions.SEALED,
    *deliveries.SEALED,
    *enqueue.SEALED,
    *digest_secret.SEALED,
    *credentials.SEALED,
    *fact_store.SEALED,
    *erasures.SEALED,
)
"""In the order of a key rotation."""
