"""What there is to know of an account before its records can be read and written: the configured custom fields.

Nothing is asked of Stripe for it, so that a restricted key needs no permission beyond its records'.
"""

from collections.abc import Mapping

from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import VendorReply
from mappings.stripe.wire_2026_10_28 import Account


def build_account(
    replies: tuple[VendorReply | None, ...], custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]
) -> Account:
    """The account's facts."""
    return Account(custom_fields=dict(custom_fields))
