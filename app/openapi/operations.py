"""All calls of the API as data for the OpenAPI document, by group."""

from typing import Final

from app.openapi.calls import (
    about,
    audit,
    connections,
    dead_letters,
    drift,
    events,
    mappings,
    operations,
    options,
    resources,
    subscriptions,
    uploads,
    webhooks,
)
from app.openapi.calls.call import Call

CALLS: Final[tuple[Call, ...]] = (
    *resources.CALLS,
    *operations.CALLS,
    *webhooks.CALLS,
    *uploads.CALLS,
    *events.CALLS,
    *subscriptions.CALLS,
    *connections.CALLS,
    *dead_letters.CALLS,
    *drift.CALLS,
    *mappings.CALLS,
    *audit.CALLS,
    *options.CALLS,
    *about.CALLS,
)
