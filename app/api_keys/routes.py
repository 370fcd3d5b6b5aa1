"""`GET /v1/me`: the key of the request."""

from msgspec import Struct

from app.http.operation import Call, operation
from canonical.parts import Instant


class Me(Struct, frozen=True, kw_only=True):
    """The key of the request."""

    name: str
    """The key's name. Example: `"n8n"`"""
    scopes: list[str]
    """The scopes of the key. Example: `["customers:read", "customers:write"]`"""
    expires_at: Instant | None
    """When it expires; null for never. Example: `"2027-01-01T00:00:00Z"`"""
    needs_approval: bool
    """Whether each of its writes waits for the approval of another key. Example: `false`"""


@operation("GET", "/v1/me", tag="About")
async def who_am_i(call: Call) -> Me:
    """Show the key of the request."""
    caller = call.caller
    return Me(
        name=caller.name,
        scopes=sorted(caller.scopes),
        expires_at=caller.expires_at,
        needs_approval=caller.needs_approval,
    )
