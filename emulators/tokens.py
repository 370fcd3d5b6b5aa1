"""The vendors' OAuth2 servers: authorisation page, token endpoint, and the old tokens after a refresh."""

import base64
import hashlib
import hmac
import secrets
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

import msgspec

from emulators.http import Answer, Call, json_answer
from emulators.state import State

CODES, GRANTS, ACCESS, REFRESH = "oauth_codes", "oauth_grants", "oauth_access_tokens", "oauth_refresh_tokens"
CODE_SECONDS = 120

OldToken = Literal["kept", "until_new_is_used", "gone"]
"""The old tokens after a refresh. `kept`: the refresh token stays the same. `until_new_is_used`: they are valid until a
new one is used. `gone`: they are deleted at once."""


class TokenRules(msgspec.Struct, frozen=True, kw_only=True):
    """One vendor's server. Paths are below `/<vendor>`. `says_lifetime`: replies have `expires_in`. `sends_scopes`:
    replies have `scope`, joined with this separator. `own_scopes` are those of client credentials."""

    vendor: str
    authorize_path: str
    token_path: str
    old: OldToken
    seconds: float
    separator: str = " "
    says_lifetime: bool = True
    repeats_refresh_token: bool = True
    own_scopes: tuple[str, ...] | None = None
    header: str = "authorization"
    more: dict[str, Any] = {}

    @property
    def client_id(self) -> str:
        """The only client."""
        return f"{self.vendor}-dev-client"

    @property
    def client_secrets(self) -> tuple[str, ...]:
        """Its two secrets, which protect nothing else. Vendors accept two while a secret is rotated."""
        return (f"{self.vendor}-dev-client-secret", f"{self.vendor}-dev-client-secret-2")


