"""One secret and one event of each scheme, with invented people, in the shape in which the vendor sends it."""

import json
from collections.abc import Mapping
from typing import Final

SECRETS: Final[Mapping[str, str]] = {
    "hubspot": "4f1c6c2e-9a2b-4c75-8d6e-0b6f4f0e8a11",
    "shopify": "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",
    "zendesk": "dGhpcyBpcyB1c2VkIGFzIHRleHQsIG5vdCBkZWNvZGVk",
    "woocommerce": "ck &amp; Söhne",
    "stripe": "whsec_8q0Zs1cRk7o2wXyN5tJmB4uVhE6gLpAd",
    "intercom": "6b1f2c3d-client-secret",
    "github": "It's a Secret to Everybody",
    "standard-webhooks": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}

BODIES: Final[Mapping[str, bytes]] = {
    "hubspot": json.dumps(
        [
            {
                "eventId": 3816279340,
                "subscriptionId": 25,
                "portalId": 62515,
                "appId": 1160452,
                "occurredAt": 1795602600123,
                "subscriptionType": "contact.propertyChange",
                "attemptNumber": 0,
                "objectId": 9007199254740993,
                "propertyName": "email",
                "propertyValue": "björk@example.com",
                "changeSource": "CRM_UI",
            },
            {
                "eventId": 3816279341,
                "subscriptionId": 26,
                "portalId": 62515,
                "occurredAt": 1795602600124,
                "subscriptionType": "contact.creation",
                "attemptNumber": 2,
                "objectId": 9007199254740994,
            },
        ],
        ensure_ascii=False,
    ).encode(),
    "shopify": b'{"id": 820982911946154508, "email": "jon@example.com", "total_price": "398.00", "note": null}',
    "zendesk": (
        b'{"account_id":22129848,"detail":{"id":"5158","status":"OPEN"},"event":{},"id":"cbe4028c-7239-495d-b020",'
        b'"subject":"zen:ticket:5158","time":"2026-11-25T10:29:58.304701605Z","type":"zen:event-type:ticket.created"}'
    ),
    "woocommerce": (
        b'{"id":727,"status":"processing","date_modified":"2026-11-25T11:29:57",'
        b'"date_modified_gmt":"2026-11-25T10:29:57","billing":{"first_name":"Zo\\u00eb"}}'
    ),
    "stripe": (
        b'{"id":"evt_1QPX2eLkdIwHu7ix","object":"event","account":"acct_1032D82e","created":1795602599,'
        b'"data":{"object":{"id":"cus_R9x1","object":"customer","email":null}},"type":"customer.updated"}'
    ),
    "intercom": (
        b'{"type":"notification_event","id":"notif_ccd8a4d0-f965-11e3-a367","topic":"ticket.created",'
        b'"created_at":1795602599,"data":{"type":"notification_event_data","item":{"type":"ticket","id":"215"}}}'
    ),
    "github": b'{"zen": "Keep it logically awesome.", "hook_id": 12345678, "repository": {"id": 5}}',
    "standard-webhooks": b'{"type": "invoice.paid", "timestamp": "2026-11-25T10:29:59.5Z", "data": {"id": "inv_1"}}',
}
