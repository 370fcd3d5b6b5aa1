"""What each value of an enum becomes at each vendor: a word there, the word of a near value, or a refusal.

A row names the member that is sent, and the word for each value. `~` stands before the word of a near value, which is
reported as a loss. A value without a word needs none: every record has it. The values that a row omits are refused.
"""

from typing import Any, Final, get_args

import msgspec
import pytest
from msgspec.structs import fields

from canonical.customer import EmailStatus, EmailType, PhoneType
from canonical.parts import AddressType
from mappings.checks.golden import account_of
from mappings.checks.variations import leaves, plain
from mappings.coverage import enum_of
from mappings.endpoints import FieldRefusal
from mappings.registry import VENDORS, AnyMapping
from mappings.spec import Draft
from tests.mappings.salesforce.words import ORG
from tests.shared_material import ROOT

CUSTOMER: Final = {"kind": "person", "status": "active", "lifecycle_stage": "", "tax_exemption": "none"}
"""What a vendor accepts that has no words of its own."""
ROWS: Final = {
    "freshdesk.customer": CUSTOMER,
    "freshdesk.ticket": {
        "status": "status: new ~2, open 2, waiting_on_customer 3, waiting_on_third_party 7, on_hold 9, resolved 4, "
        "closed 5",
        "priority": "priority: low 1, normal 2, high 3, urgent 4, none ~1",
        "type": "type: question Question, incident Incident, problem Problem, feature_request Feature Request, "
        "task ~Question, bug ~Problem, other ~Question",
        "channel": "source: email 1, chat 7, phone 3, web_form 2, api ~2, social ~7, sms ~3, in_app ~7, other ~2",
    },
    "freshdesk.comment": {"visibility": "private: public false, private true"},
    "hubspot.customer": CUSTOMER
    | {
        "lifecycle_stage": "lifecyclestage: subscriber subscriber, lead lead, customer customer, other other, "
        "marketing_qualified marketingqualifiedlead, sales_qualified salesqualifiedlead, opportunity opportunity, "
        "evangelist evangelist"
    },
    "hubspot.ticket": {
        "status": "hs_pipeline_stage: new 1, open 3, waiting_on_customer 2, waiting_on_third_party ~2, on_hold ~2, "
        "resolved ~4, closed 4",
        "priority": "hs_ticket_priority: low LOW, normal MEDIUM, high HIGH, urgent URGENT, none",
        "type": "hs_ticket_category: question GENERAL_INQUIRY, incident ~PRODUCT_ISSUE, problem PRODUCT_ISSUE, "
        "task ~GENERAL_INQUIRY, bug ~PRODUCT_ISSUE, feature_request FEATURE_REQUEST, other ~GENERAL_INQUIRY",
        "channel": "source_type: email EMAIL, chat CHAT, phone PHONE, web_form FORM, api ~FORM, social ~CHAT, "
        "sms ~PHONE, in_app ~CHAT, other ~FORM",
    },
    "medusa.customer": CUSTOMER,
    "rt.ticket": {
        "status": "Status: new new, open open, waiting_on_customer ~open, waiting_on_third_party ~open, "
        "on_hold ~open, resolved resolved, closed ~resolved",
        "priority": "Priority: low 0, normal 50, high 100, urgent ~100, none ~0",
        "type": "",
        "channel": "api",
    },
    "rt.comment": {"visibility": "Private: public false, private true"},
    "salesforce.customer": CUSTOMER,
    "salesforce.ticket": {
        "status": "Status: new New, open In Progress, waiting_on_customer Waiting on Customer, on_hold On Hold, "
        "waiting_on_third_party ~On Hold, resolved Resolved, closed Closed",
        "priority": "Priority: low Low, normal Medium, high High, urgent Critical, none",
        "type": "Type: question Question, incident Incident, problem Problem, task Task, bug Bug, "
        "feature_request Feature Request, other Other",
        "channel": "Origin: email Email, chat Chat, phone Phone, web_form Web, api API, social Twitter, sms SMS, "
        "in_app ~Chat, other Other",
    },
    "salesforce.comment": {"visibility": "IsPublished: public true, private false"},
    "shopify.customer": CUSTOMER | {"tax_exemption": "taxExempt: none false, exempt true, reverse_charge false"},
    "stripe.customer": CUSTOMER
    | {"kind": "person ~", "tax_exemption": "tax_exempt: none none, exempt exempt, reverse_charge reverse"},
    "woocommerce.customer": CUSTOMER,
    "zendesk.customer": CUSTOMER | {"status": "suspended: active false, blocked true"},
    "zendesk.ticket": {
        "status": "status: new new, open open, waiting_on_customer pending, waiting_on_third_party ~hold, "
        "on_hold hold, resolved solved, closed closed",
        "priority": "priority: low low, normal normal, high high, urgent urgent, none",
        "type": "type: question question, incident incident, problem problem, task task, bug ~problem, "
        "feature_request ~question, other ~question",
        "channel": "api",
    },
    "zendesk.comment": {"visibility": "public: public true, private false"},
}
OTHERS_BY_VERB: Final = ("zendesk.customer", "status")
"""A field with words, whose other values are another verb's and so no invalid ones."""
NUMBER, CITY = "+41445550123", "Bern"
SLOTS: Final = {
    "freshdesk": {
        "phones": "mobile mobile, work phone, home ~phone, other ~phone, unknown phone",
        "addresses": "billing ~address, shipping ~address, home ~address, work ~address, other ~address, "
        "unknown address",
    },
    "hubspot": {
        "phones": "mobile properties/mobilephone, fax properties/fax, work ~properties/phone, home ~properties/phone, "
        "other ~properties/phone, unknown properties/phone",
        "addresses": "billing ~properties/city, shipping ~properties/city, home ~properties/city, "
        "work ~properties/city, other ~properties/city, unknown properties/city",
    },
    "medusa": {"phones": "unknown phone", "addresses": ""},
    "salesforce": {
        "phones": "mobile fields/MobilePhone, work fields/Phone, home fields/HomePhone, fax fields/Fax, "
        "other fields/OtherPhone, unknown fields/Phone",
        "addresses": "billing ~fields/MailingCity, shipping ~fields/MailingCity, home ~fields/MailingCity, "
        "work ~fields/MailingCity, other fields/OtherCity, unknown fields/MailingCity",
    },
    "shopify": {
        "phones": "unknown input/phone",
        "addresses": "billing ~addresses/0/city, shipping ~addresses/0/city, home ~addresses/0/city, "
        "work ~addresses/0/city, other ~addresses/0/city, unknown addresses/0/city",
    },
    "stripe": {
        "phones": "unknown phone",
        "addresses": "billing address/city, home ~address/city, work ~address/city, other ~address/city, "
        "unknown address/city",
    },
    "woocommerce": {
        "phones": "unknown billing/phone",
        "addresses": "billing billing/city, shipping shipping/city, home ~billing/city, work ~billing/city, "
        "other ~billing/city, unknown billing/city",
    },
    "zendesk": {"phones": "unknown phone", "addresses": ""},
}
"""The member that holds a number or an address of each kind. `~` stands before one of another kind."""
ACCOUNTS: Final[dict[str, Any]] = {
    "freshdesk.ticket": account_of(VENDORS["freshdesk"], ROOT),
    "salesforce.ticket": ORG,
}
"""Accounts with words of their own; the others are those that the vendor's documentation describes."""
MAPPINGS: Final = {mapping.name: mapping for vendor in VENDORS.values() for mapping in vendor.mappings}


