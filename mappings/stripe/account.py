"""The facts about an account: the configured custom fields.

They need no request, so a restricted key needs no permission beyond its records.
"""

from collections.abc import Mapping

from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import VendorReply
from mappings.stripe.wire_2026_10_28 import Account


def build_account(
    replies: tuple[VendorReply | None, ...], custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]
) -> Account:
    """Return the account."""
    return Account(custom_fields=dict(custom_fields))
