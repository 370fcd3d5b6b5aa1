"""Each vendor's credential, one of its objects and its error codes, for the shared suite."""

from typing import Any
from urllib.parse import parse_qs

import httpx

from .vendor_facts import Ask, Emulated, Refused, basic, bearer, below, broken, get, post

# ------------------------------------------------------------------ Freshdesk


def _freshdesk_code(answer: httpx.Response) -> str:
    body = answer.json() if answer.content else {}
    return str(body.get("code") or body.get("message") or body.get("description") or "")


FRESHDESK = Emulated(
    name="freshdesk",
    object="tickets",
    credential=basic("freshdesk-dev-token", "X"),
    also=(basic("freshdesk-dev-token", "anything"),),
    wrong=(basic("wrong", "X"), basic("", "freshdesk-dev-token"), bearer("freshdesk-dev-token"), basic("ü", "")),
    code=_freshdesk_code,
    unauthorised=Refused(status=401, code="invalid_credentials"),
    throttled=Refused(
        status=429,
        code="You have exceeded the limit of requests per minute",
        headers=(("retry-after", ""), ("x-ratelimit-total", "0"), ("x-ratelimit-remaining", "0")),
    ),
    nowhere=get("/api/v2/weather"),
    no_route=Refused(status=404, code=""),
    absent_id="99",
    absent=Refused(status=404, code=""),
    broken=broken("/api/v2/tickets"),
    unreadable=Refused(status=400, code="invalid_json"),
    ordered={403: "access_denied", 409: "inconsistent_state", 500: "internal_error"},
    create=lambda name: post(
        "/api/v2/tickets", json={"subject": name, "description": "It is.", "email": "ida@kettles.example"}
    ),
    made=lambda body: str(body["id"]),
    show=lambda id: get(f"/api/v2/tickets/{id}"),
    record=lambda body: body,
    page=get("/api/v2/tickets", per_page=2),
    records=lambda body: body["results"] if isinstance(body, dict) else body,
    follow=lambda answer: below("freshdesk", answer.links["next"]["url"]) if "next" in answer.links else None,
    drift={"enum": "status", "type": "id", "field": "sentiment", "missing": "updated_at"},
    odd={"subject": "Odd", "status": 99, "source": "pigeon", "tags": None},
)

# -------------------------------------------------------------------- HubSpot


def _hubspot_code(answer: httpx.Response) -> str:
    body = answer.json()
    assert body["status"] == "error"
    assert body["correlationId"] == answer.headers["x-hubspot-correlation-id"]
    return str(body.get("policyName") or body.get("category") or body["message"].partition(" on line")[0])


HUBSPOT = Emulated(
    name="hubspot",
    object="contacts",
    credential=bearer("hubspot-dev-token"),
    wrong=(
        *({"authorization": value} for value in ("", "Bearer", "hubspot-dev-token")),
        bearer("wrong"),
        {"authorization": "Basic hubspot-dev-token"},
    ),
    code=_hubspot_code,
    unauthorised=Refused(status=401, code="INVALID_AUTHENTICATION"),
    throttled=Refused(
        status=429,
        code="TEN_SECONDLY_ROLLING",
        headers=(("x-hubspot-ratelimit-max", "0"), ("x-hubspot-ratelimit-remaining", "0")),
    ),
    nowhere=get("/crm/v3/objects/widgets"),
    no_route=Refused(status=400, code="Unable to infer object type from: widgets"),
    absent_id="undefined",
    absent=Refused(status=404, code="OBJECT_NOT_FOUND"),
    broken=broken("/crm/v3/objects/contacts"),
    unreadable=Refused(status=400, code="Invalid input JSON"),
    ordered={401: "INVALID_AUTHENTICATION", 429: "TEN_SECONDLY_ROLLING", 503: "internal error"},
    create=lambda name: post(
        "/crm/v3/objects/contacts", json={"properties": {"firstname": name, "lifecyclestage": "customer"}}
    ),
    made=lambda body: str(body["id"]),
    show=lambda id: get(f"/crm/v3/objects/contacts/{id}", properties="email,firstname,lifecyclestage"),
    record=lambda body: body | body["properties"],
    page=get("/crm/v3/objects/contacts", limit=2, properties="firstname,lifecyclestage"),
    records=lambda body: [one | one["properties"] for one in body["results"]],
    follow=lambda answer: (
        below("hubspot", answer.json()["paging"]["next"]["link"]) if "paging" in answer.json() else None
    ),
    drift={"enum": "lifecyclestage", "type": "hs_object_id", "field": "recordVersion", "missing": "updatedAt"},
    odd={"email": "not an address", "lifecyclestage": "friend"},
    search=post("/crm/v3/objects/contacts/search", json={}),
)