def drafted(mapping: AnyMapping, body: dict[str, Any]) -> Draft[Any]:
    account = ACCOUNTS.get(mapping.name) or mapping.account()
    return mapping.to_vendor(msgspec.convert(body, mapping.patch), None, account)


def entries(row: str) -> dict[str, str]:
    """What a row says of each value."""
    return {value: word for value, _, word in (entry.partition(" ") for entry in row.split(", ") if entry)}


def spelled(value: Any) -> str:
    """A value of a body, as a row says it."""
    return "" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()


def outcome(draft: Draft[Any], field: str, sent: str) -> str | None:
    """What became of a value, as a row says it; None if it is refused."""
    if any(f"{one.pointer}/".startswith(f"/{field}/") for one in draft.refused):
        return None
    is_near = any(one.path in (f"/{field}", f"/{field}/0/type") and one.kind == "coerced" for one in draft.loss)
    return f"~{sent}" if is_near else sent


@pytest.mark.parametrize(("name", "field"), [(name, field) for name, rows in ROWS.items() for field in rows])
def test_a_value_is_sent_as_its_word_or_refused(name: str, field: str) -> None:
    member, _, row = ROWS[name][field].rpartition(": ")
    mapping, refusals, outcomes = MAPPINGS[name], list[FieldRefusal](), dict[str, str | None]()
    (values,) = (enum_of(one) for one in fields(mapping.patch) if one.name == field)
    for value in values:
        draft = drafted(mapping, {field: value})
        words = [spelled(one) for place, one in leaves(plain(draft.body)) if place[-1:] == (member,)]
        outcomes[value] = outcome(draft, field, "".join(words))
        refusals += [one for one in draft.refused if one.pointer == f"/{field}"]

    assert {value: word for value, word in outcomes.items() if word is not None} == entries(row)
    able = {value for value, word in entries(row).items() if not word.startswith("~")}
    for refusal in refusals:
        is_listed = bool(member) and (name, field) != OTHERS_BY_VERB
        assert refusal.kind == ("invalid" if is_listed else "unsupported")
        listed = set(refusal.detail.rpartition("one of: ")[2].split(", "))
        assert not is_listed or able - {"none"} <= listed <= able


@pytest.mark.parametrize("vendor", SLOTS)
def test_every_kind_of_number_and_address_has_its_slot(vendor: str) -> None:
    for field, values, item, text in (
        ("phones", get_args(PhoneType), {"e164": NUMBER}, NUMBER),
        ("addresses", get_args(AddressType), {"city": CITY}, CITY),
    ):
        outcomes = dict[str, str | None]()
        for value in values:
            draft = drafted(MAPPINGS[f"{vendor}.customer"], {field: [item | {"type": value}]})
            slots = ["/".join(map(str, place)) for place, one in leaves(plain(draft.body)) if one == text]
            outcomes[value] = outcome(draft, field, "".join(slots))
        assert {value: slot for value, slot in outcomes.items() if slot is not None} == entries(SLOTS[vendor][field])


@pytest.mark.parametrize("vendor", SLOTS)
@pytest.mark.parametrize(("member", "values"), [("type", get_args(EmailType)), ("status", get_args(EmailStatus))])
def test_no_kind_of_email_is_kept(vendor: str, member: str, values: tuple[str, ...]) -> None:
    for value in values:
        draft = drafted(MAPPINGS[f"{vendor}.customer"], {"emails": [{"address": "a@b.example", member: value}]})
        refused = {one.pointer: one.kind for one in draft.refused if one.pointer.startswith("/emails")}
        assert refused == ({} if value == "unknown" else {f"/emails/0/{member}": "unsupported"})
