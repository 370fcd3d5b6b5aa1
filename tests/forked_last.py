"""What the process that `tests.forked` forks from does last: it reads the public authorities, the released mappings,
the plugins of Pydantic, the signatures of the API, what each mapping supplies, the time zones and the documents for the
emulated Shopify, each of which takes 15 ms or more; and nothing that it has imported is ever scanned for garbage, which
would copy its memory into each fork."""

import gc
from contextlib import suppress

from litestar.handlers import HTTPRouteHandler
from pydantic import TypeAdapter

from app.api import routes
from app.egress.tls import tls_context
from canonical.values import timezone
from emulators.sender import authorities
from emulators.shopify.graph import understood
from mappings.coverage import unsupported
from mappings.lock import released
from mappings.registry import VENDORS
from mappings.shopify import documents, endpoints_customer, endpoints_order
from mappings.shopify.endpoints_customer import CUSTOMERS
from mappings.shopify.endpoints_order import ORDERS

for from_environment in (False, True):
    tls_context(from_environment=from_environment)
authorities()
TypeAdapter(int)
for route in routes():
    if isinstance(route, HTTPRouteHandler):
        assert route.parsed_fn_signature
for vendor in VENDORS.values():
    for mapping in vendor.mappings:
        with suppress(ValueError):  # of a vendor that is being added
            unsupported(mapping)
assert timezone("UTC")
released()
for document in (
    *(one for each in (CUSTOMERS, ORDERS) for one in (each._read, each._list, each._find)),
    *(endpoints_customer.CREATE, endpoints_order.CREATE, endpoints_order.UPDATE, documents.SHOP),
    *(documents.METAFIELD_DEFINITIONS, documents.PRODUCT_VARIANTS, documents.customer_update(("input",))),
):
    assert not understood(document).errors
gc.collect()
gc.freeze()
