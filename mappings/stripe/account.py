"""The facts about an account: the configured custom fields, and whether it is live or a test.

They need no request, so a restricted key needs no permission beyond its records.
"""

import re
from typing import Final

from mappings.kit.custom_fields import only_configured
from mappings.manifest import AccountMarks, Identity
from mappings.stripe.wire_2026_10_28 import Account

_KEY: Final = re.compile(r"Bearer [rs]k_(live|test)_")


def _mode(header: str) -> AccountMarks:
    match = _KEY.match(header)
    return {} if match is None else {"mode": match[1]}


IDENTITY: Final = Identity(credential=_mode)
build_account: Final = only_configured(Account)
