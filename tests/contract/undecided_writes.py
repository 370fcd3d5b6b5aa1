"""Writes whose outcome Lockstitch has forgotten, as if their reply had been lost and could not be found out."""

from typing import Any

from tests.contract.callers import Caller, new_key
from tests.contract.facade import Facade

FORGET = """
UPDATE operation
   SET phase = 'unknown', outcome = NULL, answer = NULL, remote_id = NULL, updated_at = now()
 WHERE idempotency_key = $1
RETURNING id
"""


def forget_outcome(facade: Facade, caller: Caller, method: str, path: str, body: Any) -> tuple[str, dict[str, Any]]:
    """Write, and forget how it ended. Return the operation's id and the answer."""
    key = new_key()
    answer = caller.write(method, path, body, key=key)
    assert answer.status_code in (200, 201), answer.text
    (row,) = facade.sql(FORGET, key)
    return row["id"], answer.json()
