"""A customer as a webhook has it. Since API version 2025-01 without sums and counts of orders."""

from typing import Any

from emulators.shopify.fields import SHOP
from emulators.shopify.records import email_of, phone_of
from emulators.shopify.rest_parts import address_body, local_time, lower, number
from emulators.shopify.shapes import part, parts, texts

JsonRecord = dict[str, Any]


def customer_body(customer: JsonRecord) -> JsonRecord:
    """Return the whole customer."""
    default = part(customer, "defaultAddress").get("id")
    addresses = [_address(one, default) for one in parts(customer.get("addressesV2"))]
    return {
        **customer_head(customer),
        "addresses": addresses,
        "default_address": next((one for one in addresses if one["default"]), None),
    }


def customer_head(customer: JsonRecord) -> JsonRecord:
    """Return the customer without addresses."""
    return {
        "id": number(customer.get("id")),
        "created_at": local_time(customer.get("createdAt")),
        "updated_at": local_time(customer.get("updatedAt")),
        "first_name": customer.get("firstName"),
        "last_name": customer.get("lastName"),
        "state": lower(customer.get("state")),
        "note": customer.get("note"),
        "tax_exempt": customer.get("taxExempt"),
        "email": email_of(customer),
        "phone": phone_of(customer),
        "currency": SHOP["currencyCode"],
        "tags": ", ".join(texts(customer.get("tags"))),
        "tax_exemptions": texts(customer.get("taxExemptions")),
        "email_marketing_consent": _consent(part(customer, "defaultEmailAddress")),
        "sms_marketing_consent": _consent(part(customer, "defaultPhoneNumber")),
        "admin_graphql_api_id": customer.get("id"),
    }


def deleted_customer(customer: JsonRecord) -> JsonRecord:
    """Return the body for a deleted customer."""
    return {
        "id": number(customer.get("id")),
        "phone": None,
        "addresses": [],
        "tax_exemptions": [],
        "email_marketing_consent": None,
        "sms_marketing_consent": None,
        "admin_graphql_api_id": customer.get("id"),
    }


def _address(address: JsonRecord, default: Any) -> JsonRecord:
    return {
        "id": number(address.get("id")),
        **(address_body(address) or {}),
        "default": address.get("id") == default,
    }


def _consent(address: JsonRecord) -> JsonRecord | None:
    if not address:
        return None
    return {
        "state": lower(address.get("marketingState")),
        "consent_updated_at": local_time(address.get("marketingUpdatedAt")),
    }
