"""Mutations of customers."""

from typing import Any

from emulators.shopify import definitions, index, metafields, records
from emulators.shopify.context import Context
from emulators.shopify.customer_input import tidy_email, written
from emulators.shopify.errors import Refused, user_error
from emulators.shopify.ids import moment, new_gid

JsonRecord = dict[str, Any]


def create(context: Context, args: JsonRecord) -> JsonRecord:
    """`customerCreate`."""
    input = args["input"]
    if input.get("id"):
        raise Refused(user_error(["id"], "Cannot specify ID on creation"))
    record = written(context, None, input, [])
    record = metafields.with_values(context, records.CUSTOMER, record, input.get("metafields"), ["metafields"])
    record = _consenting(record, input, context)
    record["id"] = new_gid(context.state, records.CUSTOMER)
    return {"customer": _saved(context, record), "userErrors": []}


def update(context: Context, args: JsonRecord) -> JsonRecord:
    """`customerUpdate`."""
    input = args["input"]
    before = records.load(context.state, records.CUSTOMER, input.get("id") or "")
    if before is None:
        raise Refused(user_error(["id"], "Customer does not exist"))
    for consent in ("emailMarketingConsent", "smsMarketingConsent"):
        if input.get(consent) is not None:
            mutation = f"customer{consent[0].upper()}{consent[1:]}Update"
            message = f"To update {consent}, please use the {mutation} Mutation instead"
            raise Refused(user_error([consent], message))
    record = written(context, before, input, [])
    record = metafields.with_values(context, records.CUSTOMER, record, input.get("metafields"), ["metafields"])
    return {"customer": _saved(context, record), "userErrors": []}


def set_one(context: Context, args: JsonRecord) -> JsonRecord:
    """`customerSet`: replace the addresses of the customer with this id."""
    before = records.load(context.state, records.CUSTOMER, (args.get("identifier") or {}).get("id") or "")
    if before is None:
        message = "Resource matching the identifier was not found."
        raise Refused(user_error(["input"], message, "NOT_FOUND"))
    return {"customer": _saved(context, written(context, before, args["input"], ["input"])), "userErrors": []}


def delete(context: Context, args: JsonRecord) -> JsonRecord:
    """`customerDelete`: final, and only without orders. Shopify cannot archive a customer."""
    gid = args["input"]["id"]
    if records.load(context.state, records.CUSTOMER, gid) is None:
        raise Refused(user_error(["id"], "Customer can't be found"))
    if index.orders_of(context.state, gid):
        raise Refused(user_error(["id"], "Customer can\u2019t be deleted because they have associated orders"))
    records.remove(context.state, records.CUSTOMER, gid)
    return {"deletedCustomerId": gid, "userErrors": []}


def consent_by_email(context: Context, args: JsonRecord) -> JsonRecord:
    """`customerEmailMarketingConsentUpdate`."""
    consent = args["input"]["emailMarketingConsent"]
    record = _consenter(context, args)
    if records.email_of(record) is None:
        message = "An email address is required to set the email marketing consent state."
        raise Refused(user_error(["input", "emailMarketingConsent"], message, "INVALID"))
    record = _consenting(record, {"emailMarketingConsent": consent}, context)
    return {"customer": _saved(context, {**record, "updatedAt": moment(context.now)}), "userErrors": []}


def consent_by_sms(context: Context, args: JsonRecord) -> JsonRecord:
    """`customerSmsMarketingConsentUpdate`."""
    consent = args["input"]["smsMarketingConsent"]
    record = _consenter(context, args)
    if records.phone_of(record) is None:
        message = "A phone number is required to set the SMS consent state."
        raise Refused(user_error(["input", "smsMarketingConsent"], message, "INVALID"))
    record = _consenting(record, {"smsMarketingConsent": consent}, context)
    return {"customer": _saved(context, {**record, "updatedAt": moment(context.now)}), "userErrors": []}


def by_identifier(context: Context, identifier: JsonRecord) -> JsonRecord | None:
    """`customerByIdentifier`; strongly consistent."""
    state = context.state
    if identifier.get("customId") is None:
        email = tidy_email(identifier.get("emailAddress")) or ""
        return records.by_key(state, records.CUSTOMER, "email", email)
    namespace, key, value = definitions.custom_id(state, records.CUSTOMER, identifier["customId"])
    return records.by_key(state, records.CUSTOMER, records.metafield_key(namespace, key), value)


def _consenter(context: Context, args: JsonRecord) -> JsonRecord:
    record = records.load(context.state, records.CUSTOMER, args["input"]["customerId"])
    if record is None:
        raise Refused(user_error(["input", "customerId"], "Customer not found", "INVALID"))
    return record


def _consenting(record: JsonRecord, input: JsonRecord, context: Context) -> JsonRecord:
    """Return the customer with the consents of an input, without those for a missing address."""
    changed = dict(record)
    for consent, address in (
        ("emailMarketingConsent", "defaultEmailAddress"),
        ("smsMarketingConsent", "defaultPhoneNumber"),
    ):
        wanted = input.get(consent)
        if wanted is not None and changed.get(address):
            changed[address] = {
                **changed[address],
                "marketingState": wanted["marketingState"],
                "marketingUpdatedAt": wanted.get("consentUpdatedAt") or moment(context.now),
            }
    return changed


def _saved(context: Context, record: JsonRecord) -> JsonRecord:
    return records.save(context.state, records.CUSTOMER, record, context.now)
