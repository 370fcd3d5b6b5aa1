"""Convert the body of a customer webhook to the record of the API. What the body lacks is noted as loss."""

from typing import Final

from msgspec import UNSET

from mappings.shopify import wire_2026_07 as wire
from mappings.shopify import wire_webhook as body
from mappings.shopify.requests import EXTERNAL_ID, NAMESPACE, gid
from mappings.spec import Notes, Unmappable

NOT_SENT: Final = "the webhook does not contain it"
# Old bodies have only a flag for consent: true is a consent, false may be anything.
ACCEPTS: Final[dict[bool | None, str | None]] = {True: "SUBSCRIBED", False: None, None: None}


def as_record(customer: body.Customer, account: wire.Account, notes: Notes) -> wire.Customer:
    """Return a webhook's customer in GraphQL's shape.

    Raises Unmappable for the stub in the notice of a deletion.
    """
    if customer.updated_at is None and customer.created_at is None:
        raise Unmappable("$.updated_at", "only the stub of a customer, as in a deletion notice")
    metafields = None if customer.metafields is UNSET else as_metafields(customer.metafields)
    _note_missing(customer, account, notes)
    return wire.Customer(
        id=gid("Customer", str(customer.id)),
        display_name=_display_name(customer),
        first_name=customer.first_name,
        last_name=customer.last_name,
        default_email_address=_email(customer),
        default_phone_number=_phone(customer),
        locale=None,
        note=customer.note,
        tags=split_tags(customer.tags),
        state=customer.state,
        tax_exempt=customer.tax_exempt,
        tax_exemptions=customer.tax_exemptions,
        default_address=_default(customer),
        addresses_v2=wire.Addresses(nodes=tuple(as_address(address) for address in _all_addresses(customer))),
        amount_spent=None
        if customer.total_spent is None
        else wire.Spent(amount=str(customer.total_spent), currency_code=customer.currency or account.currency),
        number_of_orders=None if customer.orders_count is None else str(customer.orders_count),
        created_at=customer.created_at,
        updated_at=customer.updated_at,
        external=external_of(metafields),
        metafields=metafields,
    )


def as_address(address: body.Address) -> wire.MailingAddress:
    """Return a REST-shaped address in GraphQL's shape."""
    return wire.MailingAddress(
        id=None if address.id is None else gid("MailingAddress", str(address.id)),
        name=address.name or " ".join(part for part in (address.first_name, address.last_name) if part) or None,
        company=address.company,
        address1=address.address1,
        address2=address.address2,
        city=address.city,
        province=address.province,
        province_code=address.province_code,
        zip=address.zip,
        country=address.country,
        country_code_v2=address.country_code,
        phone=address.phone,
    )


def as_metafields(sent: tuple[body.Metafield, ...]) -> wire.Metafields:
    """Return the metafields of a body, which are sent if the subscription names their namespaces."""
    return wire.Metafields(
        nodes=tuple(
            wire.Metafield(namespace=field.namespace, key=field.key, type=field.type, value=text_of(field.value))
            for field in sent
        )
    )


def external_of(metafields: wire.Metafields | None) -> wire.MetafieldValue | None:
    """Return the metafield with the caller's key, None if there is none."""
    for field in () if metafields is None else metafields.nodes:
        if (field.namespace, field.key) == (NAMESPACE, EXTERNAL_ID):
            return wire.MetafieldValue(value=field.value)
    return None


def text_of(value: str | int | float | bool | None) -> str | None:
    """Return a REST value as in GraphQL: always text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def split_tags(tags: str | None) -> tuple[str, ...]:
    """Return the tags in REST's comma-separated text."""
    return tuple(tag for tag in (part.strip() for part in (tags or "").split(",")) if tag)


def _display_name(customer: body.Customer) -> str | None:
    name = " ".join(part for part in (customer.first_name, customer.last_name) if part)
    return name or customer.email or customer.phone or None


def _email(customer: body.Customer) -> wire.CustomerEmailAddress | None:
    if not customer.email:
        return None
    consent = customer.email_marketing_consent
    return wire.CustomerEmailAddress(
        email_address=customer.email,
        marketing_state=ACCEPTS[customer.accepts_marketing] if consent is None else consent.state,
        marketing_updated_at=None if consent is None else consent.consent_updated_at,
    )


def _phone(customer: body.Customer) -> wire.CustomerPhoneNumber | None:
    if not customer.phone:
        return None
    consent = customer.sms_marketing_consent
    return wire.CustomerPhoneNumber(
        phone_number=customer.phone,
        marketing_state=None if consent is None else consent.state,
        marketing_updated_at=None if consent is None else consent.consent_updated_at,
    )


def _all_addresses(customer: body.Customer) -> tuple[body.Address, ...]:
    sent = customer.addresses
    if sent is UNSET or sent is None:
        return () if customer.default_address is None else (customer.default_address,)
    return sent


def _default(customer: body.Customer) -> wire.Reference | None:
    default = customer.default_address or next((one for one in _all_addresses(customer) if one.default), None)
    return None if default is None or default.id is None else wire.Reference(id=gid("MailingAddress", str(default.id)))


def _note_missing(customer: body.Customer, account: wire.Account, notes: Notes) -> None:
    notes.lose("/language", "dropped", NOT_SENT)
    if customer.metafields is UNSET:
        notes.lose("/external_id", "dropped", NOT_SENT)
        if account.custom_fields.get("customer"):
            notes.lose("/custom_fields", "dropped", NOT_SENT)
    if customer.orders_count is None or customer.total_spent is None:
        notes.lose("/order_stats", "dropped", NOT_SENT)
    if customer.addresses is UNSET:
        notes.lose("/addresses", "dropped", "the webhook contains only the default address")
