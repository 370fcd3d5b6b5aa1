"""Webhooks: the topics `customer.*` and `order.*`.

The body is the record as in the REST API, or only `{"id"}` after a deletion. Products, coupons and the hooks of plugins
(`action.*`) are ignored.
"""

import re
from collections.abc import Mapping
from typing import Final

from canonical.parts import ObjectName
from mappings.spec import NUMBER
from mappings.webhooks import Happened, Notice, WebhookManifest

OBJECTS: Final[dict[str, ObjectName]] = {"customer": "customer", "order": "order"}
HAPPENED: Final[dict[str, Happened]] = {
    "created": "created",
    "updated": "updated",
    "restored": "updated",
    "deleted": "deleted",
}
_ID: Final = re.compile(NUMBER)


def notice(topic: str | None, _remote_object: str | None, remote_id: str | None, _payload: bytes) -> Notice | None:
    """Return the notice in a webhook, None for other topics."""
    kind, _, what = (topic or "").partition(".")
    object_name, happened = OBJECTS.get(kind), HAPPENED.get(what)
    if object_name is None or happened is None:
        return None
    if remote_id is None or not _ID.fullmatch(remote_id):
        return None
    return Notice(object=object_name, remote_id=remote_id, happened=happened)


def _site(headers: Mapping[str, str], _payload: bytes) -> Mapping[str, str]:
    source = headers.get("x-wc-webhook-source", "").partition("://")[2].strip("/").lower()
    return {} if not source else {"site": source}


WEBHOOKS: Final = WebhookManifest(scheme="woocommerce", notice=notice, account=_site)
