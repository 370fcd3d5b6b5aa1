"""Every GraphQL document that Lockstitch sends to Shopify, as text. Values travel as variables, never inside.

How much of an order's inner lists comes back is a variable too (`Sizes` in `requests`): Shopify charges a query by what
it could return, and refuses one above 1000 points.
"""

from functools import lru_cache
from typing import Final

CUSTOMER_ASKED: Final = "$fields: Int!, $keys: [String!], $custom: Boolean!"
ORDER_ASKED: Final = (
    "$lines: Int!, $shipping: Int!, $discounts: Int!, $payments: Int!, $events: Int!, $parts: Int!, " + CUSTOMER_ASKED
)

ADDRESS_FIELDS: Final = """
fragment AddressFields on MailingAddress {
  id name firstName lastName company address1 address2 city province provinceCode zip country countryCodeV2 phone
}
"""
CUSTOM_FIELDS: Final = """
  external: metafield(namespace: "lockstitch", key: "external_id") { value }
  metafields(first: $fields, keys: $keys) @include(if: $custom) { nodes { namespace key type value } }
"""
CUSTOMER_FIELDS: Final = (
    """
fragment CustomerFields on Customer {
  id displayName firstName lastName locale note tags state taxExempt createdAt updatedAt numberOfOrders
  defaultEmailAddress { emailAddress marketingState marketingUpdatedAt }
  defaultPhoneNumber { phoneNumber marketingState marketingUpdatedAt }
  defaultAddress { id }
  addressesV2(first: 10) { nodes { ...AddressFields } pageInfo { hasNextPage } }
  amountSpent { amount currencyCode }"""
    + CUSTOM_FIELDS
    + "}\n"
    + ADDRESS_FIELDS
)
MONEY_FIELDS: Final = """
fragment Shop on MoneyBag { shopMoney { amount } }
"""
LINE_FIELDS: Final = (
    """
fragment LineFields on LineItem {
  id name sku quantity currentQuantity requiresShipping taxable
  originalUnitPriceSet { ...Shop }
  taxLines { priceSet { ...Shop } }
  discountAllocations { allocatedAmountSet { ...Shop } discountApplication { index } }
  customAttributes { key value }
  product { id }
  variant { id }
}
"""
    + MONEY_FIELDS
)
ORDER_FIELDS: Final = (
    """
fragment OrderFields on Order {
  id name test createdAt updatedAt processedAt closedAt cancelledAt cancelReason
  displayFinancialStatus displayFulfillmentStatus sourceName note tags email phone
  currencyCode presentmentCurrencyCode taxesIncluded dutiesIncluded
  totalPriceSet { ...Shop } totalDiscountsSet { ...Shop } totalTaxSet { ...Shop } totalShippingPriceSet { ...Shop }
  totalTipReceivedSet { ...Shop } totalReceivedSet { ...Shop } totalRefundedSet { ...Shop }
  totalOutstandingSet { ...Shop } originalTotalDutiesSet { ...Shop } originalTotalAdditionalFeesSet { ...Shop }
  customAttributes { key value }
  customer { id displayName }
  billingAddress { ...AddressFields }
  shippingAddress { ...AddressFields }
  lineItems(first: $lines) { nodes { ...LineFields } pageInfo { hasNextPage endCursor } }
  shippingLines(first: $shipping) {
    nodes {
      title
      originalPriceSet { ...Shop }
      taxLines { priceSet { ...Shop } }
      discountAllocations { allocatedAmountSet { ...Shop } discountApplication { index } }
    }
    pageInfo { hasNextPage }
  }
  discountApplications(first: $discounts) {
    nodes {
      index targetType
      value { __typename ... on MoneyV2 { amount } ... on PricingPercentageValue { percentage } }
      ... on DiscountCodeApplication { code }
      ... on AutomaticDiscountApplication { title }
      ... on ManualDiscountApplication { title description }
      ... on ScriptDiscountApplication { title }
    }
    pageInfo { hasNextPage }
  }
  transactionsCount { count }
  transactions(first: $payments) {
    id kind status gateway processedAt
    amountSet { ...Shop }
    paymentDetails {
      __typename
      ... on CardPaymentDetails { paymentMethodName number }
      ... on LocalPaymentMethodsPaymentDetails { paymentMethodName }
      ... on ShopPayInstallmentsPaymentDetails { paymentMethodName }
    }
  }
  refunds(first: $events) {
    id note createdAt
    totalRefundedSet { ...Shop }
    refundLineItems(first: $parts) {
      nodes { quantity lineItem { id } subtotalSet { ...Shop } }
      pageInfo { hasNextPage }
    }
  }
  fulfillmentsCount { count }
  fulfillments(first: $events) {
    id status displayStatus createdAt deliveredAt
    location { name }
    trackingInfo { company number url }
    fulfillmentLineItems(first: $parts) { nodes { quantity lineItem { id } } pageInfo { hasNextPage } }
  }"""
    + CUSTOM_FIELDS
    + "}\n"
    + ADDRESS_FIELDS
    + LINE_FIELDS
)

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

