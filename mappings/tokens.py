"""How connections obtain tokens: the grants of OAuth2 (RFC 6749, RFC 7636) and logins, as data and pure functions."""

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from msgspec import Struct

from canonical.parts import ObjectName
from mappings.http import VendorReply, VendorRequest

GrantKind = Literal["authorization_code", "client_credentials", "login"]
OldToken = Literal["kept", "until_new_is_used", "gone"]
"""What a refresh does to the old refresh token. `kept`: nothing. `until_new_is_used`: it is valid until a new token is
used. `gone`: it is deleted at once, so it must never be sent twice."""
Access = Literal["read", "write"]
Members = Mapping[str, str | int]

LONGEST_TOKEN: Final = 16_384
LONGEST_LIFE: Final = 3_153_600_000
"""A hundred years in seconds."""
_TOKEN: Final = re.compile(rf"[!-~]{{1,{LONGEST_TOKEN}}}")
_SCOPE: Final = re.compile(r"[!-~]{1,255}")

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"


class Issued(Struct, frozen=True, kw_only=True):
    """What a vendor issued. `expires_in` is in seconds; None if the vendor does not say, as for `scopes`."""

    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None
    scopes: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        return "Issued(…)"


class TokenRefusal(Struct, frozen=True, kw_only=True):
    """An error of a token endpoint. `code` is the vendor's, and holds no part of a secret."""

    code: str
    invalid_grant: bool
    """The grant is no longer valid: a person must authorise again."""


@dataclass(frozen=True, kw_only=True)
class Scopes:
    """The least scopes that each object needs. `always` are needed for anything. `read` are also needed for writing.
    `implied` are the scopes that a granted one contains."""

    always: tuple[str, ...] = ()
    read: Mapping[ObjectName, tuple[str, ...]] = field(default_factory=dict)
    write: Mapping[ObjectName, tuple[str, ...]] = field(default_factory=dict)
    implied: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def needed(self, access: Mapping[ObjectName, Access]) -> tuple[str, ...]:
        """Return the scopes for this access, sorted, without those that others contain."""
        needed = set(self.always)
        for name, may in access.items():
            needed.update(self.read.get(name, ()))
            if may == "write":
                needed.update(self.write.get(name, ()))
        return tuple(sorted(needed - self._implied_by(needed)))

    def missing(self, needed: Iterable[str], granted: Iterable[str]) -> tuple[str, ...]:
        """Return the needed scopes that were not granted, sorted."""
        scopes = set(granted)
        return tuple(sorted(set(needed) - scopes - self._implied_by(scopes)))

    def _implied_by(self, scopes: Iterable[str]) -> set[str]:
        return {inner for scope in scopes for inner in self.implied.get(scope, ())}


NO_SCOPES: Final = Scopes()


def issued(reply: VendorReply) -> Issued | None:
    """Read the reply of an OAuth2 token endpoint (RFC 6749, section 5.1). None for any other reply."""
    body = _read(reply.body, _TokenReply)
    if body is None or not body.access_token:
        return None
    if isinstance(body.scope, str):
        scopes: tuple[str, ...] | None = tuple(body.scope.replace(",", " ").split())
    else:
        scopes = body.scopes
    return Issued(
        access_token=body.access_token,
        refresh_token=body.refresh_token or None,
        expires_in=body.expires_in,
        scopes=scopes,
    )


def flaw_of(tokens: Issued) -> str | None:
    """Return why an issued token cannot be used, without quoting it; None if it can. Tokens are sent in headers, and
    stored with their expiry."""
    for name in ("access_token", "refresh_token"):
        token = getattr(tokens, name)
        if token is not None and not _TOKEN.fullmatch(token):
            return f"{name} is longer than {LONGEST_TOKEN} characters or has others than visible ASCII"
    # False for not a number, too.
    if tokens.expires_in is not None and not 0 <= tokens.expires_in <= LONGEST_LIFE:
        return f"expires_in is not a number of seconds from 0 to {LONGEST_LIFE}"
    if not all(_SCOPE.fullmatch(scope) for scope in tokens.scopes or ()):
        return "scope has other characters than visible ASCII"
    return None


