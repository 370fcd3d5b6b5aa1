"""An org with picklists of its own."""

from typing import Final

from mappings.salesforce.enums import case_status
from mappings.salesforce.wire_v62 import Account, Status

ORG: Final = Account(
    picklists={
        "Case.Priority": ("Low", "Medium", "High", "Critical"),
        "Case.Type": ("Question", "Problem", "Incident", "Task", "Bug", "Feature Request", "Other", "Electrical"),
        "Case.Origin": ("Email", "Phone", "Web", "Chat", "API", "Twitter", "SMS", "Other", "Pigeon"),
    },
    case_statuses={
        value: Status(value=value, label=value, closed=closed, status=case_status(value, closed))
        for value, closed in (
            ("New", False),
            ("In Progress", False),
            ("Waiting on Customer", False),
            ("On Hold", False),
            ("Sent to workshop", False),
            ("Resolved", True),
            ("Closed", True),
        )
    },
)
