"""The plural of each object, as in URLs and scopes."""

from typing import Final

from canonical.parts import ObjectName

PLURAL: Final[dict[ObjectName, str]] = {
    "customer": "customers",
    "order": "orders",
    "ticket": "tickets",
    "comment": "comments",
}
