"""The GraphQL documents with more than one root field. `kit.graphql` builds all others from wire Structs.

The lengths of an order's inner lists are variables (`Sizes` in `requests`): Shopify charges a query by what it could
return, and refuses one above 1000 points.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from mappings.kit.graphql import selection
from mappings.shopify.wire_2026_07 import Customer, Order

CUSTOMER_ASKED: Final = {"fields": "Int!", "keys": "[String!]", "custom": "Boolean!"}
"""The variables in the selection of a customer, by name and type."""
ORDER_ASKED: Final = {
    **dict.fromkeys(("lines", "shipping", "discounts", "payments", "events", "parts"), "Int!"),
    **CUSTOMER_ASKED,
}


def _declared(variables: Mapping[str, str]) -> str:
    return ", ".join(f"${name}: {type_}" for name, type_ in variables.items())


SHOP: Final = "query shop { shop { myshopifyDomain currencyCode } }"
METAFIELD_DEFINITIONS: Final = """
query metafieldDefinitions($ownerType: MetafieldOwnerType!, $after: String) {
  metafieldDefinitions(ownerType: $ownerType, first: 100, after: $after) {
    nodes { namespace key validations { name value } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
METAFIELD_DEFINITION_CREATE: Final = """
mutation metafieldDefinitionCreate($definition: MetafieldDefinitionInput!) {
  metafieldDefinitionCreate(definition: $definition) { createdDefinition { id } userErrors { code field message } }
}
"""

PRODUCT_VARIANTS: Final = """
query productVariants($first: Int!, $query: String!) {
  productVariants(first: $first, query: $query) { nodes { id sku } }
}
"""
ORDER_UPDATE_CLEARING: Final = f"""
mutation orderUpdate($input: OrderInput!, $cleared: [MetafieldIdentifierInput!]!, {_declared(ORDER_ASKED)}) {{
  metafieldsDelete(metafields: $cleared) {{ userErrors {{ field message }} }}
  orderUpdate(input: $input) {{ order {selection(Order)} userErrors {{ field message }} }}
}}
"""
ORDER_CANCEL: Final = """
mutation orderCancel(
  $orderId: ID!, $reason: OrderCancelReason!, $restock: Boolean!, $notifyCustomer: Boolean!, $staffNote: String,
  $refundMethod: OrderCancelRefundMethodInput!
) {
  orderCancel(
    orderId: $orderId, reason: $reason, restock: $restock, notifyCustomer: $notifyCustomer, staffNote: $staffNote,
    refundMethod: $refundMethod
  ) {
    job { id done }
    orderCancelUserErrors { code field message }
  }
}
"""

# Shopify has one mutation for a customer's fields and one for each other part. They run in this order, because a
# consent needs the address it is for. The last mutation that returns the customer returns all of it.
CUSTOMER_PARTS: Final[dict[str, tuple[str, str]]] = {
    "cleared": ("$cleared: [MetafieldIdentifierInput!]!", "metafieldsDelete(metafields: $cleared) { %s }"),
    "input": ("$input: CustomerInput!", "customerUpdate(input: $input) { %s }"),
    "addresses": (
        "$identifier: CustomerSetIdentifiers!, $addresses: CustomerSetInput!",
        "customerSet(identifier: $identifier, input: $addresses) { %s }",
    ),
    "email_consent": (
        "$emailConsent: CustomerEmailMarketingConsentUpdateInput!",
        "customerEmailMarketingConsentUpdate(input: $emailConsent) { %s }",
    ),
    "sms_consent": (
        "$smsConsent: CustomerSmsMarketingConsentUpdateInput!",
        "customerSmsMarketingConsentUpdate(input: $smsConsent) { %s }",
    ),
}


@lru_cache(maxsize=32)
def customer_update(parts: tuple[str, ...]) -> str:
    """Return the mutation for these parts of a customer: keys of CUSTOMER_PARTS, in their order. Do not pass `cleared`
    alone, because removing metafields does not return the customer."""
    errors = "userErrors { field message }"
    results = [f"customer {{ id }} {errors}"] * len(parts)
    results[-1] = f"customer {selection(Customer)} {errors}"
    if parts[0] == "cleared":
        results[0] = errors
    variables = ", ".join((*(CUSTOMER_PARTS[part][0] for part in parts), _declared(CUSTOMER_ASKED)))
    body = "\n  ".join(CUSTOMER_PARTS[part][1] % shape for part, shape in zip(parts, results, strict=True))
    return f"mutation customerUpdate({variables}) {{\n  {body}\n}}\n"
