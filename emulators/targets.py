"""The target and the secrets of each vendor's webhooks. They are stored, so a restart keeps them."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from emulators.store import Store
from emulators.vendor import Emulator
from emulators.webhooks import SendsWebhooks

FIRST_PAUSE_MS = 500


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One vendor's webhook subscription. `old_secret` is the previous secret, for the fault that signs with it.
    `first_pause_ms` is the pause before the second try; each later pause is twice as long."""

    vendor: str
    url: str
    secret: str
    old_secret: str | None = None
    first_pause_ms: int = FIRST_PAUSE_MS

    def flaw(self) -> str | None:
        """Return a sentence about a mistake in the subscription, or None."""
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname:
            return "url is an absolute http or https address."
        if not self.secret or self.old_secret == "":
            return "A secret is not empty."
        if self.first_pause_ms < 0:
            return "first_pause_ms is not negative."
        return None

    def without_secrets(self) -> dict[str, str | int | bool]:
        """Return the target without its secrets."""
        return {
            "vendor": self.vendor,
            "url": self.url,
            "has_old_secret": self.old_secret is not None,
            "first_pause_ms": self.first_pause_ms,
        }


class Targets:
    """The active targets. They get later changes, not earlier ones."""

    def __init__(self, emulators: Mapping[str, Emulator], store: Store) -> None:
        """Load the stored targets."""
        self._emulators = emulators
        self._store = store
        self._held: dict[str, Target] = {}
        rows = store.sql.execute("SELECT vendor, url, secret, old_secret, first_pause_ms FROM webhook_target")
        for vendor, url, secret, old_secret, first_pause_ms in rows:
            self._held[vendor] = Target(
                vendor=vendor, url=url, secret=secret, old_secret=old_secret, first_pause_ms=first_pause_ms
            )
        self._watch()

    def put(self, target: Target) -> None:
        """Send this vendor's webhooks there from now on, also those that wait."""
        self._store.sql.execute(
            """
            INSERT OR REPLACE INTO webhook_target (vendor, url, secret, old_secret, first_pause_ms)
            VALUES (?, ?, ?, ?, ?)
            """,
            (target.vendor, target.url, target.secret, target.old_secret, target.first_pause_ms),
        )
        self._held[target.vendor] = target
        self._watch()

    def get(self, vendor: str) -> Target | None:
        """Return the target of this vendor's webhooks, or None."""
        return self._held.get(vendor)

    def all(self, vendor: str | None = None) -> list[Target]:
        """Return the targets of one vendor or of all, by name."""
        return [target for name, target in sorted(self._held.items()) if vendor in (None, name)]

    def drop(self, vendor: str | None = None) -> int:
        """End the subscription of one vendor or of all. Waiting webhooks are never sent. Return how many ended."""
        gone = self.all(vendor)
        with self._store.transaction():
            for target in gone:
                self._store.sql.execute("DELETE FROM webhook_target WHERE vendor = ?", (target.vendor,))
                self._store.sql.execute("DELETE FROM change WHERE vendor = ?", (target.vendor,))
                self._store.sql.execute(
                    "UPDATE webhook SET state = 'abandoned' WHERE vendor = ? AND state IN ('waiting', 'held')",
                    (target.vendor,),
                )
        for target in gone:
            del self._held[target.vendor]
        self._watch()
        return len(gone)

    def _watch(self) -> None:
        """Record changes only of the objects in these vendors' webhooks."""
        watched: set[tuple[str, str]] = set()
        for vendor in self._held:
            emulator = self._emulators.get(vendor)
            if isinstance(emulator, SendsWebhooks):
                watched |= {(vendor, object) for object in emulator.webhook_rules.objects}
        self._store.watched = frozenset(watched)
