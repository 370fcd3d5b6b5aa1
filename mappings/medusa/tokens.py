"""The session of a login (`POST /auth/user/emailpass`)."""

from msgspec import Struct

from mappings.http import VendorReply
from mappings.kit.refusals import read
from mappings.tokens import Issued


class _Session(Struct, frozen=True, kw_only=True):
    token: str


def read_session(reply: VendorReply) -> Issued | None:
    """Return the token of a login, or None if the reply has none."""
    session = read(reply.body, _Session)
    return None if session is None else Issued(access_token=session.token)
