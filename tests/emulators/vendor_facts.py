"""The facts that the shared suite needs about a vendor, and short ways to write its requests."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

Json = dict[str, Any]
Ask = dict[str, Any]
"""A request: `method`, `url` below the vendor's name and what else `httpx.Client.request` takes."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """How a vendor refuses: its status, its own word for it, and headers that go with it."""

    status: int
    code: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Emulated:
    """One vendor. `also` are other ways to send the credential, `wrong` are headers that open nothing.

    `record` finds the record in the answer to `show`, flat; `records` finds those of a page or a search. `follow`
    returns the request for the next page, or None at the end; None if pages of two records cannot be requested. `drift`
    names the members in which each kind of drift shows: an enum, a type, a field that is new and one that is missing.
    """

    name: str
    object: str
    credential: dict[str, str]
    wrong: tuple[dict[str, str], ...]
    code: Callable[[httpx.Response], str]
    unauthorised: Refused
    throttled: Refused
    nowhere: Ask
    no_route: Refused
    absent_id: str
    absent: Refused
    broken: Ask
    unreadable: Refused
    ordered: dict[int, str]
    create: Callable[[str], Ask]
    made: Callable[[Json], str]
    show: Callable[[str], Ask]
    record: Callable[[Json], Json]
    page: Ask
    records: Callable[[Any], list[Json]]
    drift: dict[str, str]
    odd: Json
    follow: Callable[[httpx.Response], Ask | None] | None = None
    also: tuple[dict[str, str], ...] = ()
    id: str = "id"
    search: Ask | None = None


def basic(user: str, password: str) -> dict[str, str]:
    """The header of Basic authorisation."""
    return {"authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def bearer(token: str) -> dict[str, str]:
    """The header with a bearer token."""
    return {"authorization": f"Bearer {token}"}


def get(url: str, **params: str | int) -> Ask:
    """A GET; brackets and colons are sent as they are written here."""
    query = "&".join(f"{name}={quote(str(value))}" for name, value in params.items())
    return {"method": "GET", "url": f"{url}?{query}" if query else url}


def post(url: str, **more: Any) -> Ask:
    """A POST."""
    return {"method": "POST", "url": url, **more}


def broken(url: str) -> Ask:
    """A body that is not JSON."""
    return post(url, content=b"{name", headers={"content-type": "application/json"})


def below(vendor: str, url: str) -> Ask:
    """The same address as an answer gives it, below the vendor's name."""
    parts = urlsplit(url)
    return {"method": "GET", "url": f"{parts.path.removeprefix(f'/{vendor}')}?{parts.query}"}
