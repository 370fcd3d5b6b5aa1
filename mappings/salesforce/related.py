"""Records that a new order needs from the org: its account, and a product for goods that the org does not sell. One
composite request asks for all of them (REST API Developer Guide, Composite: at most five queries)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from canonical.order_patch import OrderPatch
from canonical.parts import AddressPatch, sent_or
from mappings.endpoints import Options
from mappings.http import VendorReply, VendorRequest
from mappings.kit.folding import currency_of
from mappings.salesforce.field_values import ACCOUNT, CONTACT, is_id, long_id
from mappings.salesforce.requests import API, QUERY
from mappings.salesforce.search import quoted
from mappings.salesforce.wire_v62 import Account, Person
from mappings.spec import decode

COMPOSITE: Final = f"{API}/composite"
PRICE_ENTRY: Final = "01u"
OPTIONS: Final = frozenset({"default_account", "default_product", "create_accounts", "create_products"})
BUYER: Final = "buyer"
CONTACTS_OWN: Final = ("name", "email", "phone")
NAMED: Final = "named"
DEFAULT_ACCOUNT: Final = "default_account"
DEFAULT_PRODUCT: Final = "default_product"
PRICE_BOOK: Final = "price_book"


class _Hits(Struct, frozen=True, kw_only=True):
    records: tuple[Raw, ...] = ()


class _Part(Struct, frozen=True, kw_only=True, rename="camel"):
    body: Raw
    reference_id: str
    http_status_code: int


class _Composite(Struct, frozen=True, kw_only=True, rename="camel"):
    composite_response: tuple[_Part, ...]


class _Row(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str
    account_id: str | None = None
    billing_postal_code: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None


def company_of(order: OrderPatch) -> tuple[str | None, AddressPatch | None]:
    """Return the name of the buyer's company, or of the buyer, and the address to compare an account with."""
    addresses = (sent_or(order.billing_address, None), sent_or(order.shipping_address, None))
    for address in addresses:
        if address is not None and address.company:
            return address.company, address
    customer = sent_or(order.customer, None)
    return (None if customer is None else customer.name), addresses[0] or addresses[1]


def find_related(order: OrderPatch, account: Account) -> VendorRequest | None:
    """Build the request. None if nothing has to be asked."""
    parts = [
        {"method": "GET", "url": f"{QUERY}?{urlencode({'q': soql})}", "referenceId": name}
        for name, soql in _queries(order, account)
    ]
    if not parts:
        return None
    body = msgspec.json.encode({"allOrNone": False, "compositeRequest": parts})
    return VendorRequest(method="POST", path=COMPOSITE, route=COMPOSITE, body=body)


def _queries(order: OrderPatch, account: Account) -> Iterator[tuple[str, str]]:
    customer = sent_or(order.customer, None)
    buyer = None if customer is None else customer.remote_id
    if buyer is not None and is_id(buyer, (CONTACT,)):
        own = [name.capitalize() for name in CONTACTS_OWN if account.has("Contact", name.capitalize())]
        yield BUYER, f"SELECT {', '.join(['Id', 'AccountId', *own])} FROM Contact WHERE Id = {quoted(buyer)}"  # noqa: S608
    company, _ = company_of(order)
    if company:
        yield NAMED, f"SELECT Id, BillingPostalCode FROM Account WHERE Name = {quoted(company)} LIMIT 2"  # noqa: S608
    name = account.options.get(DEFAULT_ACCOUNT)
    if isinstance(name, str) and not is_id(name, (ACCOUNT,)):
        yield DEFAULT_ACCOUNT, f"SELECT Id FROM Account WHERE Name = {quoted(name)} LIMIT 2"  # noqa: S608
    code = account.options.get(DEFAULT_PRODUCT)
    if isinstance(code, str) and not is_id(code, (PRICE_ENTRY,)):
        wanted = f"IsActive = true AND Pricebook2.IsStandard = true AND Product2.ProductCode = {quoted(code)}"
        if account.has_currencies("Order"):
            wanted += f" AND CurrencyIsoCode = {quoted(currency_of(order))}"
        yield DEFAULT_PRODUCT, f"SELECT Id FROM PricebookEntry WHERE {wanted} LIMIT 2"  # noqa: S608
    if account.options.get("create_products"):
        yield PRICE_BOOK, "SELECT Id FROM Pricebook2 WHERE IsStandard = true LIMIT 2"


def related(reply: VendorReply) -> Mapping[str, str]:
    """Return the id of each that has exactly one hit: of the buyer that of their account, and what `buyer_of` reads.
    `named` has the postal code of the account after a blank."""
    ids: dict[str, str] = {}
    for part in decode(reply.body, _Composite).composite_response:
        records = decode(part.body, _Hits).records if part.http_status_code < 400 else ()
        if len(records) != 1:
            continue
        row = decode(records[0], _Row)
        if part.reference_id == BUYER:
            if row.account_id is not None:
                ids[BUYER] = long_id(row.account_id)
            ids |= {f"{BUYER}_{name}": getattr(row, name) or "" for name in CONTACTS_OWN}
        elif part.reference_id == NAMED:
            ids[NAMED] = f"{long_id(row.id)} {row.billing_postal_code or ''}"
        else:
            ids[part.reference_id] = long_id(row.id)
    return ids


def with_related(account: Account, options: Options, related: Mapping[str, str]) -> Account:
    """Return the account with the settings of the connection and the related records."""
    return replace(account, options=dict(options), related=dict(related))


def buyer_of(account: Account) -> Person | None:
    """Return what the contact of a new order has itself; None if it was not read."""
    own = {name: account.related.get(f"{BUYER}_{name}") for name in CONTACTS_OWN}
    return None if None in own.values() else Person(**own)


def account_for(order: OrderPatch, account: Account) -> str | None:
    """Return the account of a new order: the buyer's, else the one with the name of their company, if nothing
    contradicts it, else the connection's default."""
    if (buyer := account.related.get(BUYER)) is not None:
        return buyer
    id, _, postal_code = account.related.get(NAMED, "").partition(" ")
    _, address = company_of(order)
    sent = None if address is None else address.postal_code
    if id and not (postal_code and sent and postal_code.strip() != sent.strip()):
        return id
    return _default(account, DEFAULT_ACCOUNT, ACCOUNT)


def default_entry(account: Account) -> str | None:
    """Return the price book entry for goods that the org does not sell."""
    return _default(account, DEFAULT_PRODUCT, PRICE_ENTRY)


def _default(account: Account, name: str, prefix: str) -> str | None:
    wanted: Any = account.options.get(name)
    if isinstance(wanted, str) and is_id(wanted, (prefix,)):
        return long_id(wanted)
    return account.related.get(name)
