"""The dependencies of the HTTP edge."""

from collections.abc import Callable
from dataclasses import dataclass

from app.http.bodies import Transfers
from app.http.callers import Keys
from app.http.cursors import SealedCursors
from app.http.rate_limit import Budgets, SharedBudgets


@dataclass(frozen=True, kw_only=True)
class HttpDeps:
    """`public_url` is where callers reach Lockstitch; `trace_url` is the pattern of a trace's URL in the trace UI,
    None without a trace store. `wrong_keys` are the budgets of addresses for invalid keys. `note_use` records a key's
    id and the scopes it used."""

    public_url: str
    trace_url: str | None
    keys: Keys
    note_use: Callable[..., None]
    budgets: SharedBudgets
    wrong_keys: Budgets
    bodies: Transfers
    exports: Transfers
    answers: Transfers
    cursors: SealedCursors
