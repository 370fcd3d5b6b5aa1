"""SQL fragments of API keys, for stores above."""

from typing import Final

VALID: Final = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
"""The condition under which a row of `api_key` opens anything."""