CUSTOMER: Final = (
    f"query customer($id: ID!, {CUSTOMER_ASKED}) {{ customer(id: $id) {{ ...CustomerFields }} }}\n" + CUSTOMER_FIELDS
)
CUSTOMER_BY_IDENTIFIER: Final = (
    f"""query customerByIdentifier($identifier: CustomerIdentifierInput!, {CUSTOMER_ASKED}) {{
  customerByIdentifier(identifier: $identifier) {{ ...CustomerFields }}
}}
"""
    + CUSTOMER_FIELDS
)
CUSTOMER_MARKED: Final = """
query customerByIdentifier($identifier: CustomerIdentifierInput!) {
  customerByIdentifier(identifier: $identifier) { id }
}
"""
CUSTOMERS: Final = (
    f"""query customers($first: Int!, $after: String, $query: String, $sortKey: CustomerSortKeys!, {CUSTOMER_ASKED}) {{
  customers(first: $first, after: $after, query: $query, sortKey: $sortKey) {{
    nodes {{ ...CustomerFields }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
    + CUSTOMER_FIELDS
)
CUSTOMER_CREATE: Final = (
    f"""mutation customerCreate($input: CustomerInput!, {CUSTOMER_ASKED}) {{
  customerCreate(input: $input) {{ customer {{ ...CustomerFields }} userErrors {{ field message }} }}
}}
"""
    + CUSTOMER_FIELDS
)

ORDER: Final = f"query order($id: ID!, {ORDER_ASKED}) {{ order(id: $id) {{ ...OrderFields }} }}\n" + ORDER_FIELDS
ORDER_BY_IDENTIFIER: Final = (
    f"""query orderByIdentifier($identifier: OrderIdentifierInput!, {ORDER_ASKED}) {{
  orderByIdentifier(identifier: $identifier) {{ ...OrderFields }}
}}
"""
    + ORDER_FIELDS
)
ORDER_MARKED: Final = """
query orderByIdentifier($identifier: OrderIdentifierInput!) { orderByIdentifier(identifier: $identifier) { id } }
"""
ORDER_LINES: Final = (
    """query orderLines($id: ID!, $after: String!, $lines: Int!) {
  order(id: $id) {
    id
    lineItems(first: $lines, after: $after) { nodes { ...LineFields } pageInfo { hasNextPage endCursor } }
  }
}
"""
    + LINE_FIELDS
)
ORDERS: Final = (
    f"""query orders($first: Int!, $after: String, $query: String, $sortKey: OrderSortKeys!, {ORDER_ASKED}) {{
  orders(first: $first, after: $after, query: $query, sortKey: $sortKey) {{
    nodes {{ ...OrderFields }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
    + ORDER_FIELDS
)
ORDER_CREATE: Final = (
    f"""mutation orderCreate($order: OrderCreateOrderInput!, {ORDER_ASKED}) {{
  orderCreate(order: $order) {{ order {{ ...OrderFields }} userErrors {{ code field message }} }}
}}
"""
    + ORDER_FIELDS
)
ORDER_UPDATE: Final = (
    f"""mutation orderUpdate($input: OrderInput!, {ORDER_ASKED}) {{
  orderUpdate(input: $input) {{ order {{ ...OrderFields }} userErrors {{ field message }} }}
}}
"""
    + ORDER_FIELDS
)
ORDER_UPDATE_CLEARING: Final = (
    f"""mutation orderUpdate($input: OrderInput!, $cleared: [MetafieldIdentifierInput!]!, {ORDER_ASKED}) {{
  metafieldsDelete(metafields: $cleared) {{ userErrors {{ field message }} }}
  orderUpdate(input: $input) {{ order {{ ...OrderFields }} userErrors {{ field message }} }}
}}
"""
    + ORDER_FIELDS
)
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

# Shopify has one mutation for a customer's fields and one more for each of the rest. They run in this order, so that a
# consent finds the address it is about; the last one that shows the customer shows it whole.
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
    """The mutation that changes just these parts of a customer (keys of CUSTOMER_PARTS, in their order; `cleared`
    never alone, because removing metafields does not show the customer)."""
    errors = "userErrors { field message }"
    shown = [f"customer {{ id }} {errors}"] * len(parts)
    shown[-1] = f"customer {{ ...CustomerFields }} {errors}"
    if parts[0] == "cleared":
        shown[0] = errors
    asked = ", ".join((*(CUSTOMER_PARTS[part][0] for part in parts), CUSTOMER_ASKED))
    body = "\n  ".join(CUSTOMER_PARTS[part][1] % shape for part, shape in zip(parts, shown, strict=True))
    return f"mutation customerUpdate({asked}) {{\n  {body}\n}}\n" + CUSTOMER_FIELDS
