"""The facts about one shop, and its one-time setup: two metafields with unique values on customers and orders."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.kit.graphql import NULL, data_of
from mappings.manifest import AccountMarks, Identity
from mappings.shopify import documents
from mappings.shopify.metadata import UNIQUE
from mappings.shopify.requests import EXTERNAL_ID, MUTATION_COST, NAMESPACE, OPERATION_ID, call
from mappings.shopify.wire_2026_07 import Account
from mappings.shopify.wire_variables_2026_07 import Defined, MetafieldDefinition
from mappings.spec import Unmappable, decode


class _Shop(Struct, frozen=True, kw_only=True, rename="camel"):
    myshopify_domain: str
    currency_code: str


class _Nothing(Struct, frozen=True, kw_only=True):
    """The variables of a document without any."""


def _define(owner: str, key: str, name: str, description: str) -> VendorRequest:
    definition = MetafieldDefinition(
        name=name, namespace=NAMESPACE, key=key, type=UNIQUE, owner_type=owner, description=description
    )
    return call(
        documents.METAFIELD_DEFINITION_CREATE,
        "metafieldDefinitionCreate",
        Defined(definition=definition),
        cost=MUTATION_COST + 1,
        effect=True,
        idempotent=True,
    )


ACCOUNT_REQUESTS: Final = (call(documents.SHOP, "shop", _Nothing(), cost=1),)
SETUP: Final = tuple(
    _define(owner, key, name, description)
    for owner in ("CUSTOMER", "ORDER")
    for key, name, description in (
        (
            OPERATION_ID,
            "Lockstitch operation",
            "The operation that created this record, to find it after a lost answer.",
        ),
        (EXTERNAL_ID, "External id", "The key of this record in the caller's system."),
    )
)
"""Shopify refuses an existing definition as TAKEN, which counts as done."""
SETUP_OF: Final[dict[ObjectName, tuple[VendorRequest, ...]]] = {"customer": SETUP[:2], "order": SETUP[2:]}


def _shop_of(replies: tuple[VendorReply | None, ...]) -> AccountMarks:
    domain = build_account(replies, {}).domain
    return {} if domain is None else {"shop": domain.lower()}


IDENTITY: Final = Identity(replies=_shop_of, shown_in=ACCOUNT_REQUESTS)


def build_account(
    replies: tuple[VendorReply | None, ...], custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]
) -> Account:
    """Return the shop's facts, with defaults if the read failed."""
    account = Account(custom_fields=dict(custom_fields))
    reply = replies[0] if replies else None
    if reply is None:
        return account
    try:
        shop = decode(data_of(reply).get("shop", NULL), _Shop)
    except Unmappable:
        return account
    return msgspec.structs.replace(account, domain=shop.myshopify_domain, currency=shop.currency_code)
