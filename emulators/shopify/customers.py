"""Mutations of customers."""

from typing import Any

from emulators.shopify import definitions, index, metafields, records
from emulators.shopify.context import Context
from emulators.shopify.customer_input import tidy_email, tidy_phone, written
from emulators.shopify.errors import Refused, user_error
from emulators.shopify.ids import moment, new_gid

JsonRecord = dict[str, Any]

_EMAIL_STATES = ("PENDING", "SUBSCRIBED", "UNSUBSCRIBED")


def create(context: Context, args: JsonRecord) -> JsonRecord:
    """`customerCreate`."""
    input = args["input"]
    if input.get("id"):
        raise Refused(user_error(["id"], "Cannot specify ID on creation"))
    record = written(context, None, input, [])
    record = metafields.with_values(context, records.CUSTOMER, record, input.get("metafields"), ["metafields"])
    record = _consenting(record, input, context)
    return {"customer": _made(context, record), "userErrors": []}


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
    """`customerSet`: create without identifier, update by id, or either by e-mail, phone or custom id."""
    input, identifier = dict(args["input"]), args.get("identifier")
    if identifier and input.get("id"):
        message = "The id field is not allowed if identifier is provided."
        raise Refused(user_error(["input", "id"], message, "ID_NOT_ALLOWED"))
    if input.get("id"):
        identifier = {"id": input.pop("id")}
    custom = None
    if identifier and identifier.get("customId"):
        custom = definitions.custom_id(context.state, records.CUSTOMER, identifier["customId"])
    before = _identified(context, identifier, custom)
    if identifier and "id" in identifier and before is None:
        message = "Resource matching the identifier was not found."
        raise Refused(user_error(["input"], message, "NOT_FOUND"))
    _check_identifier(identifier or {}, input)

    record = written(context, before, input, ["input"])
    if custom is not None:
        record = metafields.with_custom_id(context, records.CUSTOMER, record, custom)
    customer = _saved(context, record) if before else _made(context, record)
    return {"customer": customer, "userErrors": []}


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
    if consent["marketingState"] not in _EMAIL_STATES:
        path = ["input", "emailMarketingConsent", "marketingState"]
        raise Refused(
            user_error(path, f"Cannot specify {consent['marketingState']} as a marketing state input", "INVALID")
        )
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
    custom = identifier.get("customId")
    return _identified(
        context,
        {
            "id": identifier.get("id"),
            "email": identifier.get("emailAddress"),
            "phone": identifier.get("phoneNumber"),
        },
        definitions.custom_id(context.state, records.CUSTOMER, custom) if custom else None,
    )


def written_over(context: Context, before: JsonRecord | None, input: JsonRecord, path: list[str]) -> JsonRecord:
    """Save a customer with an input applied to `before`, None for a new one. Raises `Refused`."""
    record = written(context, before, input, path)
    return _saved(context, record) if before else _made(context, record)


def _identified(
    context: Context, identifier: JsonRecord | None, custom: tuple[str, str, str] | None
) -> JsonRecord | None:
    state = context.state
    if custom is not None:
        namespace, key, value = custom
        return records.by_key(state, records.CUSTOMER, records.metafield_key(namespace, key), value)
    if not identifier:
        return None
    if identifier.get("id"):
        return records.load(state, records.CUSTOMER, identifier["id"])
    if identifier.get("email"):
        return records.by_key(state, records.CUSTOMER, "email", tidy_email(identifier["email"]) or "")
    return records.by_key(state, records.CUSTOMER, "phone", tidy_phone(identifier.get("phone")) or "")


def _check_identifier(identifier: JsonRecord, input: JsonRecord) -> None:
    """Check that the input contains the e-mail address or phone number of the identifier."""
    for name, tidy in (("email", tidy_email), ("phone", tidy_phone)):
        if identifier.get(name) is None:
            continue
        if name not in input:
            message = "The input field corresponding to the identifier is required."
            raise Refused(user_error(["input"], message, "MISSING_FIELD_REQUIRED"))
        if tidy(identifier[name]) != tidy(input[name]):
            message = "The identifier value does not match the value of the corresponding field in the input."
            raise Refused(user_error(["input"], message, "INPUT_MISMATCH"))


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
                "marketingOptInLevel": wanted.get("marketingOptInLevel") or "SINGLE_OPT_IN",
                "marketingUpdatedAt": wanted.get("consentUpdatedAt") or moment(context.now),
            }
    return changed


def _made(context: Context, record: JsonRecord) -> JsonRecord:
    return _saved(context, {**record, "id": new_gid(context.state, records.CUSTOMER)})


def _saved(context: Context, record: JsonRecord) -> JsonRecord:
    return records.save(context.state, records.CUSTOMER, record, context.now)
