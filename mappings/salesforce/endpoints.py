"""Endpoints of contacts and cases."""

from functools import partial
from typing import Final

from msgspec import Raw, Struct

from mappings.endpoints import Endpoints, ListQuery
from mappings.http import VendorReply, VendorRequest
from mappings.salesforce import requests
from mappings.salesforce.endpoints_sobject import MAX_LIMIT, NO_RECORD, RECOVERY, SORTS, SObject, marked
from mappings.salesforce.field_values import is_id, long_id
from mappings.salesforce.requests import Answer, query
from mappings.salesforce.search import quoted
from mappings.salesforce.wire_v62 import Account, RecordWrite
from mappings.spec import SeveralRecords, decode

CONTACT: Final = SObject(object="customer")
TICKET: Final = SObject(object="ticket")


# ------------------------------------------------------------------ customers


def by_email(email: str, account: Account) -> VendorRequest:
    """Build the query for the contact with this address. It finds up to two: Salesforce allows several."""
    return CONTACT.select(f"Email = {quoted(email)}", account, "ORDER BY CreatedDate, Id", "LIMIT 2")


def contact(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """Return the contact of a read or a look-up. Raises SeveralRecords if a look-up finds several."""
    if len(decode(reply.body, Answer).records) > 1:
        raise SeveralRecords("$.records", "several contacts have this e-mail address")
    return CONTACT.record(reply, account)


def contact_conditions(query_: ListQuery, account: Account) -> tuple[str, ...]:
    """Return the conditions of a list of contacts."""
    conditions: list[str] = []
    if (email := query_.filters.get("email")) is not None:
        conditions.append(f"Email = {quoted(email)}")
    if (key := query_.filters.get("external_id")) is not None:
        conditions.append(CONTACT.key_is(key, account))
    return tuple(conditions)


# -------------------------------------------------------------------- tickets


def case_conditions(query_: ListQuery, account: Account) -> tuple[str, ...]:
    """Return the conditions of a list of cases. A status matches all of the org's statuses that read as it."""
    conditions: list[str] = []
    if (number := query_.filters.get("number")) is not None:
        conditions.append(f"CaseNumber = {quoted(number)}")
    if (key := query_.filters.get("external_id")) is not None:
        conditions.append(TICKET.key_is(key, account))
    if (requester := query_.filters.get("requester")) is not None:
        conditions.append(TICKET.refers_to("ContactId", requester))
    if (email := query_.filters.get("email")) is not None:
        conditions.append(f"(Contact.Email = {quoted(email)} OR SuppliedEmail = {quoted(email)})")
    if (status := query_.filters.get("status")) is not None:
        values = [quoted(one.value) for one in account.case_statuses.values() if one.status == status]
        conditions.append(f"Status IN ({', '.join(values)})" if values else NO_RECORD)
    return tuple(conditions)


class _Merged(Struct, frozen=True, kw_only=True, rename="pascal"):
    master_record_id: str | None = None


def merged(remote_id: str, account: Account) -> VendorRequest:
    """Build the query for a contact in the recycle bin, where it stays for some days after a merge."""
    condition = f"Id = {quoted(remote_id)}" if is_id(remote_id) else NO_RECORD
    return query(" ".join(("SELECT MasterRecordId FROM Contact WHERE", condition)), deleted_too=True)


def merged_into(reply: VendorReply) -> str | None:
    """Return the id of the contact that is left."""
    records = decode(reply.body, Answer).records
    master = decode(records[0], _Merged).master_record_id if records else None
    return None if master is None else long_id(master)


CONTACTS: Final = Endpoints[RecordWrite, Account](
    read=CONTACT.read,
    record=contact,
    merged=merged,
    merged_into=merged_into,
    list=partial(CONTACT.list, contact_conditions),
    page=CONTACT.page,
    filters=frozenset({"email", "external_id"}),
    sorts=SORTS,
    max_limit=MAX_LIMIT,
    create=CONTACT.create,
    update=CONTACT.update,
    upsert={"external_id": CONTACT.upsert},
    find={"external_id": CONTACT.by_key, "email": by_email},
    archive=CONTACT.archive,
    write_result=requests.write_result,
    find_marker=CONTACT.find_marker,
    marked=marked,
    recovery=RECOVERY,
)
CASES: Final = Endpoints[RecordWrite, Account](
    read=TICKET.read,
    record=TICKET.record,
    list=partial(TICKET.list, case_conditions),
    page=TICKET.page,
    filters=frozenset({"email", "external_id", "number", "requester", "status"}),
    sorts=SORTS,
    max_limit=MAX_LIMIT,
    create=TICKET.create,
    update=TICKET.update,
    upsert={"external_id": TICKET.upsert},
    find={"external_id": TICKET.by_key},
    write_result=requests.write_result,
    find_marker=TICKET.find_marker,
    marked=marked,
    recovery={action: RECOVERY[action] for action in ("create", "upsert", "update")},
)