# ----------------------------------------------------------------- Salesforce

DATA = "/services/data/v62.0"

SALESFORCE = Emulated(
    name="salesforce",
    object="Case",
    credential=bearer("salesforce-dev-token"),
    wrong=(bearer("nothing"), basic("salesforce-dev-token", "")),
    code=lambda answer: str(answer.json()[0]["errorCode"]),
    unauthorised=Refused(status=401, code="INVALID_SESSION_ID"),
    throttled=Refused(status=403, code="REQUEST_LIMIT_EXCEEDED", headers=(("sforce-limit-info", "api-usage=0/0"),)),
    nowhere=get(f"{DATA}/nothing"),
    no_route=Refused(status=404, code="NOT_FOUND"),
    absent_id="500dM00000NoBody",
    absent=Refused(status=404, code="NOT_FOUND"),
    broken=broken(f"{DATA}/sobjects/Case"),
    unreadable=Refused(status=400, code="JSON_PARSER_ERROR"),
    ordered={400: "UNABLE_TO_LOCK_ROW", 401: "INVALID_SESSION_ID", 503: "SERVER_UNAVAILABLE"},
    create=lambda name: post(f"{DATA}/sobjects/Case", json={"Subject": name, "Priority": "Low"}),
    made=lambda body: str(body["id"]),
    show=lambda id: get(f"{DATA}/sobjects/Case/{id}"),
    record=lambda body: body,
    page=get(f"{DATA}/query", q="SELECT Id, Status, IsClosed FROM Case"),
    records=lambda body: body["records"],
    # No `follow`: a batch has 200 records at least: see `test_long_answers_come_in_batches`
    drift={"enum": "Status", "type": "IsClosed", "field": "EinsteinScore", "missing": "Id"},
    odd={"Status": "Limbo", "Origin": 7},
    id="Id",
)

# -------------------------------------------------------------------- Shopify

GRAPHQL = "/admin/api/2026-07/graphql.json"
CUSTOMER = "id displayName firstName state createdAt updatedAt"


def _graphql(query: str, **variables: Any) -> Ask:
    return post(GRAPHQL, json={"query": query, "variables": variables})


def _shopify_code(answer: httpx.Response) -> str:
    errors = answer.json()["errors"]
    if isinstance(errors, str):
        return errors
    return str(errors[0]["extensions"]["code"] if isinstance(errors, list) else errors["query"])


def _shopify_page(after: str | None) -> Ask:
    return _graphql(
        f"""query($after: String) {{ customers(first: 2, after: $after, sortKey: ID) {{
              nodes {{ {CUSTOMER} }} pageInfo {{ endCursor hasNextPage }} }} }}""",
        after=after,
    )


def _shopify_follow(answer: httpx.Response) -> Ask | None:
    info = answer.json()["data"]["customers"]["pageInfo"]
    return _shopify_page(info["endCursor"]) if info["hasNextPage"] else None


