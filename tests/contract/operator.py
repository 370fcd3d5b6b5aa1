"""A browser without scripts, at the console of a running Lockstitch."""

import re
from collections.abc import Mapping
from typing import Final

import httpx

from tests.contract.processes import NO_TLS
from tests.contract.waiting import TIMEOUT

SESSION: Final = "lockstitch_console"
FROM_ANOTHER_SITE: Final = {"sec-fetch-site": "cross-site"}


class Operator(httpx.Client):
    """An HTTP client with cookies. It does not follow redirects."""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, timeout=TIMEOUT, trust_env=False, verify=NO_TLS)

    @property
    def session(self) -> str:
        """The value of the session cookie."""
        return self.cookies[SESSION]

    @session.setter
    def session(self, value: str) -> None:
        self.cookies.set(SESSION, value, domain="127.0.0.1", path="/console")

    def submit(
        self, page: str, path: str, fields: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Load a page, and send a form to `path` with its token."""
        return self.post(path, data={"csrf": token_in(self.get(page)), **(fields or {})}, headers=headers)

    def sign_in(self, key: str, to: str = "/console") -> httpx.Response:
        """Sign in with an API key, on the way to a page."""
        return self.submit("/console/sign-in", "/console/sign-in", {"key": key, "to": to})


def token_in(page: httpx.Response) -> str:
    """The token of the first form of a page."""
    match = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    assert match is not None, page.text
    return match[1]
