"""The endpoint for webhooks of vendors."""

from typing import Final

from app.openapi.calls.call import Call

CALLS: Final[tuple[Call, ...]] = (
    Call(
        method="post",
        path="/v1/webhooks/{connection}",
        tag="Webhooks",
        name="receive_webhook",
        summary="Receive a webhook of a vendor",
        description=(
            "For vendors. The signature over the raw body replaces the API key; every invalid signature gets the same"
            " answer. 202 once the webhook is recorded. A duplicate is a success without effect. 200 answers a"
            " handshake. Accepts any media type, ignores `X-Correlation-ID`, and answers Intercom's HEAD request."
        ),
        open=True,
        status=202,
        also=(200,),
        answer="WebhookReceived",
        problems=(
            "invalid-signature",
            "not-found",
            "malformed-body",
            "body-too-large",
            "rate-limited",
            "internal",
            "store-unavailable",
        ),
    ),
)
