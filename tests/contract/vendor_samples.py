"""A sample record of each object at each emulated vendor, and a Lockstitch connected to all of them.

One table holds the differences between vendors, so one test covers all of them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

from app.dev.folder import CONFIG_FILE, EMULATED, EMULATOR_CREDENTIALS, GATEWAY, secret_variable
from canonical.parts import ObjectName
from mappings.registry import VENDORS, AnyMapping, active
from tests.contract.emulators import Vendor
from tests.contract.facade import CONNECTIONS, Facade
from tests.contract.samples import Body, order, shop_order, word
from tests.required import required

EVERY_VENDOR: Final[tuple[Vendor, ...]] = get_args(Vendor)
CREDENTIALS: Final[dict[Vendor, tuple[str, ...]]] = {
    "freshdesk": ("token",),
    "hubspot": ("token",),
    "salesforce": ("token",),
    "shopify": ("token",),
    "stripe": ("key",),
    "woocommerce": ("consumer_key", "consumer_secret"),
    "zendesk": ("email", "token"),
}
# A Salesforce order needs an account and a product of the org; the emulator's seed has these.
ACCOUNT: Final = "001dM00000Loop1QAB"
THREAD: Final = "01udM00000Thrd1QAB"
SALESFORCE_ACCOUNTS: Final = """
[[connections.{name}.custom_fields.orders]]
key = "account"
vendor_field = "AccountId"
"""


ATTACHING: Final = "-attaching"
"""The end of the names of connections whose orders are attached to accounts by address."""


class Sample(NamedTuple):
    """One object at one vendor: a body to create that contains the mark, a change, the vendor's collection, the path of
    the creating call, and an unused id."""

    vendor: Vendor
    object: ObjectName
    body: Callable[[str], Body]
    change: Body
    held_as: str
    made_at: str
    absent: str

    @property
    def path(self) -> str:
        """The path of its list."""
        return f"/v1/{self.object}s"

    @property
    def mapping(self) -> AnyMapping:
        """Its newest released mapping, or the newest."""
        return required(active(VENDORS[self.vendor], self.object))

    @property
    def upsert_keys(self) -> list[str]:
        """The fields that an upsert can match on."""
        endpoints = self.mapping.endpoints
        return sorted({*endpoints.upsert, *endpoints.find})

    def collection(self, connection: str | None = None) -> str:
        """The path to create one, at the vendor's usual connection or at another one."""
        return f"{self.path}?connection={connection or self.vendor}"


def person(mark: str) -> Body:
    """A person with a given name and a family name."""
    return {"first_name": "Ada", "last_name": mark, "emails": [{"address": f"{mark}@example.com"}]}


def named(mark: str) -> Body:
    """A person with one name."""
    return {"display_name": f"Ada {mark}", "emails": [{"address": f"{mark}@example.com"}]}


def request(mark: str) -> Body:
    """A ticket with a requester."""
    return {**note(mark), "requester": {"email": f"{mark}@example.com", "name": "Ada"}}


def note(mark: str) -> Body:
    """A ticket without a requester."""
    return {"subject": f"Mug {mark}", "description": "It came in two pieces."}


def checkout(mark: str) -> Body:
    """An order of an unknown customer."""
    line = {"name": f"Mug {mark}", "quantity": "2", "unit_price": "19.90"}
    return {"currency": "EUR", "external_id": f"key-{mark}", "line_items": [line]}


def sale(mark: str) -> Body:
    """An order of a product of the shop."""
    line = {
        "name": "Mug",
        "product": {"connection": "woocommerce", "remote_id": "11"},
        "quantity": "2",
        "unit_price": "19.90",
    }
    return {"currency": "EUR", "customer": {"email": f"{mark}@example.com"}, "line_items": [line]}


def supply(mark: str) -> Body:
    """An order of thread, for an account."""
    line = {
        "product": {"connection": "salesforce", "variant_remote_id": THREAD},
        "quantity": "2",
        "unit_price": "19.90",
    }
    fields = [{"key": "account", "value": ACCOUNT}]
    placed = "2026-11-25T00:00:00Z"
    return {"placed_at": placed, "internal_note": f"For {mark}", "line_items": [line], "custom_fields": fields}


