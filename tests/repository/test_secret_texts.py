"""The text of what holds a secret does not show it: a traceback or a log line may contain it."""

from typing import Any

import pytest

from app.api_keys.store import NewKey
from app.credentials.token_set import TokenSet
from app.dev.folder import DevKeys
from app.events.models import NewSubscription
from app.settings.environment import EncryptionKey
from app.signatures import Secret
from mappings.tokens import Issued

CANARY = "canary-5d1f0a"


@pytest.mark.parametrize(
    "holder",
    [
        NewKey(id="key_1", name="n8n", secret=CANARY, scopes=(), expires_at=None),
        NewSubscription(
            id="sub_1", principal="key_1", target_url="https://example.com", events=(), connection=None, secret=CANARY
        ),
        DevKeys(key=CANARY, ops_key=CANARY),
        TokenSet(access_token=CANARY, refresh_token=CANARY),
        Issued(access_token=CANARY, refresh_token=CANARY),
        EncryptionKey("k1", CANARY.encode()),
        Secret(value=CANARY),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_no_secret_is_shown(holder: Any) -> None:
    assert CANARY not in repr(holder)
