"""Count what a change causes: Events, deliveries, and calls to the vendor, once nothing is under way any more."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import httpx

from app.dev.folder import EMULATOR_CREDENTIALS
from tests.contract.callers import Caller, expect
from tests.contract.emulators import Vendor
from tests.contract.facade import SECRETS, Facade
from tests.contract.processes import NO_TLS
from tests.contract.subscribers import Hook, SubscriberServer
from tests.contract.vendor_samples import SENDER_SECRET
from tests.contract.waiting import until
from tests.contract.webhook_connections import WEBHOOK_SECRETS

UNDER_WAY: Final = """
    SELECT (SELECT count(*) FROM job) + (SELECT count(*) FROM inbound_event WHERE settled_at IS NULL)
           + (SELECT count(*) FROM operation WHERE phase IN ('received', 'sent')) AS number
"""
SHOPIFY_API: Final = "/shopify/admin/api/2026-07/graphql.json"
SHOPIFY_FIELDS: Final = {
    "customerCreate": "customer { id } userErrors { message }",
    "customerUpdate": "customer { id } userErrors { message }",
    "customerDelete": "deletedCustomerId userErrors { message }",
}


class Vendors:
    """Records of the vendors as their own staff changes them, past Lockstitch. Each `make` sets several fields."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30.0, verify=NO_TLS)
        self._bearer = {"authorization": f"Bearer {SECRETS['HUBSPOT_TOKEN']}"}
        self._basic = (f"{SECRETS['ZENDESK_EMAIL']}/token", SECRETS["ZENDESK_TOKEN"])

    def make(self, vendor: Vendor, mark: str) -> str:
        """Create a record, and return its id."""
        if vendor == "hubspot":
            names = ("firstname", "lastname", "jobtitle", "phone", "city", "company")
            properties = {name: f"{mark} {name}" for name in names} | {"email": f"{mark}@example.com"}
            return str(self._hubspot("POST", "", {"properties": properties})["id"])
        if vendor == "shopify":
            made = self._shopify("customerCreate", {"firstName": "Ada", "lastName": mark, "note": "Likes tea"})
            return str(made["customer"]["id"]).rpartition("/")[2]
        ticket = {"subject": mark, "comment": {"body": "It came in two pieces."}, "priority": "low"}
        requester = {"requester": {"name": "Ada", "email": f"{mark}@example.com"}}
        return str(self._zendesk("POST", "/tickets.json", {"ticket": ticket | requester})["ticket"]["id"])

    def change(self, vendor: Vendor, remote_id: str, mark: str) -> None:
        """Change several fields at once."""
        if vendor == "hubspot":
            names = ("firstname", "lastname", "jobtitle", "phone")
            self._hubspot("PATCH", f"/{remote_id}", {"properties": {name: f"{mark} {name}" for name in names}})
        elif vendor == "shopify":
            gid = f"gid://shopify/Customer/{remote_id}"
            self._shopify("customerUpdate", {"id": gid, "firstName": mark, "note": mark, "tags": [mark]})
        else:
            ticket = {"subject": mark, "priority": "urgent", "tags": [mark]}
            self._zendesk("PUT", f"/tickets/{remote_id}.json", {"ticket": ticket})

    def delete(self, vendor: Vendor, remote_id: str) -> None:
        """Delete it."""
        if vendor == "hubspot":
            self._hubspot("DELETE", f"/{remote_id}", None)
        elif vendor == "shopify":
            self._shopify("customerDelete", {"id": f"gid://shopify/Customer/{remote_id}"})
        else:
            self._zendesk("DELETE", f"/tickets/{remote_id}.json", None)

    def converse(self, ticket: str, text: str, kind: str) -> None:
        """Add a note (`notes`) or a reply (`reply`) to a Freshdesk ticket."""
        self._freshdesk("POST", f"{ticket}/{kind}", {"body": text} | ({"private": True} if kind == "notes" else {}))

    def trash(self, ticket: str) -> None:
        """Delete a Freshdesk ticket, which can be restored."""
        self._freshdesk("DELETE", ticket)

    def restore(self, ticket: str) -> None:
        """Restore a deleted Freshdesk ticket."""
        self._freshdesk("PUT", f"{ticket}/restore")

    def paid_invoice(self, mark: str) -> str:
        """Bill a new customer at Stripe, who pays at once, and return the id of the invoice."""
        key = (EMULATOR_CREDENTIALS["LOCKSTITCH_DEV_STRIPE_KEY"], "")

        def post(path: str, **form: str) -> Any:
            return _body(self._http.post(f"/stripe/v1{path}", data=form, auth=key))

        buyer = post("/customers", email=f"{mark}@example.com")["id"]
        invoice: str = post("/invoices", customer=buyer, currency="eur")["id"]
        post("/invoiceitems", customer=buyer, invoice=invoice, amount="500", currency="eur", description="Mug")
        post(f"/invoices/{invoice}/finalize")
        post(f"/invoices/{invoice}/pay")
        return invoice

    def line_item(self, method: str, line: str, **properties: str) -> None:
        """Change or delete a line item at HubSpot."""
        path = f"/hubspot/crm/v3/objects/line_items/{line}"
        body = {"properties": properties} if properties else None
        _body(self._http.request(method, path, json=body, headers=self._bearer))

    def delete_user(self, remote_id: str) -> None:
        """Delete a Zendesk user."""
        self._zendesk("DELETE", f"/users/{remote_id}.json", None)

    def touch(self, remote_id: str) -> None:
        """Set a property of a HubSpot contact that no canonical field holds."""
        self._hubspot("PATCH", f"/{remote_id}", {"properties": {"website": "https://clay.example"}})

    def comment(self, remote_id: str, text: str) -> None:
        """Add a comment to a Zendesk ticket."""
        self._zendesk("PUT", f"/tickets/{remote_id}.json", {"ticket": {"comment": {"body": text}}})

    def _hubspot(self, method: str, path: str, body: Any) -> Any:
        url = f"/hubspot/crm/v3/objects/contacts{path}"
        return _body(self._http.request(method, url, json=body, headers=self._bearer))

    def _freshdesk(self, method: str, path: str, body: Any = None) -> None:
        token = EMULATOR_CREDENTIALS["LOCKSTITCH_DEV_FRESHDESK_TOKEN"]
        url = f"/freshdesk/api/v2/tickets/{path}"
        _body(self._http.request(method, url, json=body, auth=(token, "X")))

    def _zendesk(self, method: str, path: str, body: Any) -> Any:
        return _body(self._http.request(method, f"/zendesk/api/v2{path}", json=body, auth=self._basic))

    def _shopify(self, name: str, values: dict[str, Any]) -> Any:
        kind = "CustomerDeleteInput" if name == "customerDelete" else "CustomerInput"
        query = f"mutation($input: {kind}!) {{ {name}(input: $input) {{ {SHOPIFY_FIELDS[name]} }} }}"
        headers = {"x-shopify-access-token": SECRETS["SHOPIFY_TOKEN"]}
        sent = {"query": query, "variables": {"input": values}}
        answer = _body(self._http.post(SHOPIFY_API, json=sent, headers=headers))["data"][name]
        assert not answer["userErrors"], answer
        return answer


