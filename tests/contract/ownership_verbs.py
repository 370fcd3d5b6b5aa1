"""Every verb that changes a covered field, and how to see whether it did."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.contract.callers import Caller, expect
from tests.contract.samples import customer, order, ticket, word


@dataclass
class Try:
    """A write that changes a covered field, and how to see whether it did."""

    method: str
    path: str
    body: Any
    pointer: str
    look: Callable[[], Any]
    before: Any
    after: Any

    def send(self, caller: Caller, **options: Any) -> httpx.Response:
        return caller.write(self.method, self.path, self.body, **options)

    def dry(self, caller: Caller) -> dict[str, Any]:
        """The verdict beforehand. It needs no key."""
        path = f"{self.path}{'&' if '?' in self.path else '?'}dry_run=true"
        return expect(caller.request(self.method, path, json=self.body)).json()


def field_of(caller: Caller, path: str, name: str) -> Callable[[], Any]:
    return lambda: caller.get(path).json().get(name)


def update(trusted: Caller) -> Try:
    made = trusted.create("/v1/customers", customer("hubspot", job_title="Potter"))
    path = f"/v1/customers/{made['id']}"
    body = {"job_title": "Smith"}
    return Try("PATCH", path, body, "/job_title", field_of(trusted, path, "job_title"), "Potter", "Smith")


def upsert(trusted: Caller) -> Try:
    made = trusted.create("/v1/customers", customer("hubspot", job_title="Potter"))
    path, body = f"/v1/customers/{made['id']}", {"emails": made["emails"], "job_title": "Smith"}
    looks = field_of(trusted, path, "job_title")
    return Try("POST", "/v1/customers?upsert_on=email", body, "/job_title", looks, "Potter", "Smith")


def native_upsert(trusted: Caller) -> Try:
    sent = customer("zendesk", tags=["blue"])
    made = trusted.create("/v1/customers?connection=zendesk", sent)
    path, looks = (
        "/v1/customers?connection=zendesk&upsert_on=email",
        field_of(trusted, f"/v1/customers/{made['id']}", "tags"),
    )
    return Try("POST", path, {**sent, "tags": ["vip"]}, "/tags", looks, ["blue"], ["blue", "vip"])


def create(trusted: Caller) -> Try:
    mark = word()

    def look() -> Any:
        matches = trusted.get(f"/v1/customers?email={mark}@example.com").json()["data"]
        return matches[0]["job_title"] if matches else None

    return Try("POST", "/v1/customers", customer("hubspot", mark, job_title="Smith"), "/job_title", look, None, "Smith")


def tag(trusted: Caller) -> Try:
    made = trusted.create("/v1/customers?connection=shopify", customer("shopify", tags=["blue"]))
    path = f"/v1/customers/{made['id']}"
    looks = field_of(trusted, path, "tags")
    return Try("POST", f"{path}/tags", {"add": ["vip"]}, "/tags", looks, ["blue"], ["blue", "vip"])


def cancel(trusted: Caller) -> Try:
    made = trusted.create("/v1/orders", order())
    path = f"/v1/orders/{made['id']}"
    looks = field_of(trusted, path, "status")
    return Try("POST", f"{path}/cancel", {"reason": "customer"}, "/status", looks, made["status"], "cancelled")


def archive(trusted: Caller) -> Try:
    made = trusted.create("/v1/customers", customer("hubspot"))
    path = f"/v1/customers/{made['id']}"
    return Try("DELETE", path, None, "/status", lambda: trusted.get(path).status_code, 200, 404)


def comment(trusted: Caller) -> Try:
    made = trusted.create("/v1/tickets", ticket("zendesk"))
    path = f"/v1/tickets/{made['id']}/comments"
    before = len(trusted.get(path).json()["data"])
    looks = lambda: len(trusted.get(path).json()["data"])  # noqa: E731
    return Try("POST", path, {"body_text": "On its way."}, "/comments", looks, before, before + 1)


VERBS: Final = (update, upsert, native_upsert, create, tag, cancel, archive, comment)


JUDGED_AT_ONCE: Final = (create, comment)
"""Their fields are judged before a 202, because no record has to be read."""
