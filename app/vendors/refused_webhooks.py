"""Webhooks that a connection refused since the last one that it verified, stored for all processes and commands."""

import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from app.http.plurals import counted
from app.periodic import repeating
from app.postgres.database import Database, Statement

WRITE_SECONDS: Final = 2.0
# A connection that verifies one webhook after the other is written this often.
VERIFIED_SECONDS: Final = 10.0

# Any stranger can send a webhook that is refused. It is no trouble while the vendor's own are verified, at least one in
# so many seconds. Otherwise a vendor goes on, with its next events or with further attempts, where one who looks around
# has left. The signature of a `stale` webhook is valid, so the vendor made it. Refusals are forgotten after a day.
REFUSED_NOW: Final = """
    SELECT connection, reason, count, since, last_at, alone,
           alone AND (reason = 'stale' OR (count >= 3 AND last_at >= since + interval '10 seconds')) AS alarm
      FROM (SELECT connection, reason, refused AS count, since, refused_at AS last_at,
                   verified_at IS NULL OR verified_at < now() - interval '40 seconds' AS alone
              FROM webhook_standing
             WHERE refused_at > coalesce(verified_at, '-infinity') AND refused_at > now() - interval '1 day') AS refused
"""
"""The connections whose last webhook was refused, as SQL. `alone`: none has been verified for a while. `alarm`: the
vendor's own are refused, to all appearance."""

SELECT = Statement("SELECT webhook_standing", REFUSED_NOW)

SELECT_VERIFIED = Statement(
    "SELECT webhook_standing",
    "SELECT connection, verified_at FROM webhook_standing WHERE verified_at IS NOT NULL",
)

VERIFIED = Statement(
    "INSERT webhook_standing",
    """
    INSERT INTO webhook_standing AS old (connection, verified_at)
    SELECT connection, now() - make_interval(secs => age)
      FROM unnest($1::text[], $2::float8[]) AS verified (connection, age)
     ORDER BY connection
        ON CONFLICT (connection) DO UPDATE SET verified_at = greatest(old.verified_at, excluded.verified_at)
    """,
)

# After a verified webhook, or a day without a refused one, the count begins again.
REFUSED = Statement(
    "INSERT webhook_standing",
    """
    INSERT INTO webhook_standing AS old (connection, reason, refused, since, refused_at)
    SELECT connection, reason, refused, now() - make_interval(secs => since), now() - make_interval(secs => last)
      FROM unnest($1::text[], $2::text[], $3::bigint[], $4::float8[], $5::float8[])
           AS refused (connection, reason, refused, since, last)
     ORDER BY connection
        ON CONFLICT (connection) DO UPDATE
       SET (refused, since) = (
               SELECT excluded.refused + CASE WHEN goes_on THEN old.refused ELSE 0 END,
                      CASE WHEN goes_on THEN old.since ELSE excluded.since END
                 FROM (SELECT coalesce(old.refused_at > greatest(coalesce(old.verified_at, '-infinity'),
                                                                 now() - interval '1 day'), false) AS goes_on) AS series
           ),
           reason = excluded.reason, refused_at = greatest(old.refused_at, excluded.refused_at)
    """,
)

NEXT_STEPS: Final = {
    "mismatch": "Compare webhook_secrets with the secret at the vendor. HubSpot also signs LOCKSTITCH_PUBLIC_URL.",
    "inactive": "The vendor still signs with a former secret: enter the present one there, or extend its time here.",
    "stale": "Correct the clock of the hosts of the API: timedatectl set-ntp true.",
    "no-secret": "lockstitch doctor names the missing secret. Without webhook_secrets, add them and restart the API.",
}
OTHER_STEP: Final = "Check that the vendor sends them, and that no proxy removes or repeats a header."


