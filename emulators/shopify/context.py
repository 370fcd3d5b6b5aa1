"""The context of one GraphQL call, for its resolvers."""

from typing import Any

import msgspec
from graphql import GraphQLResolveInfo

from emulators.state import State


class Context(msgspec.Struct, kw_only=True):
    """One GraphQL call: the vendor's state, the time in Unix seconds, the scopes of the token, and the warnings of
    searches (`extensions.search`)."""

    state: State
    now: float
    may_write: bool = True
    search_notes: list[dict[str, Any]] = []


Info = GraphQLResolveInfo[Context]
