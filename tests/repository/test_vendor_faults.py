"""The faults of docs/add-a-vendor.md, planted one by one in the mappings of two vendors: `check-vendor` finds each."""

import json
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.commands import exits
from tests.repository.project_copy import ROOT, lockstitch

PAGE: Final = ROOT / "docs" / "add-a-vendor.md"
ROW: Final = re.compile(r"^\| (\d+) \| [^|]+ \| `([a-z.-]+)` \|", re.MULTILINE)


class Fault(NamedTuple):
    """One fault: its number in the page, the file, what is replaced, and a part of the sentence that reports it."""

    number: int
    file: str
    changes: tuple[tuple[str, str], ...]
    reported: str


HUBSPOT: Final = (
    Fault(1, "ticket_r1.py", (("        subject=properties.subject or None,\n", ""),), "ticket/properties/subject is"),
    Fault(
        2,
        "ticket_r1.py",
        (('            "subject": patches.text(patch.subject, CLEARED),\n', ""),),
        "create of ticket r1 drops subject",
    ),
    Fault(
        3,
        "ticket_r1.py",
        (('"HIGH": "high", "URGENT"', '"HIGH": "urgent", "URGENT"'),),
        "priority high is written as ['HIGH'], which reads as urgent",
    ),
    Fault(4, "ticket_r1.py", (('"phone": "PHONE"', '"phone": "CHAT"'),), "channel phone is written as ['CHAT']"),
    Fault(
        5,
        "field_values.py",
        (("values.utc(datetime.fromisoformat(text))", "datetime.fromisoformat(text).replace(tzinfo=UTC)"),),
        "ticket/properties/closed_date loses its time zone",
    ),
    Fault(
        6,
        "ticket_r1.py",
        (('"content": patches.text(description, CLEARED)', '"content": description or CLEARED'),),
        "an empty patch sends properties/content = ''",
    ),
    Fault(
        7,
        "ticket_r1.py",
        (('"subject": patches.text(patch.subject, CLEARED)', '"subject": patch.subject or msgspec.UNSET'),),
        "subject = null clears nothing",
    ),
    Fault(
        8,
        "order_r1.py",
        (('return values.parse_decimal(text or "0")\n', 'return Decimal(str(float(text or "0")))\n'),),
        "order/properties/hs_total_price goes through a float",
    ),
    Fault(
        9,
        "paging.py",
        (
            (
                "        return crm.page(reply, query, account)\n",
                "        full = crm.page(reply, query, account)\n"
                "        return full if full.next else VendorPage(records=(), next=None, account=account)\n",
            ),
        ),
        "hubspot.ticket: of 3 new records, the list in pages of 2 has",
    ),
    Fault(
        10,
        "requests.py",
        (("return None if paging is None or paging.next is None else paging.next.after", "return None"),),
        "hubspot.ticket: of 3 new records, the list in pages of 2 has",
    ),
    Fault(
        11,
        "ticket_r1.py",
        (
            ('"LOW": "low"', '"LOW": "high"'),
            ('"HIGH": "high"', '"HIGH": "low"'),
            ('"low": "LOW"', '"low": "HIGH"'),
            ('"high": "HIGH"', '"high": "LOW"'),
        ),
        "priority high is written as LOW, the name of another value",
    ),
    Fault(
        12,
        "ticket_r1.py",
        (("_stage(pipeline, current, wanted)", '_stage(pipeline, current, "new" if wanted == "closed" else wanted)'),),
        "hubspot.ticket: status was changed to 'closed' but reads back as",
    ),
    Fault(13, "requests.py", (('change: Method = "PATCH"', 'change: Method = "PUT"'),), "hubspot.ticket: changing"),
)
SALESFORCE: Final = (
    Fault(1, "ticket_r1.py", (("        subject=record.subject,\n", ""),), "ticket/Subject is"),
    Fault(
        2,
        "ticket_r1.py",
        (("        subject=patches.text(patch.subject, None),\n", ""),),
        "create of ticket r1 drops subject",
    ),
    Fault(
        3,
        "enums.py",
        (
            (
                "CHANNEL_SPELLED: Final = _as_spelled(CHANNEL)",
                'CHANNEL_SPELLED: Final = _as_spelled(CHANNEL | {"phone": "chat"})',
            ),
        ),
        "channel phone is written as ['Phone'], which reads as chat",
    ),
    Fault(
        4,
        "ticket_r1.py",
        (("chosen(patch.channel, CHANNEL,", 'chosen(patch.channel, CHANNEL | {"web": "email", "email": "web_form"},'),),
        "channel email is written as",
    ),
    Fault(
        5,
        "field_values.py",
        (("moment.tzinfo is UTC else values.utc(moment)", "moment.tzinfo is UTC else moment.replace(tzinfo=UTC)"),),
        "loses its time zone",
    ),
    Fault(
        6,
        "ticket_r1.py",
        (("description=patches.text(description, None)", "description=description or None"),),
        "an empty patch sends Description = 'None'",
    ),
    Fault(
        7,
        "ticket_r1.py",
        (("subject=patches.text(patch.subject, None)", "subject=patch.subject or UNSET"),),
        "subject = null clears nothing",
    ),
    Fault(
        8,
        "wire_v62.py",
        (("    total_amount: Decimal | None", "    total_amount: float | None"),),
        "order/TotalAmount goes through a float",
    ),
    Fault(
        9,
        "paging.py",
        (("records=answer.records, next", "records=answer.records if _next(answer, query_) else (), next"),),
        "salesforce.ticket: of 3 new records, the list in pages of 2 has",
    ),
    Fault(
        10,
        "paging.py",
        (("next=_next(answer, query_), account", "next=None, account"),),
        "salesforce.ticket: of 3 new records, the list in pages of 2 has",
    ),
    Fault(
        11,
        "enums.py",
        (('    "low": "low",', '    "low": "high",'), ('    "high": "high",', '    "high": "low",')),
        "priority high is written as Low, the name of another value",
    ),
    Fault(
        12,
        "ticket_r1.py",
        (
            (
                'return patches.chosen(wanted, available, "/status"',
                'return patches.chosen("new" if wanted == "closed" else wanted, available, "/status"',
            ),
        ),
        "salesforce.ticket: status was changed to 'closed' but reads back as",
    ),
    Fault(
        13,
        "endpoints_sobject.py",
        (
            (
                'return self.write("PATCH", sobject_path(self.sobject, remote_id)',
                'return self.write("PUT", sobject_path(self.sobject, remote_id)',
            ),
        ),
        "salesforce.ticket: changing",
    ),
)
FAULTS: Final = [
    pytest.param(vendor, fault, id=f"{vendor}-{fault.number}")
    for vendor, faults in (("hubspot", HUBSPOT), ("salesforce", SALESFORCE))
    for fault in faults
]


