"""The encryption key of every Lockstitch in the tests."""

import base64
from typing import Final

from app.postgres.encryption import Sealer

KEY: Final = bytes(range(32))
ENCRYPTION_KEYS: Final = f"k1:{base64.b64encode(KEY).decode()}"
"""The value of `LOCKSTITCH_ENCRYPTION_KEYS`."""
SEALER: Final = Sealer((("k1", KEY),))
