"""A caller of the API, and functions that read its answers."""

from typing import Any, Final
from uuid import uuid4

import httpx

from tests.contract.answer_checks import check_answer
from tests.contract.processes import NO_TLS
from tests.contract.waiting import TIMEOUT, until

DECIDED: Final = ("succeeded", "failed", "unknown")


class Caller(httpx.Client):
    """An HTTP client with one API key. It checks every answer against the contract."""

    def __init__(self, url: str, secret: str | None) -> None:
        super().__init__(
            base_url=url,
            timeout=TIMEOUT,
            verify=NO_TLS,
            trust_env=False,  # it has no proxies to look for
            headers={} if secret is None else {"authorization": f"Bearer {secret}"},
            event_hooks={"response": [check_answer]},
        )
        self.url = url
        self.secret = secret

    def write(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send a write with an Idempotency-Key, by default a new one. `body` is sent as JSON; a DELETE has none."""
        sent = {"idempotency-key": key or new_key(), **(headers or {})}
        return self.request(method, path, json=body, headers=sent)

    def create(
        self, path: str, body: Any, *, key: str | None = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """POST, wait as long as a call may, and return the resource of the 201."""
        answer = expect(self.write("POST", path, body, key=key, headers={"prefer": "wait=30", **(headers or {})}), 201)
        return answer.json()

    def settled(self, operation: httpx.Response) -> dict[str, Any]:
        """Follow the `Location` of a 202 until the operation has ended."""
        assert operation.status_code == 202, operation.text
        return self.await_operation(operation.headers["location"])

    def await_operation(self, path: str) -> dict[str, Any]:
        """Wait until the operation has ended, and return it."""

        def look() -> dict[str, Any]:
            return expect(self.get(path)).json()

        return until(look, lambda operation: operation["state"] in DECIDED)


def new_key() -> str:
    """Return a new Idempotency-Key."""
    return f"contract-{uuid4().hex}"


def expect(response: httpx.Response, status: int = 200, code: str | None = None) -> httpx.Response:
    """Return the answer, which must have this status, and as a problem this code."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    assert code is None or response.json()["code"] == code, response.text
    return response


def code_of(response: httpx.Response, status: int) -> str:
    """Return the code of a problem with this status."""
    return expect(response, status).json()["code"]


def pointers(response: httpx.Response) -> list[str]:
    """Return the JSON Pointers of a problem's errors."""
    return [error["pointer"] for error in response.json()["errors"]]


def parameters(response: httpx.Response) -> list[str]:
    """The query parameters that a problem's errors name."""
    return [error["parameter"] for error in response.json()["errors"]]
