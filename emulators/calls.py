"""The log of the calls to the vendors. Tests count them to prove that an effect happened once."""

from typing import Any

import msgspec

from emulators.http import Call
from emulators.store import Store

KEPT = 20_000
BODY_CAP = 16_384
_PRUNE_EVERY = 1_000


class Calls:
    """The last `KEPT` calls of all vendors. Recording is one prepared insert in the call's own transaction."""

    def __init__(self, store: Store, *, recording: bool) -> None:
        """Log into `store`; record nothing if `recording` is off."""
        self._store = store
        self._recording = recording
        self._since_pruned = 0

    def record(self, vendor: str, call: Call, *, at: float, status: int | None, fault: str | None) -> None:
        """Record one call. `status` is the vendor's answer, even if it was not delivered; None if there was none."""
        if not self._recording:
            return

        self._store.sql.execute(
            """
            INSERT INTO call (vendor, at, method, path, query, status, idempotency_key, body, fault)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            (
                vendor,
                at,
                call.method,
                call.path,
                msgspec.json.encode(call.query).decode() if call.query else "[]",
                status,
                call.headers.get("idempotency-key"),
                call.body[:BODY_CAP],
                fault,
            ),
        )
        self._since_pruned += 1
        if self._since_pruned >= _PRUNE_EVERY:
            self._prune()

    def list(self, vendor: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """Return the newest `limit` calls, newest last, of one vendor or of all."""
        rows = self._store.sql.execute(
            """
            SELECT at, vendor, method, path, query, status, idempotency_key, body, fault
            FROM call WHERE ?1 IS NULL OR vendor = ?1 ORDER BY place DESC LIMIT ?2
            """,
            (vendor, KEPT if limit is None else min(limit, KEPT)),
        ).fetchall()
        return [_entry(row) for row in reversed(rows)]

    def _prune(self) -> None:
        self._since_pruned = 0
        self._store.sql.execute("DELETE FROM call WHERE place <= (SELECT max(place) FROM call) - ?", (KEPT,))


def _entry(row: tuple[Any, ...]) -> dict[str, Any]:
    at, vendor, method, path, query, status, idempotency_key, body, fault = row
    call: dict[str, Any] = {
        "at": at,
        "vendor": vendor,
        "method": method,
        "path": path,
        "query": msgspec.json.decode(query),
        "status": status,
        "body": _body(body),
    }
    if idempotency_key is not None:
        call["idempotency_key"] = idempotency_key
    if fault is not None:
        call["fault"] = fault
    return call


def _body(raw: bytes) -> Any:
    """Return decoded JSON; other bodies (cut at the cap, or a form) as text; None without a body."""
    if not raw:
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw.decode("utf-8", "replace")