class RefusedWebhooks(Struct, frozen=True, kw_only=True):
    """The webhooks that were refused since the last one that was verified."""

    count: Annotated[int, Meta(ge=1)]
    """How many. Example: `3`"""
    reason: str
    """Why the last one was refused. Example: `"mismatch"`"""
    since: datetime
    """When the first one was refused. Example: `"2026-05-01T09:30:00Z"`"""
    last_at: datetime
    """When the last one was refused. Example: `"2026-05-01T09:35:00Z"`"""
    alone: bool
    """Whether no webhook was verified in the last 40 s either. Otherwise a stranger has sent them. Example: `true`"""
    alarm: bool
    """Whether they raise an alarm: none was verified, and at least three were refused over 10 s or more, or one whose
    signature is valid (`stale`). Example: `true`"""
    next_step: str
    """What you can do. Example: `"Correct the clock of the hosts of the API: timedatectl set-ntp true."`"""


class _Refused(Struct, kw_only=True):
    """What this process refused since its last verified webhook, and has not written; times of time.monotonic."""

    reason: str
    since: float
    count: int = 0
    last: float = 0.0


class WebhookStates:
    """Whether the webhooks of each connection are verified or refused."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._refused: dict[str, _Refused] = {}
        self._verified: dict[str, float] = {}
        self._written: dict[str, float] = {}

    def note_refused(self, connection: str, reason: str) -> None:
        """Count a webhook with an invalid signature."""
        now = time.monotonic()
        refused = self._refused.setdefault(connection, _Refused(reason=reason, since=now))
        refused.reason, refused.last, refused.count = reason, now, refused.count + 1

    def note_verified(self, connection: str) -> None:
        """Note a webhook with a valid signature."""
        self._verified[connection] = time.monotonic()
        if self._refused.pop(connection, None) is not None:
            self._written.pop(connection, None)

    async def read(self) -> Mapping[str, RefusedWebhooks]:
        """Return the connections whose last webhook was refused. Raises StoreUnavailable."""
        await self._write()
        return {row["connection"]: _of_row(dict(row)) for row in await self._database.fetch(SELECT)}

    async def last_verified(self) -> Mapping[str, datetime]:
        """Return when the last webhook of each connection was verified, to 10 s. Raises StoreUnavailable."""
        return {row["connection"]: row["verified_at"] for row in await self._database.fetch(SELECT_VERIFIED)}

    def writing(self) -> AbstractAsyncContextManager[None]:
        """Write regularly during the block, and at its end."""
        return repeating("verified and refused webhooks", WRITE_SECONDS, self._write)

    async def _write(self) -> None:
        """Write what is new. If that fails, keep it and raise."""
        now = time.monotonic()
        refused = sorted(self._refused.items())
        due = sorted(
            (name, now - at)
            for name, at in self._verified.items()
            if self._written.get(name, -VERIFIED_SECONDS) + VERIFIED_SECONDS <= at
        )
        if due:
            await self._database.execute(VERIFIED, [name for name, _ in due], [age for _, age in due])
            self._written.update((name, now) for name, _ in due)
        if refused:
            rows = [(name, one.reason, one.count, now - one.since, now - one.last) for name, one in refused]
            self._refused = {}
            try:
                await self._database.execute(REFUSED, *map(list, zip(*rows, strict=True)))
            except BaseException:
                for name, one in refused:
                    self._refused.setdefault(name, one)
                raise
            for name, _ in refused:
                self._written.pop(name, None)  # the next verified one ends it


def step(reason: str | None) -> str:
    """Return what to do about webhooks that are refused for this reason."""
    return NEXT_STEPS.get(reason or "", OTHER_STEP)


def _of_row(row: dict[str, Any]) -> RefusedWebhooks:
    return msgspec.convert(row | {"next_step": step(row["reason"])}, RefusedWebhooks)


def described(refused: RefusedWebhooks) -> str:
    """Return what was refused as a sentence."""
    since = f"{refused.since:%Y-%m-%d %H:%M} UTC"
    return f"{counted(refused.count, 'webhook')} refused since {since} ({refused.reason}), none verified since then."