class Watch:
    """Sees what reaches one subscriber of everything, and how often the vendor was asked."""

    def __init__(self, facade: Facade, vendor: Vendor, hook: Hook) -> None:
        self._facade = facade
        self._vendor: Vendor = vendor
        self._hook = hook
        self._calls = self._asked()
        self._seen = len(hook.posts)

    def events(self) -> list[dict[str, Any]]:
        """The Events delivered since the watch began or this was called last, once nothing is under way."""
        self.settle()
        posts, self._seen = self._hook.posts[self._seen :], len(self._hook.posts)
        return [post.event for post in posts]

    def calls(self) -> int:
        """The calls since the watch began or this was called last, once nothing is under way."""
        self.settle()
        before, self._calls = self._calls, self._asked()
        return self._calls - before

    def settle(self) -> None:
        """Wait until the vendor has sent all its webhooks, and Lockstitch has finished with them."""
        pending = partial(self._facade.vendors.sent_webhooks, self._vendor, "waiting")
        until(lambda: not pending() and self._facade.sql(UNDER_WAY)[0]["number"] == 0)

    def _asked(self) -> int:
        return len(self._facade.vendors.calls(self._vendor))


@contextmanager
def sending_webhooks(facade: Facade, vendor: Vendor) -> Iterator[None]:
    """The vendor sends its webhooks to the connection with its name."""
    control = f"{facade.vendors.url}/_emulator/webhooks"
    target = {
        "vendor": vendor,
        "url": f"{facade.api.url}/v1/webhooks/{vendor}",
        "secret": WEBHOOK_SECRETS.get(vendor, SENDER_SECRET),
    }
    assert httpx.put(control, json=target, verify=NO_TLS).status_code == 200
    try:
        yield
    finally:
        httpx.delete(control, params={"vendor": vendor}, verify=NO_TLS)


@contextmanager
def subscribed(caller: Caller, subscribers: SubscriberServer, name: str, **wanted: Any) -> Iterator[Hook]:
    """A hook that gets all Events, or those that `wanted` names."""
    hook = subscribers.hook(name)
    answer = expect(caller.post("/v1/subscriptions", json={"target_url": hook.url, "events": ["*"]} | wanted), 201)
    try:
        yield hook
    finally:
        caller.delete(f"/v1/subscriptions/{answer.json()['id']}")


def _body(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None
