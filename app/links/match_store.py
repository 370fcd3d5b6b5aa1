"""Match customers of different connections by their primary e-mail address: join them, or propose it for review.

Each process remembers what it has seen of a customer, so an unchanged one costs no statement. It forgets that when
another process stores another key, as it forgets the links. Two processes that see one person for the first time both
store their key before they look for others, so at least one of them finds both.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, Self

import msgspec
from msgspec import Struct

from app.api_keys.statements import name_of
from app.audit.record import Entry, append
from app.errors import NotFound, StateConflict, StoreUnavailable
from app.identifiers import new_id
from app.links import match_statements as sql
from app.links.join_and_split import LinkMoved
from app.links.match_keys import MatchFacts, MatchKey, any_contradict, digest_of, key_of
from app.links.models import LinkReview, LinkSource, NamedRecord, NewRecord, RecordName, ReviewReason, ReviewState
from app.links.role_mailboxes import is_role
from app.links.statements import LOCK as LOCK_IDS
from app.links.store import PostgresLinks
from app.periodic import repeating
from app.postgres.batching import Batcher
from app.postgres.database import Database, Transaction
from app.postgres.digest_secret import DigestSecret
from app.postgres.encryption import SealBroken
from canonical import values

MATCH: Final = LinkSource(kind="match")
REMEMBERED: Final = 100_000
SOON: Final = 0.1
MOST_CANDIDATES: Final = 20
"""An address that more customers share says nothing about any two of them."""


_log = logging.getLogger("lockstitch.links")


class _Candidate(Struct, frozen=True, kw_only=True):
    """A customer with the address. `linked` are the connections of its canonical id."""

    connection: str
    remote_id: str
    name: bytes
    is_staff: bool
    canonical_id: str
    linked: list[str]

    @property
    def place(self) -> tuple[str, str]:
        return self.connection, self.remote_id


class _Person(Struct, frozen=True, kw_only=True):
    """A customer of an id, with any address."""

    canonical_id: str
    name: bytes
    is_staff: bool


Keys = Sequence[tuple[MatchFacts, MatchKey]]


class PostgresMatches:
    """The store of match keys and reviews. `auto_join`: pairs of connections that are joined without review."""

    def __init__(
        self, database: Database, secret: DigestSecret, links: PostgresLinks, auto_join: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._database = database
        self._links = links
        self._auto_join = {frozenset(pair) for pair in auto_join}
        self.auto_joined: Final = frozenset[str]().union(*self._auto_join)
        """The connections whose customers may be joined without a review."""
        self._secret = secret
        self._seen: dict[tuple[str, str], tuple[int, NamedRecord | None]] = {}
        self._stored: list[tuple[MatchFacts, MatchKey, NamedRecord | None]] = []
        self._keeps: Batcher[Keys, None] = Batcher.of(self._keep, abandonable=True)
        self._looks: Batcher[Keys, frozenset[bytes]] = Batcher.of(self._look, abandonable=True)

    async def match(self, customers: Sequence[MatchFacts]) -> bool:
        """Match customers whose key is new or has changed. Returns whether that joined any.

        Without a database, or the key that sealed the secret, nothing is matched; the next read tries again.
        """
        changed: dict[tuple[str, str], tuple[int, NamedRecord | None]] = {}
        matched: list[MatchFacts] = []
        for one in customers:
            place, mark = (one.connection, one.remote_id), _mark(one)
            known = self._links.remembered("customer", *place)
            before, then = self._seen.get(place, (None, None))
            if known is None or then is not known or before != mark:
                changed[place] = (mark, known)
                matched.append(one)
        if not changed:
            return False
        try:
            joined = await self._match_changed(matched)
        except StoreUnavailable:
            return False
        except SealBroken as error:
            _log.error("customers are not matched: %s", error)
            return False
        self._remember(changed)
        return joined

    async def with_key(self, new: NewRecord, facts: MatchFacts) -> NewRecord:
        """Return a new customer with the key to store with it, if there is one."""
        if facts.email is None:
            return new
        try:
            secret = await self._secret.load()
        except SealBroken as error:
            _log.error("a customer is not matched: %s", error)
            return new
        return msgspec.structs.replace(new, facts=facts, key=key_of(secret, facts))

    def stored(self, new: NewRecord) -> None:
        """Match a customer whose key was stored with its state, soon: what is found is proposed to a person, and no
        caller waits for that."""
        if new.facts is not None and new.key is not None:
            known = self._links.remembered("customer", new.connection, new.remote_id)
            self._stored.append((new.facts, new.key, known))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Match stored customers for the duration of the block, together those of the last `SOON` seconds."""
        async with repeating("matches of new customers", SOON, self._match_stored):
            yield self

    async def _match_stored(self) -> None:
        """Match those stored since the last time. If the process ends without that, their next read
        does it."""
        kept, self._stored = self._stored, []
        if not kept:
            return
        try:
            await self._match_kept([(one, key) for one, key, _ in kept])
        except (StoreUnavailable, asyncio.CancelledError) as error:
            self._stored = kept + self._stored  # for the next time, or the last, at the end of `running`
            if isinstance(error, StoreUnavailable):
                return
            raise
        self._remember({(one.connection, one.remote_id): (_mark(one), known) for one, _, known in kept})

    async def known_at(self, connection: str, email: str, limit: int) -> Sequence[str]:
        """Return the remote ids of customers of a connection that had this primary address when they were last read."""
        try:
            secret = await self._secret.load()
        except SealBroken:
            return ()
        digest = digest_of(secret, "email", values.email_key(email))
        return [row["remote_id"] for row in await self._database.fetch(sql.SELECT_AT, digest, connection, limit)]

    async def kept_apart(self, canonical_id: str) -> frozenset[str]:
        """Return the ids of the customers that a person has kept apart from this one: a split, or a refused review."""
        rows = await self._database.fetch(sql.SELECT_REFUSED, canonical_id)
        return frozenset(row["canonical_id"] for row in rows)

    async def erase(self, places: Sequence[tuple[str, str]]) -> None:
        """Delete the keys of customers (connection and remote id), and the proposals about them."""
        columns = [connection for connection, _ in places], [remote_id for _, remote_id in places]
        await self._database.execute(sql.ERASE_KEYS, *columns)
        for place in places:
            self._seen.pop(place, None)

    async def list_open(self, *, after: str | None, limit: int) -> Sequence[LinkReview]:
        """Return open reviews, newest first."""
        return [_review(row) for row in await self._database.fetch(sql.SELECT_OPEN, after, limit)]

    async def decide(self, review_id: str, state: ReviewState, *, actor: str) -> LinkReview:
        """Accept a proposal, which joins the two customers, or refuse it for good.

        Raises NotFound, and StateConflict if it was decided already or the two cannot be joined.
        """
        review = await self._review(review_id)
        if review.state != "open":
            decided_by = await name_of(self._database, review.closed_by)
            raise StateConflict(f"{review_id} was {review.state} by {decided_by} already.")
        if state == "accepted":
            by = LinkSource(kind="person", actor=actor)
            await self._links.attach("customer", review.connection, review.remote_id, review.other_canonical_id, by=by)
        async with self._database.transaction() as transaction:
            if await transaction.execute(sql.CLOSE, review_id, state, actor):
                facts = {
                    "ids": [review.canonical_id, review.other_canonical_id],
                    "connections": [review.connection, review.other_connection],
                    "reasons": review.reasons,
                }
                await append(
                    transaction, Entry(type=f"link_review.{state}", subject=review_id, actor=actor, facts=facts)
                )
        return await self._review(review_id)

    async def _review(self, review_id: str) -> LinkReview:
        row = await self._database.fetch_row(sql.SELECT_REVIEW, review_id)
        if row is None:
            raise NotFound(f"No proposal has the id {review_id[:80]}.", next_step="lockstitch links review lists all.")
        return _review(row)

    async def _match_changed(self, customers: Sequence[MatchFacts]) -> bool:
        erased = [(one.connection, one.remote_id) for one in customers if one.email is None]
        if erased:
            await self.erase(erased)
        named = [one for one in customers if one.email is not None]
        if not named:
            return False
        secret = await self._secret.load()
        kept = {(one.connection, one.remote_id): (one, key_of(secret, one)) for one in named}
        await self._keeps.run([*kept.values()])
        return await self._match_kept([*kept.values()])

    async def _match_kept(self, kept: Keys) -> bool:
        """Match customers whose keys are stored. Returns whether that joined any."""
        shared = await self._looks.run(kept)
        joined = False
        for facts, key in kept:
            if key.digest in shared:
                while await self._match_one(facts, key):
                    joined = True
        return joined

    async def _keep(self, batch: Sequence[Keys]) -> list[None]:
        """Store keys, and delete the proposals about former ones. Of two of one customer, the later one counts."""
        kept = {(one.connection, one.remote_id): (one, key) for keys in batch for one, key in keys}.values()
        places = [one.connection for one, _ in kept], [one.remote_id for one, _ in kept]
        digests = [key.digest for _, key in kept]
        values = digests, [key.name for _, key in kept], [one.is_staff for one, _ in kept]
        await self._database.execute(sql.PUT_KEYS, *places, *values)
        return [None for _ in batch]

    async def _look(self, batch: Sequence[Keys]) -> list[frozenset[bytes]]:
        """Return to each caller the keys that records with other ids have too."""
        digests = list({key.digest for keys in batch for _, key in keys})
        rows = await self._database.fetch(sql.SELECT_SHARED, digests, MOST_CANDIDATES + 1)
        shared = frozenset(row["digest"] for row in rows)
        return [shared for _ in batch]

    async def _match_one(self, facts: MatchFacts, key: MatchKey) -> bool:
        """Propose every candidate that needs a review, then join at most one that needs none. Returns whether it did:
        there may be more. Each join has a transaction of its own, because ids are locked in sorted order."""

        async def match(transaction: Transaction) -> bool:
            await transaction.execute(sql.LOCK, key.digest)
            customer, candidates = await self._candidates(transaction, facts, key)
            for other, reasons in candidates:
                if reasons:
                    left, right = sorted(((facts.connection, facts.remote_id), other.place))
                    await transaction.execute(sql.PROPOSE, new_id("lrv_"), *left, *right, reasons)
            join = next((other.canonical_id for other, reasons in candidates if not reasons), None)
            if customer is None or join is None:
                return False
            await transaction.execute(LOCK_IDS, [customer.canonical_id, join])
            if await self._candidates(transaction, facts, key) != (customer, candidates):
                raise LinkMoved  # a join or a split of these ids was under way
            record = RecordName(object="customer", connection=facts.connection, remote_id=facts.remote_id)
            await self._links.attach_within(transaction, record, join, MATCH)
            return True

        return await self._links.change(match)

    async def _candidates(
        self, transaction: Transaction, facts: MatchFacts, key: MatchKey
    ) -> tuple[_Candidate | None, Sequence[tuple[_Candidate, list[ReviewReason]]]]:
        """Return the customer, and those at other connections that may be this one, with what speaks against a join."""
        rows = await transaction.fetch(sql.SELECT_CANDIDATES, key.digest, MOST_CANDIDATES + 1)
        if len(rows) > MOST_CANDIDATES:
            return None, ()
        known = [_Candidate(**row) for row in rows]
        customer = next((one for one in known if one.place == (facts.connection, facts.remote_id)), None)
        if customer is None:
            return None, ()
        refused = {row["canonical_id"] for row in await transaction.fetch(sql.SELECT_REFUSED, customer.canonical_id)}
        others = [
            other
            for other in known
            if other.canonical_id != customer.canonical_id
            and other.canonical_id not in refused
            and other.connection != customer.connection
            # Also those that were linked before a realm was named.
            and self._links.share_realm(*customer.linked, *other.linked)
        ]
        ids = sorted({one.canonical_id for one in (customer, *others)})
        people = [_Person(**row) for row in await transaction.fetch(sql.SELECT_PEOPLE, ids)] if others else []
        count = Counter(one.connection for one in known)
        return customer, [(other, self._reasons(facts, customer, other, count, people)) for other in others]

    def _reasons(
        self,
        facts: MatchFacts,
        customer: _Candidate,
        other: _Candidate,
        count: Counter[str],
        people: Sequence[_Person],
    ) -> list[ReviewReason]:
        """Return what speaks against joining two ids. The names of all records of all ids that share the address are
        judged, so a record without a name joins no two people."""
        ids = (customer.canonical_id, other.canonical_id)
        reasons: dict[ReviewReason, bool] = {
            "not_configured": frozenset((customer.connection, other.connection)) not in self._auto_join,
            "names_contradict": any_contradict({one.name for one in people}),
            "role_mailbox": is_role(facts.email or ""),
            "staff": any(one.is_staff for one in people if one.canonical_id in ids),
            "several_candidates": count[customer.connection] > 1 or count[other.connection] > 1,
            "linked_elsewhere": not set(customer.linked).isdisjoint(other.linked),
        }
        return [reason for reason, holds in reasons.items() if holds]

    def _remember(self, marks: Mapping[tuple[str, str], tuple[int, NamedRecord | None]]) -> None:
        if len(self._seen) > REMEMBERED:
            self._seen.clear()
        self._seen |= marks


def _mark(facts: MatchFacts) -> int:
    """Return what tells whether a customer is as seen before. It differs every week, so that keys in use stay young."""
    week = datetime.now(UTC).date().toordinal() // 7
    return hash((week, facts.email, facts.name, facts.is_staff))


def _review(row: Any) -> LinkReview:
    return LinkReview(**{**row, "reasons": tuple(row["reasons"])})
