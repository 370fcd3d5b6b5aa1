"""What every reading needs: times in UTC, and the address of a record for people."""

from datetime import UTC, datetime

from canonical import values
from mappings.salesforce.wire_v62 import Account, Case, Contact, Order
from mappings.spec import Remote


def instant(moment: datetime | None) -> datetime | None:
    """A time of a record. Salesforce sends UTC, so there is nearly never anything to do."""
    return moment if moment is None or moment.tzinfo is UTC else values.utc(moment)


def changed_at(record: Contact | Case | Order) -> datetime | None:
    """When a record last changed; without the system's own stamp, when somebody last changed it."""
    return instant(record.system_modstamp or record.last_modified_date)


def remote(sobject: str, id: str, created_at: datetime | None, updated_at: datetime | None, account: Account) -> Remote:
    """The record's identity."""
    page = account.pages.get(sobject)
    if page is None:
        return Remote(id=id, created_at=created_at, updated_at=updated_at)
    return Remote(id=id, url=page.replace("{ID}", id), created_at=created_at, updated_at=updated_at)
