"""The plural of each object, as URLs and scopes name it."""

from typing import Final

from canonical.parts import ObjectName

PLURAL: Final[dict[ObjectName, str]] = {
    "customer": "customers",
    "order": "orders",
    "ticket": "tickets",
    "comment": "comments",
}
