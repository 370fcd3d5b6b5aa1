"""What a record reads after it was written: as it was sent, or the answer to the write says what was lost."""

from collections.abc import Iterator
from typing import Final

import httpx
import pytest

from app.dev.folder import EMULATOR_CREDENTIALS
from canonical.ticket import CommentPatch
from mappings.registry import VENDORS, active
from tests.contract.callers import Caller
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.processes import NO_TLS
from tests.contract.samples import Body
from tests.contract.vendor_samples import SAMPLES, all_vendors
from tests.contract.write_and_read import Changer, Commenter, Finding, Writer, bodies

TICKET_FIELD: Final = 27100000009002
FIELDS: Final = {
    "freshdesk customer": "cf_written",
    "freshdesk ticket": "cf_written",
    "hubspot customer": "written",
    "hubspot ticket": "written",
    "hubspot order": "written",
    "salesforce customer": "Written__c",
    "salesforce ticket": "Written__c",
    "salesforce order": "Written__c",
    "shopify customer": "stitch.written",
    "shopify order": "written",
    "stripe customer": "written",
    "stripe order": "written",
    "woocommerce customer": "written",
    "woocommerce order": "written",
    "zendesk customer": "written",
    "zendesk ticket": str(TICKET_FIELD),
}
"""A custom field of text for each object."""
COMMENTED: Final = [
    name
    for name, one in SAMPLES.items()
    if one.object == "ticket" and active(VENDORS[one.vendor], "comment") is not None
]
SETTING: Final = """
[[connections.{vendor}.custom_fields.{object}s]]
key = "{key}"
vendor_field = "{field}"
"""


def settings() -> str:
    """The configuration of the custom fields, of records and of the lines of orders."""
    text = ""
    for name, field in FIELDS.items():
        one = SAMPLES[name]
        text += SETTING.format(vendor=one.vendor, object=one.object, key="written", field=field)
        if one.object == "order":
            text += SETTING.format(vendor=one.vendor, object=one.object, key="line_written", field="line:written")
    return text


def define(vendors: Emulators) -> None:
    """Define them at the accounts that hold only defined ones."""
    for name in ("contacts", "tickets", "orders", "line_items"):
        property = {"name": "written", "label": "Written", "type": "string", "fieldType": "text"}
        answer = httpx.post(
            f"{vendors.url}/hubspot/crm/v3/properties/{name}",
            json=property | {"groupName": "lockstitch"},
            headers={"Authorization": f"Bearer {EMULATOR_CREDENTIALS['LOCKSTITCH_DEV_HUBSPOT_TOKEN']}"},
            verify=NO_TLS,
        )
        assert answer.status_code == 201, answer.text
    for name in ("Contact", "Case", "Order"):
        vendors.place("salesforce", "fields", {"sobject": name, "name": "Written__c", "type": "string"})
    for id, name in ((44, "ticket_fields"), (45, "contact_fields")):
        field = {"id": id, "name": "cf_written", "label": "Written", "type": "custom_paragraph", "default": False}
        vendors.place("freshdesk", name, field)
    vendors.place("zendesk", "user_fields", {"key": "written", "type": "textarea", "title": "Written"})
    vendors.place("zendesk", "ticket_fields", {"id": TICKET_FIELD, "type": "textarea", "title": "Written"})


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch of this module, connected to every vendor."""
    with all_vendors(tmp_path_factory.mktemp("written"), module_database_url, more=settings()) as facade:
        define(facade.vendors)
        yield facade


@pytest.fixture(scope="module")
def full_key(running_facade: Facade) -> str:
    """A key with every scope."""
    return running_facade.make_key(name="everything").secret


@pytest.mark.parametrize("name", SAMPLES)
def test_a_new_record_reads_as_it_was_sent(caller: Caller, name: str) -> None:
    sample = SAMPLES[name]
    check(Writer(caller, sample), bodies(sample.mapping.patch, sample.body))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_change_reads_as_it_was_sent(caller: Caller, name: str) -> None:
    sample = SAMPLES[name]
    check(Changer(caller, sample), bodies(sample.mapping.patch, lambda mark: {}))


@pytest.mark.parametrize("name", COMMENTED)
def test_a_comment_reads_as_it_was_sent(caller: Caller, name: str) -> None:
    base = {"body_text": "A new mug is on its way."}
    check(Commenter(caller, SAMPLES[name]), bodies(CommentPatch, lambda mark: base))


def check(writer: Writer, sent: Iterator[Body]) -> None:
    """Send every body. Nothing may read otherwise than it was sent without an announcement."""
    by_field, count = dict[str, list[Finding]](), 0
    for body in sent:
        count += 1
        for finding in writer.findings(body):
            by_field.setdefault(finding.difference.field, []).append(finding)
    assert not by_field, "\n".join(str(finding) for those in by_field.values() for finding in those[:2])
    assert writer.accepted > count / 2