def refused(reply: VendorReply) -> TokenRefusal | None:
    """Read the error of a token endpoint (RFC 6749, section 5.2), also in HubSpot's form. None for any other reply."""
    body = _read(reply.body, _TokenError)
    code = None if body is None else body.error or body.status
    if not isinstance(code, str) or not code.isascii() or len(code) > 64 or not code.replace("_", "").isalnum():
        code = None
    if code is None and reply.status not in (400, 401):
        return None
    known = code or f"status_{reply.status}"
    return TokenRefusal(code=known, invalid_grant=known.lower() in _GRANT_ENDED)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One way to obtain tokens. Paths are relative to the base URL; `authorize_url` may be a whole URL.

    `secrets` are the names in `credentials`; those in `names` are no secrets. `client` says how the client
    authenticates: with members of the body or Basic authentication. `more` are further members of every token request.
    `scopes` are needed in addition to those of the objects. `lifetime`, in seconds, counts if the vendor does not send
    one; None is unlimited. `header` and `template` say how the access token is sent. `login` builds the request of a
    login from the secrets.
    """

    kind: GrantKind
    token_path: str
    secrets: tuple[str, ...] = ("client_id", "client_secret")
    names: frozenset[str] = frozenset({"client_id"})
    authorize_url: str = ""
    after_refresh: OldToken = "kept"
    client: Literal["body", "basic"] = "body"
    encoding: Literal["form", "json"] = "form"
    more: Members = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    separator: str = " "
    asks_scopes: bool = True
    lifetime: float | None = None
    header: str = "Authorization"
    template: str = "Bearer {token}"
    login: Callable[[Mapping[str, str]], Members] | None = None
    read: Callable[[VendorReply], Issued | None] = issued

    @property
    def needs_person(self) -> bool:
        """Return whether only a person can begin it again."""
        return self.kind == "authorization_code"

    def authorize_page(
        self, base_url: str, secrets: Mapping[str, str], more: Mapping[str, str], *, elsewhere: bool = False
    ) -> str:
        """Return the URL where a person consents. `elsewhere`: the base URL is not the vendor's own, so the page is
        below it too."""
        url = self.authorize_url
        if "://" not in url or elsewhere:
            url = base_url + urlsplit(url).path
        parameters = {"response_type": "code", "client_id": secrets["client_id"], **more}
        return f"{url}?{urlencode(parameters, quote_via=quote)}"

    def code_request(self, secrets: Mapping[str, str], code: str, redirect_uri: str, verifier: str) -> VendorRequest:
        """Exchange a code."""
        members = {"code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        return self._request(secrets, {"grant_type": "authorization_code", **members})

    def refresh_request(self, secrets: Mapping[str, str], refresh_token: str) -> VendorRequest:
        """Exchange a refresh token."""
        return self._request(secrets, {"grant_type": "refresh_token", "refresh_token": refresh_token})

    def own_request(self, secrets: Mapping[str, str], scopes: tuple[str, ...]) -> VendorRequest:
        """Ask for a token without a person: client credentials, or a login."""
        if self.login is not None:
            return self._encoded(self.login(secrets), ())
        members = {"scope": self.separator.join(scopes)} if scopes and self.asks_scopes else {}
        return self._request(secrets, {"grant_type": "client_credentials", **members})

    def _request(self, secrets: Mapping[str, str], members: Members) -> VendorRequest:
        client = {"client_id": secrets["client_id"], "client_secret": secrets["client_secret"]}
        if self.client == "body":
            return self._encoded({**members, **client, **self.more}, ())
        # RFC 6749, section 2.3.1: both are form-encoded first.
        pair = ":".join(quote(value, safe="") for value in client.values())
        basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return self._encoded({**members, **self.more}, (("Authorization", basic),))

    def _encoded(self, members: Members, headers: tuple[tuple[str, str], ...]) -> VendorRequest:
        form = self.encoding == "form"
        return VendorRequest(
            method="POST",
            path=self.token_path,
            route=self.token_path,
            body=urlencode(members).encode() if form else msgspec.json.encode(members),
            content_type=FORM if form else JSON,
            headers=headers,
            effect=True,
        )


class _TokenReply(Struct, frozen=True, kw_only=True):
    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None
    scope: str | None = None
    scopes: tuple[str, ...] | None = None  # HubSpot


class _TokenError(Struct, frozen=True, kw_only=True):
    error: Any = None
    status: Any = None


# HubSpot names the error in `status`.
_GRANT_ENDED: Final = ("invalid_grant", "bad_refresh_token", "bad_auth_code")


def _read(body: bytes, into: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=into, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
