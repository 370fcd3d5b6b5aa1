"""Where each vendor's webhooks go, and what they are signed with. Kept in the store, so a restart goes on."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from emulators.store import Store
from emulators.vendor import Emulator
from emulators.webhooks import SendsWebhooks

FIRST_PAUSE_MS = 500


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One vendor's webhook subscription as ordered.

    `old_secret` is the one before `secret`, for the fault that signs with it. `first_pause_ms` is the pause before the
    second try; each later pause is twice as long.
    """

    vendor: str
    url: str
    secret: str
    old_secret: str | None = None
    first_pause_ms: int = FIRST_PAUSE_MS

    def flaw(self) -> str | None:
        """A sentence about what is wrong with the order, or None."""
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname:
            return "url is an absolute http or https address."
        if not self.secret or self.old_secret == "":
            return "A secret is not empty."
        if self.first_pause_ms < 0:
            return "first_pause_ms is not negative."
        return None

    def without_secrets(self) -> dict[str, str | int | bool]:
        """The target without its secrets."""
        return {
            "vendor": self.vendor,
            "url": self.url,
            "has_old_secret": self.old_secret is not None,
            "first_pause_ms": self.first_pause_ms,
        }


class Targets:
    """The active targets. They get the changes from now on, not the earlier ones."""

    def __init__(self, emulators: Mapping[str, Emulator], store: Store) -> None:
        """Take up the targets that the store holds from before."""
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
        """Send this vendor's webhooks there from now on, those that wait included."""
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
        """Where this vendor's webhooks go; None when they go nowhere."""
        return self._held.get(vendor)

    def all(self, vendor: str | None = None) -> list[Target]:
        """The targets, of one vendor or of all, by name."""
        return [target for name, target in sorted(self._held.items()) if vendor in (None, name)]

    def drop(self, vendor: str | None = None) -> int:
        """End the subscription of one vendor or of all, as the vendor does: what waits is never sent. How many."""
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
        """Have the store note changes only for the objects of these vendors' webhooks."""
        watched: set[tuple[str, str]] = set()
        for vendor in self._held:
            emulator = self._emulators.get(vendor)
            if isinstance(emulator, SendsWebhooks):
                watched |= {(vendor, object) for object in emulator.webhook_rules.objects}
        self._store.watched = frozenset(watched)
