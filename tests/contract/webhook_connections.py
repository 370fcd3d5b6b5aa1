"""The tests' connections as webhooks see them: who signs with what, and those that are nothing but an intake."""

from typing import Final

WEBHOOK_SECRETS: Final = {
    "hubspot": "hubspot-app-secret-4f1c6c2e",
    "shopify": "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",
    "zendesk": "dGhpcyBpcyB1c2VkIGFzIHRleHQsIG5vdCBkZWNvZGVk",
    "gateway": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "woo": "ck &amp; Söhne",
    "payments": "whsec_8q0Zs1cRk7o2wXyN5tJmB4uVhE6gLpAd",
    "chat": "6b1f2c3d-client-secret",
    "code": "It's a Secret to Everybody",
}
"""The current secret of each connection. `woo` is still pending."""

INTAKES: Final = {
    "gateway": "standard-webhooks",
    "woo": "woocommerce",
    "payments": "stripe",
    "chat": "intercom",
    "code": "github",
}
"""Connections that only receive webhooks, and their vendors."""

STILL_GOOD: Final = "whsec_c3RpbGwtZ29vZC1mb3ItYS1kYXktb3ItdHdv"
RUN_OUT: Final = "whsec_cnVuLW91dC1hLWxvbmctdGltZS1hZ28tbm93"
NOT_YET: Final = "whsec_bm90LXlldC1mb3ItYS12ZXJ5LWxvbmctdGlt"
"""Three more secrets of `gateway`: one that overlaps with the current one, an expired one, and a future one."""

ENVIRONMENT: Final = {f"WEBHOOK_{name.upper()}": secret for name, secret in WEBHOOK_SECRETS.items()} | {
    "WEBHOOK_STILL_GOOD": STILL_GOOD,
    "WEBHOOK_RUN_OUT": RUN_OUT,
    "WEBHOOK_NOT_YET": NOT_YET,
}
_OTHERS: Final = (
    ', { secret = "env:WEBHOOK_STILL_GOOD", not_after = 2999-01-01T00:00:00Z }'
    ', { secret = "env:WEBHOOK_RUN_OUT", not_after = 2020-01-01T00:00:00Z }'
    ', { secret = "env:WEBHOOK_NOT_YET", not_before = 2999-01-01T00:00:00Z }'
)


def secrets_line(connection: str) -> str:
    """Return the line of a connection's table that names its secrets; empty if it has none."""
    if connection not in WEBHOOK_SECRETS:
        return ""
    others = _OTHERS if connection == "gateway" else ""
    return f'webhook_secrets = ["env:WEBHOOK_{connection.upper()}"{others}]\n'


def intake_tables() -> list[str]:
    """Return the tables of the webhook-only connections, and of one without a secret."""
    pending = {"woo": "pending = true\n"}
    named = [
        f'[connections.{name}]\nvendor = "{vendor}"\n{secrets_line(name)}{pending.get(name, "")}'
        for name, vendor in INTAKES.items()
    ]
    return [*named, '[connections.secretless]\nvendor = "github"\n']
