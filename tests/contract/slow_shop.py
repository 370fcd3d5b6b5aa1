"""A Medusa on a socket that is still working on a customer when its gateway gives up."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.http_server import LocalServer, Reply, Request

CUSTOMERS = "/admin/customers"
GATEWAY_TIMEOUT = Reply(status=504, headers=(("content-type", "text/html"),), body=b"<html>Gateway timeout</html>")


class SlowShop(LocalServer):
    """Makes each customer at once, and refuses a second one with the same address.

    `slow`: the next customer is made when `finish` is called, and its caller is told that the gateway gave up.
    `customers` are those that were made, and `posts` counts the requests for one.
    """

    def __init__(self) -> None:
        self.customers: list[dict[str, Any]] = []
        self.slow = False
        self.posts = 0
        self._unfinished: dict[str, Any] | None = None
        super().__init__(self._answer)

    def finish(self) -> None:
        """Make the slow customer, unless its address has been taken meanwhile."""
        assert self._unfinished is not None
        self._make(self._unfinished)
        self._unfinished = None

    def _answer(self, request: Request) -> Reply:
        address = urlsplit(request.path)
        if request.method == "POST":
            self.posts += 1
            body = json.loads(request.body)
            if self.slow:
                self.slow, self._unfinished = False, body
                return GATEWAY_TIMEOUT
            made = self._make(body)
            return _said({"customer": made}) if made else _refusal(400, f"Customer {body['email']} already exists")
        if address.path == CUSTOMERS:
            return self._listed(parse_qs(address.query))
        if not address.path.startswith(f"{CUSTOMERS}/"):
            return _said({"regions": [], "shipping_options": []})
        by_path = {f"{CUSTOMERS}/{one['id']}": one for one in self.customers}
        customer = by_path.get(address.path)
        return _said({"customer": customer}) if customer else _refusal(404, "no such customer")

    def _make(self, body: dict[str, Any]) -> dict[str, Any] | None:
        if body.get("email") and any(one.get("email") == body["email"] for one in self.customers):
            return None
        now = datetime.now(UTC).isoformat()
        made = {"id": f"cus_{len(self.customers) + 1}", "created_at": now, "updated_at": now, **body}
        self.customers.append(made)
        return made

    def _listed(self, query: dict[str, list[str]]) -> Reply:
        matches = [one for one in self.customers if "email" not in query or one.get("email") in query["email"]]
        return _said({"customers": matches, "count": len(matches), "offset": 0, "limit": 5000})


def _said(body: dict[str, Any], status: int = 200) -> Reply:
    return Reply(status=status, headers=(("content-type", "application/json"),), body=json.dumps(body).encode())


def _refusal(status: int, message: str) -> Reply:
    return _said({"type": "not_found" if status == 404 else "invalid_data", "message": message}, status)
