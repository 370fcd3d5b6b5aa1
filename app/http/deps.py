"""What the HTTP edge is given, and how a route finds what its capability is given."""

from dataclasses import dataclass
from typing import Any, TypeVar

from litestar import Request

from app.dependencies import Dependencies
from app.http.callers import Keys
from app.http.cursors import Cursors
from app.http.rate_limit import Budgets
from app.http.transfers import Transfers

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class HttpDeps:
    """`public_url` is how callers reach Lockstitch; `trace_url` is the form of a trace's address in the trace UI.
    `wrong_keys` are the budgets of addresses for keys that are not valid."""

    public_url: str
    trace_url: str
    keys: Keys
    budgets: Budgets
    wrong_keys: Budgets
    bodies: Transfers
    exports: Transfers
    answers: Transfers
    cursors: Cursors


def deps_of(request: Request[Any, Any, Any], kind: type[T]) -> T:
    """The dependencies of this type in the application that handles the request."""
    dependencies: Dependencies = request.app.state.dependencies
    return dependencies.of(kind)