SHOPIFY = Emulated(
    name="shopify",
    object="Customer",
    credential={"x-shopify-access-token": "shopify-dev-token"},
    wrong=({"x-shopify-access-token": "wrong"}, bearer("shopify-dev-token")),
    code=_shopify_code,
    unauthorised=Refused(
        status=401, code="[API] Invalid API key or access token (unrecognized login or wrong password)"
    ),
    throttled=Refused(status=200, code="THROTTLED"),
    nowhere=get("/admin/api/2026-07/orders.json"),
    no_route=Refused(status=404, code="Not Found"),
    absent_id="gid://shopify/Order/7",
    absent=Refused(status=200, code="RESOURCE_NOT_FOUND"),
    broken=broken(GRAPHQL),
    unreadable=Refused(status=400, code="Required parameter missing or invalid"),
    ordered={404: "Not Found", 503: "Service Unavailable"},
    create=lambda name: _graphql(
        """mutation($name: String) { customerCreate(input: {firstName: $name}) {
             customer { id } userErrors { message } } }""",
        name=name,
    ),
    made=lambda body: str(body["data"]["customerCreate"]["customer"]["id"]),
    show=lambda id: _graphql(f"query($id: ID!) {{ customer(id: $id) {{ {CUSTOMER} }} }}", id=id),
    record=lambda body: body["data"]["customer"],
    page=_shopify_page(None),
    records=lambda body: body["data"]["customers"]["nodes"],
    follow=_shopify_follow,
    drift={"enum": "state", "type": "createdAt", "field": "carbonFootprint", "missing": "updatedAt"},
    odd={"firstName": "∅", "state": "QUANTUM"},
    search=_graphql('{ customers(first: 5, query: "updated_at:>2026-01-01") { nodes { id } } }'),
)

# --------------------------------------------------------------------- Stripe


def _stripe_code(answer: httpx.Response) -> str:
    error = answer.json()["error"]
    return str(error.get("code") or error["type"])


def _stripe_follow(answer: httpx.Response) -> Ask | None:
    body = answer.json()
    return get("/v1/customers", limit=2, starting_after=body["data"][-1]["id"]) if body["has_more"] else None


STRIPE = Emulated(
    name="stripe",
    object="customers",
    credential=basic("sk_test_dev", ""),
    also=(bearer("sk_test_dev"),),
    wrong=(bearer("sk_test_other"), *({"authorization": value} for value in ("", "Basic !", "Digest x"))),
    code=_stripe_code,
    unauthorised=Refused(status=401, code="invalid_request_error"),
    throttled=Refused(status=429, code="rate_limit", headers=(("stripe-rate-limited-reason", "global-rate"),)),
    nowhere=get("/v1/orders"),
    no_route=Refused(status=404, code="invalid_request_error"),
    absent_id="cus_none",
    absent=Refused(status=404, code="resource_missing"),
    broken=post("/v1/customers", content=b"[=1"),
    unreadable=Refused(status=400, code="invalid_request_error"),
    ordered={402: "card_declined", 409: "lock_timeout", 500: "api_error"},
    create=lambda name: post("/v1/customers", data={"name": name}),
    made=lambda body: str(body["id"]),
    show=lambda id: get(f"/v1/customers/{id}"),
    record=lambda body: body,
    page=get("/v1/customers", limit=2),
    records=lambda body: body["data"],
    follow=_stripe_follow,
    drift={"enum": "tax_exempt", "type": "livemode", "field": "risk_assessment", "missing": "livemode"},
    odd={"tax_exempt": "sometimes", "balance": "much", "wish": [1]},
    search=get("/v1/customers/search", query='name~"no"'),
)

# ---------------------------------------------------------------- WooCommerce

API = "/wp-json/wc/v3"


def _wordpress_code(answer: httpx.Response) -> str:
    if answer.headers["content-type"].startswith("text/html"):
        return "page"
    body = answer.json()
    assert body["data"]["status"] == answer.status_code
    return str(body["code"])


def _wordpress_follow(answer: httpx.Response) -> Ask | None:
    page = int(parse_qs(answer.request.url.query.decode())["page"][0])
    return _wordpress_page(page + 1) if page < int(answer.headers["x-wp-totalpages"]) else None


