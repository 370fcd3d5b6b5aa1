"""A Request Tracker with a few queues, people and custom fields, as the golden records know it."""

from pathlib import Path
from typing import Any

import msgspec

from canonical.ticket import TicketPatch
from mappings.rt import VENDOR
from mappings.rt.ticket_r1 import TICKET
from mappings.rt.wire_rest2 import Account, Ticket, TicketWrite
from mappings.spec import Draft, VendorMapping
from tests.mappings.drafts import on_the_wire

FIXTURES = Path(__file__).parent / "fixtures"

AnyMapping = VendorMapping[Any, Any, Any, Any, Account]
MAPPINGS: dict[str, AnyMapping] = {mapping.object: mapping for mapping in VENDOR.mappings}
ACCOUNT: Account = msgspec.json.decode((FIXTURES / "account.json").read_bytes(), type=Account)


def golden(name: str) -> bytes:
    """A record as it is sent."""
    return (FIXTURES / f"{name}.in.json").read_bytes()


CURRENT: Ticket = TICKET.decode(golden("ticket-full"))
NEW = {"subject": "Foot", "description": "Stuck", "team": {"remote_id": "4"}}


def drafted(body: dict[str, Any], current: Ticket | None = CURRENT, account: Account = ACCOUNT) -> Draft[TicketWrite]:
    """A write, as a caller's JSON."""
    return TICKET.to_vendor(msgspec.convert(body, TicketPatch), current, account)


def sent(body: dict[str, Any], current: Ticket | None = CURRENT) -> dict[str, Any]:
    """What goes out for a write that is not refused."""
    draft = drafted(body, current)
    assert draft.refused == ()
    return on_the_wire(draft.body)
