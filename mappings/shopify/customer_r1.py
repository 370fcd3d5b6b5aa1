"""Customer, revision 1: from Admin GraphQL 2026-07 and from the body of customer webhooks."""

from typing import Final

from canonical import values
from canonical.customer import (
    Consent,
    ConsentChannel,
    ConsentState,
    Customer,
    CustomerPatch,
    CustomerStatus,
    Email,
    OrderStats,
    Phone,
    TaxExemption,
)
from canonical.parts import Address, CustomField, Instant
from mappings.kit import people
from mappings.kit.misread import misread
from mappings.kit.unchanged import changes_only
from mappings.shopify import addresses, custom_fields, customer_webhook_r1, metadata, wire_webhook
from mappings.shopify import wire_2026_07 as wire
from mappings.shopify.customer_write_r1 import to_vendor
from mappings.shopify.endpoints_customer import ENDPOINTS
from mappings.shopify.field_values import admin_url, is_webhook, utc
from mappings.shopify.requests import tail
from mappings.shopify.wire_inputs_2026_07 import REVERSE_CHARGE, CustomerWrite
from mappings.spec import Mapped, Notes, ReadShape, Remote, VendorMapping

# Shopify's state is only that of the storefront login: a buyer without an account is DISABLED. So every existing
# customer is active, and `status_raw` is the state of the login.
STATUS: Final[dict[str, CustomerStatus]] = {
    "ENABLED": "active",
    "DISABLED": "active",
    "INVITED": "active",
    "DECLINED": "active",
}
CONSENT: Final[dict[str, ConsentState]] = {
    "SUBSCRIBED": "opted_in",
    "UNSUBSCRIBED": "opted_out",
    "PENDING": "pending",
    "NOT_SUBSCRIBED": "never",
}

BROKEN: Final = "a sum, a count or a time is invalid"


def to_canonical(customer: wire.Customer, account: wire.Account) -> Mapped[Customer]:
    """Return a customer in canonical form."""
    try:
        return _mapped(customer, account, Notes())
    except (ValueError, ArithmeticError) as error:
        raise misread(customer, error, BROKEN) from error


def webhook_to_canonical(body: wire_webhook.Customer, account: wire.Account) -> Mapped[Customer]:
    """Return the customer in the body of a webhook in canonical form."""
    notes = Notes()
    try:
        return _mapped(customer_webhook_r1.as_record(body, account, notes), account, notes)
    except (ValueError, ArithmeticError) as error:
        raise misread(body, error, BROKEN) from error


def _mapped(customer: wire.Customer, account: wire.Account, notes: Notes) -> Mapped[Customer]:
    email, phone = customer.default_email_address, customer.default_phone_number
    postal = _addresses(customer, notes)
    language = values.language(customer.locale)
    if customer.locale and language != customer.locale:
        notes.lose("/language", "coerced", "Shopify spells the language differently, or it is not a language tag")
    remote_id, created_at, updated_at = tail(customer.id), utc(customer.created_at), utc(customer.updated_at)
    return Mapped(
        data=Customer(
            kind="person",  # Shopify keeps organizations as companies, which are other records
            display_name=customer.display_name,
            first_name=customer.first_name,
            last_name=customer.last_name,
            emails=() if email is None else (_email(email, notes),),
            phones=() if phone is None else (_phone(phone, postal),),
            addresses=postal,
            language=language,
            status=STATUS.get((customer.state or "").upper(), "unknown"),
            status_raw=customer.state,
            notes=customer.note,
            tags=customer.tags,
            custom_fields=_custom_fields(customer, account, notes),
            external_id=metadata.external_id(customer.external),
            tax_exemption=_exemption(customer.tax_exempt, customer.tax_exemptions or ()),
            tax_exemption_raw=", ".join(customer.tax_exemptions or ()) or None,
            consents=_consents(email, phone),
            order_stats=_stats(customer),
            created_at=created_at,
            updated_at=updated_at,
        ),
        remote=Remote(
            id=remote_id,
            url=admin_url(account.domain, "customers", remote_id),
            created_at=created_at,
            updated_at=updated_at,
        ),
        loss=tuple(notes.loss),
    )


def _email(email: wire.CustomerEmailAddress, notes: Notes) -> Email:
    address = values.email(email.email_address)
    if address != email.email_address:
        notes.lose("/emails/0/address", "coerced", "written in lower case without spaces around it")
    return Email(address=address, is_primary=True)


def _phone(phone: wire.CustomerPhoneNumber, postal: tuple[Address, ...]) -> Phone:
    country = next((address.country_code for address in postal if address.is_default), None)
    return Phone(e164=values.phone(phone.phone_number, country), raw=phone.phone_number, is_primary=True)


def _addresses(customer: wire.Customer, notes: Notes) -> tuple[Address, ...]:
    listed = customer.addresses_v2
    if listed is None:
        return ()
    if listed.page_info.has_next_page:
        notes.lose("/addresses", "truncated", f"only the first {len(listed.nodes)} addresses are read")
    default = None if customer.default_address is None else customer.default_address.id
    return tuple(
        addresses.read(address, "unknown", default is not None and address.id == default) for address in listed.nodes
    )


def _custom_fields(customer: wire.Customer, account: wire.Account, notes: Notes) -> tuple[CustomField, ...]:
    settings = account.custom_fields.get("customer")
    if not settings:
        return ()
    return custom_fields.read(settings, metadata.by_field(customer.metafields), notes, "/custom_fields")


def _exemption(exempt: bool | None, exemptions: tuple[str, ...]) -> TaxExemption:
    """Return the exemption. One from certain taxes only, such as those of a Canadian province, is `unknown`."""
    if exempt:
        return "exempt"
    if REVERSE_CHARGE in exemptions:
        return "reverse_charge"
    return "unknown" if exempt is None or exemptions else "none"


def _consents(email: wire.CustomerEmailAddress | None, phone: wire.CustomerPhoneNumber | None) -> tuple[Consent, ...]:
    consents = []
    if email is not None and email.marketing_state is not None:
        consents.append(_consent("email", email.marketing_state, email.marketing_updated_at))
    if phone is not None and phone.marketing_state is not None:
        consents.append(_consent("sms", phone.marketing_state, phone.marketing_updated_at))
    return tuple(consents)


def _consent(channel: ConsentChannel, state: str, since: Instant | None) -> Consent:
    return Consent(
        channel=channel,
        state=CONSENT.get(state.upper(), "unknown"),
        state_raw=state,
        collected_at=utc(since),
    )


def _stats(customer: wire.Customer) -> OrderStats | None:
    spent, count = customer.amount_spent, customer.number_of_orders
    if spent is None or count is None or spent.currency_code is None:
        return None
    return OrderStats(
        count=int(values.parse_decimal(count)),
        total_spent=values.money(spent.amount, spent.currency_code),
        currency=spent.currency_code,
    )


CUSTOMER: Final = VendorMapping[wire.Customer, Customer, CustomerPatch, CustomerWrite, wire.Account](
    vendor="shopify",
    object="customer",
    revision=1,
    vendor_api="2026-07",
    record=wire.Customer,
    account=wire.Account,
    endpoints=ENDPOINTS,
    to_canonical=to_canonical,
    to_vendor=changes_only(to_canonical, to_vendor),
    shapes=(ReadShape(record=wire_webhook.Customer, matches=is_webhook, to_canonical=webhook_to_canonical),),
    longest={"notes": 5000, "tags": 255},
    slots={"emails": people.one_slot, "phones": people.one_slot},
)