class Tokens:
    """Issues and validates tokens. All data are in the state that is passed in."""

    def __init__(self, rules: TokenRules) -> None:
        """Use these rules."""
        self.rules = rules

    def answer(self, call: Call, state: State, now: float) -> Answer | None:
        """Return the reply of the authorisation page or the token endpoint; None for any other path."""
        if call.path == self.rules.authorize_path and call.method == "GET":
            return self._authorised(call, state, now)
        if call.path == self.rules.token_path and call.method == "POST":
            return self._issued(_members(call), state, now)
        return None

    def accepts(self, call: Call, state: State, now: float) -> bool:
        """Return whether the call has a valid access token. Its first use ends the tokens that it replaced."""
        token = state.get(ACCESS, self._presented(call))
        if token is None or token["ends_at"] <= now:
            return False
        self._used(token, state)
        return True

    def revoke(self, call: Call, state: State) -> None:
        """Revoke the call's token: an access token, or the whole grant at the token endpoint."""
        if call.path != self.rules.token_path:
            state.delete(ACCESS, self._presented(call))
            return
        token = state.get(REFRESH, str(_members(call).get("refresh_token", "")))
        if token is not None:
            self._drop(token["grant"], state)

    def _presented(self, call: Call) -> str:
        header = call.headers.get(self.rules.header, "")
        return header if self.rules.header != "authorization" else header.removeprefix("Bearer ")

    def _authorised(self, call: Call, state: State, now: float) -> Answer:
        """Consent at once to all requested scopes."""
        redirect, client = call.param("redirect_uri"), call.param("client_id")
        if client != self.rules.client_id or not redirect or call.param("response_type") not in ("code", None):
            return _refused("invalid_request", "unknown client, or no redirect_uri")
        code = secrets.token_urlsafe(24)
        state.put(
            CODES,
            code,
            {
                "redirect_uri": redirect,
                "scope": call.param("scope") or "",
                "challenge": call.param("code_challenge"),
                "ends_at": now + CODE_SECONDS,
            },
        )
        parameters = {"code": code, "state": call.param("state") or ""}
        return Answer(status=302, headers={"location": f"{redirect}?{urlencode(parameters)}"})

    def _issued(self, form: dict[str, Any], state: State, now: float) -> Answer:
        secret = str(form.get("client_secret", "")).encode()
        known = any(hmac.compare_digest(secret, one.encode()) for one in self.rules.client_secrets)
        if form.get("client_id") != self.rules.client_id or not known:
            return _refused("invalid_client", "the client or its secret is unknown", 401)
        match form.get("grant_type"):
            case "authorization_code":
                return self._exchanged(form, state, now)
            case "refresh_token":
                return self._refreshed(form, state, now)
            case "client_credentials" if self.rules.own_scopes is not None:
                scope = self.rules.separator.join(self.rules.own_scopes)
                return self._reply(None, scope, form, state, now)
        return _refused("unsupported_grant_type", "grant_type is not supported")

    def _exchanged(self, form: dict[str, Any], state: State, now: float) -> Answer:
        code = state.get(CODES, str(form.get("code", "")))
        if code is None or code["ends_at"] <= now or code["redirect_uri"] != form.get("redirect_uri"):
            return _refused("invalid_grant", "the code is unknown, used or expired")
        state.delete(CODES, str(form["code"]))
        if code["challenge"] is not None and code["challenge"] != _challenge(str(form.get("code_verifier", ""))):
            return _refused("invalid_grant", "the code verifier does not fit")
        grant = secrets.token_hex(8)
        state.put(GRANTS, grant, {"scope": code["scope"]})
        return self._reply(grant, code["scope"], form, state, now)

    def _refreshed(self, form: dict[str, Any], state: State, now: float) -> Answer:
        old = state.get(REFRESH, str(form.get("refresh_token", "")))
        grant = None if old is None else state.get(GRANTS, old["grant"])
        if old is None or grant is None:
            return _refused("invalid_grant", "the refresh token is unknown, used or revoked")
        self._used(old, state)
        if self.rules.old == "gone":
            self._drop(old["grant"], state)
            state.put(GRANTS, old["grant"], grant)
        return self._reply(old["grant"], grant["scope"], form, state, now, old=old["id"])

    def _reply(
        self, grant: str | None, scope: str, form: dict[str, Any], state: State, now: float, old: str | None = None
    ) -> Answer:
        """Issue new tokens. They revoke the unused ones of the same grant, and the old ones at their first use."""
        seconds = state.setting("token_seconds", float(form.get("expires_in") or self.rules.seconds))
        rotates = self.rules.old != "kept"
        ends = old if rotates else None
        if ends is not None and self.rules.old == "until_new_is_used":
            for object in (ACCESS, REFRESH):
                for token in state.lookup(object, "replaces", ends):
                    state.delete(object, token["id"])
        access = f"{self.rules.vendor}-access-{secrets.token_urlsafe(24)}"
        _put(state, ACCESS, access, grant, ends, now + seconds - state.setting("clock_skew", 0.0))
        reply: dict[str, Any] = {"access_token": access, "token_type": "bearer", **self.rules.more}
        if scope:
            reply["scope"] = scope
        if self.rules.says_lifetime:
            reply["expires_in"] = int(seconds)
        if grant is not None and (old is None or rotates):
            refresh = f"{self.rules.vendor}-refresh-{secrets.token_urlsafe(24)}"
            _put(state, REFRESH, refresh, grant, ends, None)
            reply["refresh_token"] = refresh
        elif old is not None and self.rules.repeats_refresh_token:
            reply["refresh_token"] = old
        return json_answer(200, reply, {"cache-control": "no-store"})

    def _used(self, token: dict[str, Any], state: State) -> None:
        """End the tokens that this one replaced."""
        if token["replaces"] is None:
            return
        before = state.get(REFRESH, token["replaces"])
        if before is None:
            return
        state.delete(REFRESH, before["id"])
        for access in state.lookup(ACCESS, "grant", before["grant"]):
            if access["replaces"] != token["replaces"]:
                state.delete(ACCESS, access["id"])

    def _drop(self, grant: str, state: State) -> None:
        for object in (ACCESS, REFRESH):
            for token in state.lookup(object, "grant", grant):
                state.delete(object, token["id"])
        state.delete(GRANTS, grant)


def issued_tokens(state: State) -> list[str]:
    """Return the valid access and refresh tokens."""
    return [token["id"] for object in (ACCESS, REFRESH) for token in state.all(object)]


def _put(state: State, object: str, id: str, grant: str | None, replaces: str | None, ends_at: float | None) -> None:
    keys = {name: value for name, value in (("grant", grant), ("replaces", replaces)) if value is not None}
    state.put(object, id, {"id": id, "grant": grant, "replaces": replaces, "ends_at": ends_at}, keys)


def _members(call: Call) -> dict[str, Any]:
    """Return the members of a form or of JSON."""
    if call.headers.get("content-type", "").startswith("application/json"):
        body = call.json()
        return body if isinstance(body, dict) else {}
    return dict(parse_qsl(call.body.decode("latin-1")))


def _challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _refused(error: str, description: str, status: int = 400) -> Answer:
    return json_answer(status, {"error": error, "error_description": description}, {"cache-control": "no-store"})
