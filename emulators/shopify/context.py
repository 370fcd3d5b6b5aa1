"""What every resolver knows of the call it works for."""

from typing import Any

import msgspec
from graphql import GraphQLResolveInfo

from emulators.state import State


class Context(msgspec.Struct, kw_only=True):
    """One GraphQL call: the vendor's memory, the time in Unix seconds, what the token may do, and the warnings of the
    searches (`extensions.search`)."""

    state: State
    now: float
    may_write: bool = True
    search_notes: list[dict[str, Any]] = []


Info = GraphQLResolveInfo[Context]
