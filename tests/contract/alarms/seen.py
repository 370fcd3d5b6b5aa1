"""What an API process shows of a connection."""

from typing import Any

from tests.contract.callers import Caller


def connection(caller: Caller, name: str) -> dict[str, Any]:
    """The connection as `GET /ops/connections` shows it."""
    (connection_view,) = [one for one in caller.get("/ops/connections").json()["data"] if one["name"] == name]
    return connection_view