FRESHDESK: Final = "/api/v2"
HUBSPOT: Final = "/crm/v3/objects"
CONTACTS: Final = "/services/data/v62.0/sobjects/Contact"
CASES: Final = "/services/data/v62.0/sobjects/Case"
COMPOSITE: Final = "/services/data/v62.0/composite"
SHOPIFY: Final = "/admin/api/2026-07/graphql.json"
WOO: Final = "/wp-json/wc/v3"
ZENDESK: Final = "/api/v2"
SENDERS: Final[tuple[Vendor, ...]] = ("freshdesk", "stripe", "woocommerce")
"""The vendors whose webhooks have no connection of their own in `webhook_connections`."""
WIDE: Final = "pacing = { units = 60000000, per_seconds = 60, concurrency = 64 }\n"
SENDER_SECRET: Final = "whsec_8q0Zs1cRk7o2wXyN5tJmB4uVhE6gLpAd"
LATER: Final = {"subject": "Both mugs"}
SAMPLES: Final = {
    f"{sample.vendor} {sample.object}": sample
    for sample in (
        Sample("freshdesk", "customer", named, {"job_title": "Potter"}, "contacts", f"{FRESHDESK}/contacts", "9" * 11),
        Sample("freshdesk", "ticket", request, LATER, "tickets", f"{FRESHDESK}/tickets", "9" * 11),
        Sample("hubspot", "customer", person, {"job_title": "Potter"}, "contacts", f"{HUBSPOT}/contacts", "9" * 11),
        Sample("hubspot", "ticket", note, LATER, "tickets", f"{HUBSPOT}/tickets", "9" * 11),
        Sample(
            "hubspot", "order", shop_order, {"customer_note": "Ring twice."}, "orders", f"{HUBSPOT}/orders", "9" * 11
        ),
        Sample("salesforce", "customer", person, {"job_title": "Potter"}, "Contact", CONTACTS, "003dM00000Nobdy"),
        Sample("salesforce", "ticket", note, LATER, "Case", CASES, "500dM00000Nobdy"),
        Sample("salesforce", "order", supply, {"internal_note": "Ring twice."}, "Order", COMPOSITE, "801dM00000Nobdy"),
        Sample("shopify", "customer", person, {"notes": "Likes blue."}, "Customer", SHOPIFY, "9" * 11),
        Sample("shopify", "order", order, {"customer_note": "Ring twice."}, "Order", SHOPIFY, "9" * 11),
        Sample("stripe", "customer", named, {"notes": "Likes blue."}, "customers", "/v1/customers", "cus_Nobody"),
        Sample("stripe", "order", checkout, {}, "checkout_sessions", "/v1/checkout/sessions", "cs_test_nothing"),
        Sample("woocommerce", "customer", person, {"company_name": "Clay"}, "customers", f"{WOO}/customers", "9" * 11),
        Sample("woocommerce", "order", sale, {"customer_note": "Ring twice."}, "orders", f"{WOO}/orders", "9" * 11),
        Sample("zendesk", "customer", named, {"notes": "Likes blue."}, "users", f"{ZENDESK}/users", "9" * 11),
        Sample("zendesk", "ticket", request, LATER, "tickets", f"{ZENDESK}/tickets", "9" * 11),
    )
}


@contextmanager
def all_vendors(
    folder: Path, database_url: str, *also: str, more: str = "", connections: str = "", **environment: str
) -> Iterator[Facade]:
    """Run a Lockstitch with a connection named after each vendor, and another one for each suffix in `also`. `more` is
    added to its configuration, and `connections` with the `url` of the emulators; `environment` to that of every
    process."""
    environment = EMULATOR_CREDENTIALS | {"WEBHOOK_SENDER": SENDER_SECRET} | environment
    facade = Facade(folder, database_url, vendors_last=False, more="", emulators=None, **environment)
    tables = [
        _table(name, vendor, facade.vendors.url)
        for vendor in EVERY_VENDOR
        for name in (vendor, *(f"{vendor}-{suffix}" for suffix in also))
        if name not in CONNECTIONS
    ]
    tables += [more, connections.format(url=facade.vendors.url)]
    (folder / "lockstitch.toml").write_text("\n".join([facade.configuration, *tables]), encoding="utf-8")
    with _unthrottled(facade):
        yield facade


@contextmanager
def started(folder: Path, database_url: str) -> Iterator[Facade]:
    """Run what `lockstitch dev` starts: its connections and its emulators as they are in a new folder. Only the pace is
    wider, as the emulators' limits are."""
    environment = EMULATOR_CREDENTIALS | {secret_variable(one): SENDER_SECRET for one in (*EMULATED, GATEWAY)}
    facade = Facade(folder, database_url, vendors_last=False, more="", emulators=None, **environment)
    written = CONFIG_FILE.format(emulators=facade.vendors.url)
    for vendor in EVERY_VENDOR:
        written = written.replace(f'vendor = "{vendor}"\n', f'vendor = "{vendor}"\n{WIDE}')
    (folder / "lockstitch.toml").write_text(f'{written}\n[pull]\nevery = "off"\n', encoding="utf-8")
    with _unthrottled(facade):
        yield facade


@contextmanager
def _unthrottled(facade: Facade) -> Iterator[None]:
    try:
        facade.start()
        for vendor in EVERY_VENDOR:
            rate = 60_000_000 if vendor == "shopify" else 1_000_000
            facade.vendors.limit(vendor, per_minute=rate, search_lag=0.0)
        yield
    finally:
        facade.stop()


def create_record(facade_caller: Any, sample: Sample, connection: str | None = None) -> tuple[str, dict[str, Any]]:
    """Create a record. Return its path and the answer."""
    record: dict[str, Any] = facade_caller.create(sample.collection(connection), sample.body(word()))
    return f"{sample.path}/{record['id']}", record


def _table(name: str, vendor: Vendor, url: str) -> str:
    secrets = ", ".join(f'{one} = "env:LOCKSTITCH_DEV_{vendor.upper()}_{one.upper()}"' for one in CREDENTIALS[vendor])
    fields = "attach_orders_by_email = true\n" if name.endswith(ATTACHING) else ""
    fields += SALESFORCE_ACCOUNTS.format(name=name) if vendor == "salesforce" else ""
    return (
        f'[connections.{name}]\nvendor = "{vendor}"\nbase_url = "{url}/{vendor}"\ncredentials = {{ {secrets} }}\n'
        f"{WIDE}" + ('webhook_secrets = ["env:WEBHOOK_SENDER"]\n' if name in SENDERS else "") + fields
    )
