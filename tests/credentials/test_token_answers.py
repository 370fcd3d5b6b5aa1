"""What a token endpoint answers is judged before it is stored, whatever the vendor sends."""

import time
from typing import Any

import msgspec
import pytest

from app.errors import VendorUnavailable
from app.postgres.database import Database, Statement
from tests.credentials.token_rig import PATIENCE, rig
from tests.vendors.vendor_server import Reply, running_vendor

VERSIONS = Statement("SELECT credential_version", "SELECT count(*) FROM credential_version")


@pytest.mark.parametrize(
    "flaw",
    [
        {"expires_in": 1e18},
        {"expires_in": -5},
        {"access_token": "good\r\nX-Admin: yes"},
        {"access_token": "good\u0007d"},
        {"scope": "api\u0000"},
    ],
)
async def test_an_answer_that_cannot_be_used_is_not_stored(
    database: Database, database_url: str, flaw: dict[str, Any]
) -> None:
    usable = {"access_token": "good", "token_type": "bearer", "expires_in": 3600, "scope": "api"}
    answer = usable | flaw

    async with running_vendor(lambda _call: Reply(body=msgspec.json.encode(answer))) as shop:
        async with rig(database_url, shop.url, "shopify", kind="client_credentials") as one:
            with pytest.raises(VendorUnavailable) as refused:
                await one.tokens.ready(time.monotonic() + PATIENCE)
            before = await database.fetch_value(VERSIONS)
        assert next(iter(flaw)) in refused.value.detail
        assert "good" not in refused.value.detail

        answer |= usable
        async with rig(database_url, shop.url, "shopify", kind="client_credentials") as another:
            await another.tokens.ready(time.monotonic() + PATIENCE)
            assert another.tokens.header == ("X-Shopify-Access-Token", "good")
        assert await database.fetch_value(VERSIONS) == before + 1