def _wordpress_page(number: int) -> Ask:
    return get(f"{API}/orders", per_page=2, page=number, orderby="id", order="asc")


WOOCOMMERCE = Emulated(
    name="woocommerce",
    object="orders",
    credential=basic("ck_dev", "cs_dev"),
    wrong=(basic("ck_dev", "cs_x"), basic("ck_x", "cs_dev"), {"authorization": "Basic !"}),
    code=_wordpress_code,
    unauthorised=Refused(status=401, code="woocommerce_rest_authentication_error"),
    throttled=Refused(status=429, code="page"),  # the shop has no limit: a host before it has
    nowhere=get(f"{API}/nothing"),
    no_route=Refused(status=404, code="rest_no_route"),
    absent_id="99",
    absent=Refused(status=404, code="woocommerce_rest_shop_order_invalid_id"),
    broken=broken(f"{API}/orders"),
    unreadable=Refused(status=400, code="rest_invalid_json"),
    ordered={401: "woocommerce_rest_cannot_view", 500: "internal_server_error", 503: "page"},
    create=lambda name: post(
        f"{API}/orders", json={"customer_note": name, "line_items": [{"product_id": 11, "quantity": 2}]}
    ),
    made=lambda body: str(body["id"]),
    show=lambda id: get(f"{API}/orders/{id}"),
    record=lambda body: body,
    page=_wordpress_page(1),
    records=lambda body: body,
    follow=_wordpress_follow,
    drift={"enum": "status", "type": "total", "field": "delivery_slot", "missing": "currency"},
    odd={"status": "limbo", "total": "much", "wish": [1]},
)

# -------------------------------------------------------------------- Zendesk


def _zendesk_code(answer: httpx.Response) -> str:
    return str(answer.json()["error"])


def _zendesk_follow(answer: httpx.Response) -> Ask | None:
    body = answer.json()
    return below("zendesk", body["links"]["next"]) if body["meta"]["has_more"] else None


ZENDESK = Emulated(
    name="zendesk",
    object="tickets",
    credential=basic("dev@example.com/token", "zendesk-dev-token"),
    also=(bearer("zendesk-dev-token"),),
    wrong=(basic("nobody", "no"), bearer("nothing")),
    code=_zendesk_code,
    unauthorised=Refused(status=401, code="Couldn't authenticate you"),
    throttled=Refused(
        status=429,
        code="APIRateLimitExceeded",
        headers=(("retry-after", ""), ("ratelimit-limit", "0"), ("ratelimit-remaining", "0")),
    ),
    nowhere=get("/api/v2/brands"),
    no_route=Refused(status=404, code="InvalidEndpoint"),
    absent_id="99",
    absent=Refused(status=404, code="RecordNotFound"),
    broken=broken("/api/v2/tickets"),
    unreadable=Refused(status=422, code="Unprocessable Entity"),
    ordered={403: "Forbidden", 409: "UpdateConflict", 503: "ServiceUnavailable"},
    create=lambda name: post("/api/v2/tickets", json={"ticket": {"subject": name, "comment": {"body": "It is."}}}),
    made=lambda body: str(body["ticket"]["id"]),
    show=lambda id: get(f"/api/v2/tickets/{id}"),
    record=lambda body: body["ticket"],
    page={"method": "GET", "url": "/api/v2/tickets?page[size]=2"},
    records=lambda body: body.get("tickets") or body.get("results") or [],
    follow=_zendesk_follow,
    drift={"enum": "status", "type": "id", "field": "sentiment", "missing": "updated_at"},
    odd={"subject": "Odd", "status": "limbo", "tags": None, "external_id": 5},
)

VENDORS = (FRESHDESK, HUBSPOT, SALESFORCE, SHOPIFY, STRIPE, WOOCOMMERCE, ZENDESK)
