"""What sets each template off, and the effects that the vendors, the tables and the chat have to hold afterwards."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import httpx
from template_stage import Stage

WITHIN_S: Final = 90


@dataclass(frozen=True, kw_only=True)
class Case:
    """A template: what sets it off, and its effects at the vendors, each a list that has to come to one.

    `recurs`: n8n does not repeat what it lost in a crash, but the cause comes again.
    """

    cause: Callable[[Stage, str], object]
    effects: Callable[[Stage, str], list[list[Any]]]
    recurs: bool = False


def eventually(check: Callable[[], Any]) -> Any:
    """What `check` gives once it is true. Raises AssertionError."""
    give_up = time.monotonic() + WITHIN_S
    while not (result := check()):
        assert time.monotonic() < give_up, "it did not come about"
        time.sleep(0.25)
    return result


def contacts(stage: Stage, email: str) -> list[Any]:
    return [one for one in stage.dev.records("hubspot", "contacts") if one["properties"].get("email") == email]


def tickets(stage: Stage, *words: str) -> list[dict[str, Any]]:
    """The tickets whose record holds all these words."""
    return [one for one in stage.dev.records("zendesk", "tickets") if all(word in json.dumps(one) for word in words)]


def shop_customer(stage: Stage, tag: str) -> None:
    stage.dev.place("shopify", "Customer", {"defaultEmailAddress": {"emailAddress": f"{tag}@example.com"}})


def new_ticket(stage: Stage, tag: str) -> None:
    """A customer of the CRM, with an order in the shop, writes to the help desk."""
    email = f"{tag}@example.com"
    stage.dev.place("hubspot", "contacts", {"properties": {"email": email, "lastname": f"Known {tag}"}})
    user = stage.dev.place("zendesk", "users", {"name": f"Known {tag}", "email": email, "role": "end-user"})
    stage.dev.place("zendesk", "tickets", {"subject": f"Help {tag}", "description": "?", "requester_id": user["id"]})


def enriched(stage: Stage, tag: str, words: str, routed: str) -> list[list[Any]]:
    """The notes with these words, the queues and the priority of the ticket, and whether its run says where it went."""
    (ticket,) = tickets(stage, f"Help {tag}")
    comments = (json.dumps(one) for one in stage.dev.records("zendesk", "comments"))
    notes = [one for one in comments if words in one and f"Requester: Known {tag}" in one]
    expected = [f"hubspot: Known {tag}", "No answer from hubspot ("][: 1 if tag.startswith("none") else 2]
    return [
        [one for one in notes if any(line in one for line in expected)],
        [one for one in ticket["tags"] if one.startswith("queue-")],
        [ticket["priority"]] * (ticket["priority"] == "normal"),
        [routed] * any(routed in one for one in run_notes(stage, f"Help {tag}")),
    ]


def run_notes(stage: Stage, subject: str) -> list[str]:
    """The notes in the run of a new ticket."""
    events = stage.dev.find("/v1/events", type="ticket.created", limit="250")
    runs = [one["correlation_id"] for one in events if one["data"]["subject"] == subject]
    return [step["sentence"] for run in runs for step in steps_of(stage, run) if step["kind"] == "note"]


def steps_of(stage: Stage, run: str) -> Iterator[dict[str, Any]]:
    path = f"/ops/runs/{run}"
    page = stage.dev.operate(path, limit="250")
    yield from page["data"]
    while page["has_more"]:
        page = stage.dev.operate(path, limit="250", cursor=page["next_cursor"])
        yield from page["data"]


def crm_contact(stage: Stage, tag: str) -> None:
    stage.dev.place("salesforce", "Contact", {"LastName": tag, "Email": f"{tag}@example.com"})


def alarm(stage: Stage, tag: str) -> None:
    """Lockstitch raises an alarm, and sends it until it is taken."""
    body = {
        "text": f"Alarm {tag}",
        "alarm": tag,
        "state": "raised",
        "installation": "test",
        "since": "2026-05-01T00:00:00Z",
    }
    eventually(
        lambda: httpx.post(f"{stage.door.url}/webhook/lockstitch-alarm", json=body, timeout=60).status_code == 200
    )


def refused_later(stage: Stage, tag: str) -> None:
    """A write that is answered 202 and then refused by the vendor."""
    with stage.dev.failing("woocommerce", {"kind": "status", "status": 400}):
        headers = {
            "Authorization": f"Bearer {stage.dev.key}",
            "Idempotency-Key": tag,
            "Prefer": "respond-async",
            "X-Correlation-ID": f"after202-{tag}",
        }
        body = {"emails": [{"address": f"{tag}@example.com"}]}
        answer = httpx.post(
            f"{stage.dev.api}/v1/customers?connection=woocommerce", json=body, headers=headers, timeout=30
        )
        assert answer.status_code == 202, answer.text
        state = f"/v1/operations/{answer.json()['id']}"
        eventually(lambda: stage.dev.operate(state)["state"] == "failed")


def rows(stage: Stage, table: str, column: str, value: str) -> list[Any]:
    """The rows of a data table of n8n with this value."""
    with closing(sqlite3.connect(f"file:{stage.n8n.database}?mode=ro", uri=True, timeout=10)) as opened:
        ids = opened.execute("SELECT id FROM data_table WHERE name = ?", (table,)).fetchall()
        if not ids:
            return []
        query = f'SELECT 1 FROM "data_table_user_{ids[0][0]}" WHERE "{column}" = ?'  # noqa: S608 (names of n8n)
        return opened.execute(query, (value,)).fetchall()


def linked(stage: Stage, tag: str, source: str) -> list[Any]:
    """The contact of the CRM, and its link to the system that it was copied from."""
    contact_records = contacts(stage, f"{tag}@example.com")
    if len(contact_records) != 1:
        return [contact_records, []]
    customer = stage.dev.operate(f"/v1/customers/hubspot:{contact_records[0]['id']}")
    return [contact_records, [one for one in customer["meta"]["links"] if one["connection"] == source]]


def helpdesk_customer(stage: Stage, tag: str) -> None:
    stage.dev.place("freshdesk", "contacts", {"name": f"Night {tag}", "email": f"{tag}@example.com"})


def shop_order(stage: Stage, tag: str) -> dict[str, Any]:
    """A large order of a new buyer."""
    body = {
        "currency": "EUR",
        "external_id": tag,
        "customer": {"email": f"{tag}@example.com", "name": f"Buyer {tag}"},
        "line_items": [{"name": f"Loom {tag}", "quantity": "1", "unit_price": "640.00"}],
    }
    return stage.dev.create("/v1/orders", body, connection="shopify")


def ordered(stage: Stage, tag: str) -> list[list[Any]]:
    """The contact and the order in the CRM, and the ticket about a large order."""
    (order,) = [one for one in stage.dev.records("shopify", "Order") if f"{tag}@example.com" in json.dumps(one)]
    return [
        contacts(stage, f"{tag}@example.com"),
        crm_orders(stage, f"Loom {tag}"),
        tickets(stage, f'Large order {order["name"]}"'),
    ]


def crm_orders(stage: Stage, text: str) -> list[Any]:
    """The line items of orders in the CRM that say this: one for each order."""
    return [one for one in stage.dev.records("hubspot", "line_items") if text in json.dumps(one)]


def cancelled(stage: Stage, tag: str) -> None:
    order = shop_order(stage, tag)
    stage.dev.create(f"/v1/orders/{order['id']}/cancel", {"reason": "customer"}, connection="shopify")


def noticed(stage: Stage, tag: str) -> list[list[Any]]:
    (order,) = [one for one in stage.dev.records("shopify", "Order") if f"{tag}@example.com" in json.dumps(one)]
    return [tickets(stage, f"Order {order['name']} was cancelled")]


def paid_invoice(stage: Stage, tag: str) -> None:
    """A customer pays an invoice at the payment service."""
    with httpx.Client(base_url=f"{stage.dev.emulators}/stripe/v1", auth=("sk_test_dev", ""), timeout=30) as stripe:

        def post(path: str, **form: str) -> Any:
            answer = stripe.post(path, data=form)
            assert answer.is_success, answer.text
            return answer.json()

        customer = post("customers", name=f"Payer {tag}", email=f"{tag}@example.com")["id"]
        invoice = post("invoices", customer=customer, currency="eur")["id"]
        post(
            "invoiceitems",
            customer=customer,
            invoice=invoice,
            amount="500",
            currency="eur",
            description=f"Bobbin {tag}",
        )
        post(f"invoices/{invoice}/pay")


def booked(stage: Stage, tag: str) -> list[list[Any]]:
    """The row of the ledger, and the order in the CRM."""
    return [rows(stage, "lockstitch_ledger", "customer", f"{tag}@example.com"), crm_orders(stage, f"Bobbin {tag}")]


def sold_out(stage: Stage, tag: str) -> None:
    """An article falls below the threshold of the shop."""
    article = {"name": f"Thread {tag}", "sku": tag, "price": "5", "manage_stock": True, "stock_quantity": 12}
    placed = stage.dev.place("woocommerce", "products", article)
    eventually(lambda: stage.dev.find("/v1/stock_levels", sku=tag))
    stage.dev.place("woocommerce", "products", placed | {"stock_quantity": 2})


def queued_write(stage: Stage, tag: str) -> None:
    headers = {"Authorization": f"Bearer {stage.dev.key}", "Idempotency-Key": tag, "X-Correlation-ID": f"report-{tag}"}
    body = {"emails": [{"address": f"{tag}@example.com"}]}
    httpx.post(f"{stage.dev.api}/v1/customers?connection=freshdesk", json=body, headers=headers).raise_for_status()


def failing_workflow(stage: Stage, tag: str) -> None:
    """Three executions fail at once for one reason: the chat refuses."""

    def send(number: int) -> None:
        body = {"text": f"Refused {tag}", "alarm": f"{tag}-{number}", "state": "over", "installation": "t", "since": ""}
        url = f"{stage.n8n.url}/webhook/lockstitch-alarm"  # unknown for a moment after a start of n8n
        eventually(lambda: httpx.post(url, json=body, timeout=60).status_code == 503)

    for _ in range(3):
        stage.chat.refuse(f"Refused {tag}")
    with ThreadPoolExecutor() as pool:
        list(pool.map(send, range(3)))


REPORTED: Final = ("Check chat_url in the node Run.", "Execution: http", "Correlation id: ", "lockstitch runs show ")
EXPLAINED: Final = ("WooCommerce", "Operation: op_")
CASES: Final = {
    "webhook--customer-changed-to-crm": Case(
        cause=shop_customer, effects=lambda stage, tag: [contacts(stage, f"{tag}@example.com")]
    ),
    "webhook--new-ticket-enriched": Case(
        cause=new_ticket,
        effects=lambda stage, tag: enriched(stage, tag, "From your other systems", "routed to general"),
    ),
    "schedule--nightly-sync": Case(cause=crm_contact, effects=lambda stage, tag: linked(stage, tag, "salesforce")),
    "schedule--what-became-of-202": Case(
        cause=refused_later,
        effects=lambda stage, tag: [tickets(stage, f"runs show after202-{tag}", "is failed", *EXPLAINED)],
    ),
    "webhook--alarm-to-chat": Case(
        cause=alarm, effects=lambda stage, tag: [[one for one in stage.chat.texts if one == f"Alarm {tag}"]]
    ),
    "error--open-ticket": Case(
        cause=failing_workflow, effects=lambda stage, tag: [tickets(stage, f"Refused {tag}", *REPORTED)], recurs=True
    ),
    "event--customer-to-crm": Case(cause=shop_customer, effects=lambda stage, tag: linked(stage, tag, "shopify")),
    "schedule--nightly-copy": Case(cause=helpdesk_customer, effects=lambda stage, tag: linked(stage, tag, "freshdesk")),
    "event--order-to-crm": Case(cause=shop_order, effects=ordered),
    "event--new-ticket-enriched": Case(
        cause=new_ticket,
        effects=lambda stage, tag: enriched(stage, tag, "What your other systems know", "queue general"),
    ),
    "event--order-cancelled-notice": Case(cause=cancelled, effects=noticed),
    "event--invoice-paid-ledger": Case(cause=paid_invoice, effects=booked),
    "event--stock-low-ticket": Case(cause=sold_out, effects=lambda stage, tag: [tickets(stage, f'"Stock low: {tag}"')]),
    "schedule--operations-report": Case(
        cause=queued_write,
        effects=lambda stage, tag: [rows(stage, "lockstitch_operations", "correlation_id", f"report-{tag}")],
    ),
}
