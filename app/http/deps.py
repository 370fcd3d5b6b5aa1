"""The dependencies of the HTTP edge, and how a handler finds those of its capability."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from litestar import Request

from app.dependencies import Dependencies
from app.http.bodies import Transfers
from app.http.callers import Keys
from app.http.cursors import SealedCursors
from app.http.rate_limit import Budgets, SharedBudgets

T = TypeVar("T")


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


def deps_of(request: Request[Any, Any, Any], kind: type[T]) -> T:
    """Return the dependencies of this type of the application that handles the request."""
    dependencies: Dependencies = request.app.state["dependencies"]
    return dependencies.by_type[kind]  # type: ignore[no-any-return]
