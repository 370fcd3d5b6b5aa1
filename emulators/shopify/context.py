"""The context of one GraphQL call, for its resolvers."""

import msgspec
from graphql import GraphQLResolveInfo

from emulators.state import State


class Context(msgspec.Struct, kw_only=True):
    """One GraphQL call: the vendor's state, and the time in Unix seconds."""

    state: State
    now: float


Info = GraphQLResolveInfo[Context]
