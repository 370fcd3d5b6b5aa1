"""The links and matches of one process, as several of them see customers."""

from collections.abc import Mapping, Sequence
from functools import partial

from app.capabilities import POLICIES
from app.events.deps import AnnounceDeps
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.links.announce import announce
from app.links.match_keys import MatchFacts
from app.links.match_store import PostgresMatches
from app.links.store import PostgresLinks
from app.postgres.database import Database, Statement
from app.postgres.digest_secret import DigestSecret
from app.postgres.encryption import Sealer
from app.queue.enqueue import JobIntake
from tests.encryption import SEALER

ALL_PAIRS = (("shopify", "hubspot"), ("hubspot", "zendesk"), ("zendesk", "shopify"))
IDS = Statement("SELECT link", "SELECT canonical_id FROM link WHERE remote_id = $1")
KEYS = Statement("SELECT match_key", "SELECT * FROM match_key")


class Process:
    """The links and matches of one process."""

    def __init__(
        self,
        database: Database,
        auto_join: Sequence[tuple[str, str]] = (),
        realms: Mapping[str, str] | None = None,
        sealer: Sealer = SEALER,
    ) -> None:
        events = PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER))
        announcement = AnnounceDeps(database=database, events=events, queue=JobIntake(SEALER, POLICIES))
        self.links = PostgresLinks(database, partial(announce, announcement), realms)
        self.matches = PostgresMatches(database, DigestSecret(database, sealer), self.links, auto_join)

    async def reasons(self) -> list[tuple[str, ...]]:
        """Why each open proposal waits."""
        return [one.reasons for one in await self.matches.list_open(after=None, limit=100)]

    async def sight(
        self, connection: str, remote_id: str, email: str | None, name: str = "ann lee", *, is_staff: bool = False
    ) -> str:
        """See a customer, as a read does, and return its canonical id."""
        await self.links.ensure("customer", connection, [remote_id])
        words = frozenset(name.split())
        facts = MatchFacts(connection=connection, remote_id=remote_id, email=email, name=words, is_staff=is_staff)
        await self.matches.match([facts])
        return (await self.links.ensure("customer", connection, [remote_id]))[remote_id]


async def ids_of(database: Database, remote_id: str = "1") -> set[str]:
    """The canonical ids of the customers with this id at any connection."""
    return {row["canonical_id"] for row in await database.fetch(IDS, remote_id)}
