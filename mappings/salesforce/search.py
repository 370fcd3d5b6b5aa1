"""SOQL: the fields to read, and literals (SOQL and SOSL Reference, Quoted String Escape Sequences)."""

from datetime import UTC, datetime
from typing import Final

from canonical.parts import ObjectName
from mappings.salesforce.wire_v62 import KEY, Account

SOBJECT: Final[dict[ObjectName, str]] = {
    "customer": "Contact",
    "ticket": "Case",
    "order": "Order",
    "comment": "CaseComment",
}
_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
)


def _names(text: str) -> list[str]:
    return text.split()


_SIDES: Final = ("Street", "City", "State", "PostalCode", "Country", "CountryCode", "StateCode")

CONTACT: Final = _names(
    "Id IsDeleted FirstName LastName Name Email IsEmailBounced Phone MobilePhone HomePhone OtherPhone Fax Title"
    " Account.Name LeadSource OwnerId Owner.Name Owner.Email Description HasOptedOutOfEmail DoNotCall"
    " CurrencyIsoCode CreatedDate SystemModstamp"
) + [f"{kind}{part}" for kind in ("Mailing", "Other") for part in _SIDES]
CASE: Final = _names(
    "Id IsDeleted CaseNumber Subject Description Status IsClosed Priority Type Origin ContactId Contact.Name"
    " Contact.Email Contact.Phone SuppliedName SuppliedEmail SuppliedPhone AccountId Account.Name ParentId"
    " MasterRecordId OwnerId Owner.Name ClosedDate CreatedDate SystemModstamp"
)
COMMENT: Final = _names(
    "Id ParentId CommentBody IsPublished CreatedById CreatedBy.Name CreatedBy.Email CreatedBy.UserType CreatedDate"
)
ORDER: Final = _names(
    "Id IsDeleted OrderNumber Status StatusCode AccountId Account.Name BillToContactId BillToContact.Name"
    " BillToContact.Email BillToContact.Phone EffectiveDate TotalAmount CurrencyIsoCode IsReductionOrder Description"
    " CreatedDate SystemModstamp"
) + [f"{kind}{part}" for kind in ("Billing", "Shipping") for part in _SIDES]
LINES: Final = (
    "(SELECT Id, Quantity, UnitPrice, TotalPrice, Description, Product2Id, Product2.Name, Product2.ProductCode,"
    " PricebookEntryId FROM OrderItems ORDER BY OrderItemNumber)"
)
READ: Final[dict[str, list[str]]] = {"Contact": CONTACT, "Case": CASE, "Order": ORDER, "CaseComment": COMMENT}
ONLY_WHERE_DESCRIBED: Final = frozenset(
    {"CurrencyIsoCode"}
    | {f"{kind}{part}Code" for kind in ("Mailing", "Other", "Billing", "Shipping") for part in ("Country", "State")}
)
"""Fields of orgs with several currencies, or with picklists of countries and states: an error in other orgs."""
_PEOPLE: Final = {"Contact": "Contact", "BillToContact": "Contact"}


def quoted(text: str) -> str:
    """Return a string as a SOQL literal. No text can end the literal."""
    return f"'{text.translate(_ESCAPES)}'"


def moment(instant: datetime) -> str:
    """Return a time as a SOQL literal, without quotes: UTC, milliseconds."""
    instant = instant.astimezone(UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}Z"


def columns(object_name: ObjectName, account: Account) -> str:
    """Return the fields to read of an object that the connection's user sees, and the custom fields."""
    sobject = SOBJECT[object_name]
    names = [name for name in READ[sobject] if _is_there(sobject, name, account)]
    if object_name != "comment" and account.has(sobject, KEY):
        names.append(KEY)
    names += [name for name in configured(object_name, account) if name not in names]
    if object_name == "order":
        names.append(LINES)
    return ", ".join(names)


def configured(object_name: ObjectName, account: Account) -> list[str]:
    """Return the vendor fields of the custom fields that this org has. A malformed name is omitted, so it cannot change
    the query."""
    sobject = SOBJECT[object_name]
    fields = (setting.vendor_field for setting in account.custom_fields.get(object_name, ()))
    return [name for name in fields if is_name(name) and account.has(sobject, name)]


def is_name(text: str) -> bool:
    """Return whether a text has the form of a field name."""
    return text.isascii() and text.replace("_", "a").isalnum() and text[:1].isalpha()


def _is_there(sobject: str, name: str, account: Account) -> bool:
    if name in ONLY_WHERE_DESCRIBED:
        return sobject in account.fields and account.has(sobject, name)
    relation, dot, beyond = name.partition(".")
    if not dot:
        return account.has(sobject, name)
    person = _PEOPLE.get(relation)
    return account.has(sobject, f"{relation}Id") and (person is None or account.has(person, beyond))
