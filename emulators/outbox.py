"""Webhooks to send and webhooks sent.

A write leaves a `change` in its own transaction. Before sending, the changes of each transaction are rendered in the
vendor's format and become `webhook` rows. Faults are drawn at this point: rendering costs no caller time, and the order
of the changes decides which webhooks fail. A try that the death of this process cut short is sent again.
"""

import itertools
import logging
import uuid
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

import msgspec

from emulators.faults import Fault, Faults
from emulators.state import JsonRecord, State
from emulators.store import Store
from emulators.vendor import Emulator
from emulators.webhooks import Change, Message, SendsWebhooks

LOG = logging.getLogger("emulators.webhooks")

KEPT = 20_000
_PRUNE_EVERY = 1_000
_message = msgspec.json.Decoder(Message).decode
_fault = msgspec.json.Decoder(Fault).decode
_record = msgspec.json.Decoder(JsonRecord).decode


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that is due, with the number of earlier tries."""

    place: int
    vendor: str
    message: Message
    tries: int
    fault: Fault | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one try: the receiver's status, or the reason why there was none."""

    status: int | None = None
    error: str | None = None

    @property
    def is_delivered(self) -> bool:
        """Return whether the receiver accepted it, with any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class Outbox:
    """All vendors' webhooks."""

    def __init__(
        self, emulators: Mapping[str, Emulator], states: Mapping[str, State], store: Store, faults: Faults
    ) -> None:
        """Use the webhooks in `store`."""
        self._emulators = emulators
        self._states = states
        self._store = store
        self._faults = faults
        self._since_pruned = 0

    def compose(self) -> None:
        """Render every recorded change in its vendor's format."""
        if self._store.sql.execute("SELECT 1 FROM change LIMIT 1").fetchone() is None:
            return

        with self._store.transaction():
            rows = self._store.sql.execute(
                "SELECT vendor, turn, object, id, before, after, at FROM change ORDER BY turn, vendor, place"
            ).fetchall()
            for (vendor, _), written in itertools.groupby(rows, key=itemgetter(0, 1)):
                changes = _joined(row[2:] for row in written)
                for message in self._worded(vendor, changes):
                    self._add(vendor, message, changes[0].at)
            self._store.sql.execute("DELETE FROM change")

    def next_due(self, vendor: str) -> Waiting | None:
        """Return the webhook that has been due for the longest time, or None."""
        row = self._store.sql.execute(
            """
            SELECT place, message, tries, fault FROM webhook
            WHERE vendor = ? AND state = 'waiting' AND due_at <= ? ORDER BY due_at, place LIMIT 1
            """,
            (vendor, self._store.clock()),
        ).fetchone()
        if row is None:
            return None
        place, message, tries, fault = row
        return Waiting(
            place=place,
            vendor=vendor,
            message=_message(message),
            tries=tries,
            fault=_fault(fault) if fault is not None else None,
        )

    def seconds_to_next(self, vendor: str) -> float | None:
        """Return the seconds until one is due; None if none waits."""
        row = self._store.sql.execute(
            "SELECT min(due_at) FROM webhook WHERE vendor = ? AND state = 'waiting'", (vendor,)
        ).fetchone()
        return None if row[0] is None else max(0.0, row[0] - self._store.clock())

    def settle(self, sent: Waiting, result: Result, *, pause: float | None) -> None:
        """Record one try. After a failure, it is due again in `pause` seconds, or never if `pause` is None. A delivery
        releases the earlier ones that a fault holds."""
        state = "delivered" if result.is_delivered else "failed" if pause is None else "waiting"
        now = self._store.clock()
        with self._store.transaction():
            self._store.sql.execute(
                """
                UPDATE webhook SET state = ?, due_at = ?, tries = tries + 1, status = ?, error = ?
                WHERE place = ? AND state = 'waiting'
                """,
                (state, now + (pause or 0.0), result.status, result.error, sent.place),
            )
            if result.is_delivered:
                self._store.sql.execute(
                    """
                    UPDATE webhook SET state = 'waiting', due_at = ?
                    WHERE vendor = ? AND state = 'held' AND place < ?
                    """,
                    (now, sent.vendor, sent.place),
                )
        self._since_pruned += 1
        if self._since_pruned >= _PRUNE_EVERY:
            self._prune()

    def entries(
        self, vendor: str | None = None, limit: int | None = None, state: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the newest `limit` webhooks, newest last, of one vendor or of all, in one state or in any."""
        self.compose()
        rows = self._store.sql.execute(
            """
            SELECT id, vendor, message, state, status, tries, error, fault
            FROM webhook WHERE (?1 IS NULL OR vendor = ?1) AND (?2 IS NULL OR state = ?2) ORDER BY place DESC LIMIT ?3
            """,
            (vendor, state, KEPT if limit is None else min(limit, KEPT)),
        ).fetchall()
        return [_entry(row) for row in reversed(rows)]

    def _worded(self, vendor: str, changes: list[Change]) -> list[Message]:
        """Return the vendor's webhooks. None for a record that was placed in a form that the vendor cannot render."""
        emulator = self._emulators.get(vendor)
        if not isinstance(emulator, SendsWebhooks):
            return []
        try:
            return emulator.webhooks(changes, self._states[vendor])
        except Exception:
            LOG.exception(
                "%s cannot build webhooks for %s", vendor, ", ".join(f"{one.object} {one.id}" for one in changes)
            )
            return []

    def _add(self, vendor: str, message: Message, at: float) -> None:
        fault = self._faults.strike_webhook(vendor, message.topics)
        kind = fault.kind if fault is not None else None
        state = {"drop_webhook": "dropped", "reorder_webhooks": "held"}.get(kind or "", "waiting")
        late = fault.delay if fault is not None and kind == "late_webhook" else 0.0
        self._store.sql.execute(
            "INSERT INTO webhook (id, vendor, message, state, due_at, fault) VALUES (?, ?, ?, ?, ?, ?)",
            (
                str(uuid.uuid4()),
                vendor,
                msgspec.json.encode(message),
                state,
                at + late,
                msgspec.json.encode(fault) if fault is not None else None,
            ),
        )

    def _prune(self) -> None:
        self._since_pruned = 0
        self._store.sql.execute(
            """
            DELETE FROM webhook
            WHERE state NOT IN ('waiting', 'held') AND place <= (SELECT max(place) FROM webhook) - ?
            """,
            (KEPT,),
        )


def _joined(rows: Iterator[tuple[Any, ...]]) -> list[Change]:
    """Return the changes of one transaction, one for each record: its state before the first and after the last."""
    changes: dict[tuple[str, str], Change] = {}
    for object, id, before, after, at in rows:
        first = changes.get((object, id))
        changes[object, id] = Change(
            object=object,
            id=id,
            before=first.before if first is not None else _decoded(before),
            after=_decoded(after),
            at=at,
        )
    return list(changes.values())


def _decoded(body: bytes | None) -> JsonRecord | None:
    return None if body is None else _record(body)


def _entry(row: tuple[Any, ...]) -> dict[str, Any]:
    id, vendor, message, state, status, tries, error, fault = row
    topics = _message(message).topics
    return {
        "id": id,
        "vendor": vendor,
        "topic": topics[0],
        "topics": topics,
        "state": state,
        "status": status,
        "tries": tries,
        "error": error,
        "fault": _fault(fault).kind if fault is not None else None,
    }