@pytest.mark.long
@pytest.mark.parametrize(("vendor", "fault"), FAULTS)
def test_a_planted_fault_is_reported(project: Path, vendor: str, fault: Fault) -> None:
    file = project / "mappings" / vendor / fault.file
    text = file.read_text("utf-8")
    for right, wrong in fault.changes:
        assert right in text
        text = text.replace(right, wrong)
    file.write_text(text, "utf-8")

    checked = exits(lockstitch(project, "check-vendor", vendor, "--no-types", "--json"), 3)
    rules: dict[str, Any] = {rule["rule"]: rule for rule in json.loads(checked.stdout)["rules"]}
    rule = rules[documented()[fault.number]]
    assert rule["holds"] is False
    assert [one for one in rule["result"]["failures"] if fault.reported in one], rule["result"]["failures"]


def documented() -> dict[int, str]:
    """The rules that find the faults, by number, from the table of the page."""
    return {int(number): rule for number, rule in ROW.findall(PAGE.read_text("utf-8"))}


def test_each_fault_of_the_page_is_planted_at_both_vendors() -> None:
    assert [fault.number for fault in HUBSPOT] == [fault.number for fault in SALESFORCE] == sorted(documented())
    assert len(documented()) == 13


@pytest.mark.parametrize(("vendor", "fault"), FAULTS)
def test_what_a_fault_changes_stands_in_the_mapping(vendor: str, fault: Fault) -> None:
    text = (ROOT / "mappings" / vendor / fault.file).read_text("utf-8")
    for right, _ in fault.changes:
        assert right in text
