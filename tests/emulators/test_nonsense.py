"""An emulator answers any call: with a refusal, never with a crash.

Shopify's GraphQL has a suite of its own: shopify/test_nonsense.py.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.http import Answer, Call
from emulators.registry import EMULATORS
from emulators.state import State
from emulators.store import Store

from .vendor_facts import Emulated, Json
from .vendors import FRESHDESK, HUBSPOT, SALESFORCE, STRIPE, WOOCOMMERCE, ZENDESK

EXAMPLES = settings().max_examples
"""Of the profile that was chosen."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Nonsense:
    """What a vendor's calls are made of: names of members, values, routes, names of parameters.

    `records` are there before each call. `whole` turns an object of random members into bodies that get further.
    """

    vendor: Emulated
    records: tuple[tuple[str, Json], ...]
    root: str
    routes: str
    read: str
    parameters: str
    members: str
    values: tuple[str, ...]
    whole: tuple[Callable[[Json], Any], ...] = ()
    encode: Callable[[Any], bytes] = msgspec.json.encode

    def ask(self, method: str, path: str, body: bytes = b"", *query: tuple[str, str], **headers: str) -> Answer:
        """The answer to one call, whose effect is undone."""
        headers = {**self.vendor.credential, **headers}
        call = Call(method=method, path=f"{self.root}{path}", query=query, headers=headers, body=body)
        store, state = bench(self)
        answers: list[Answer] = []
        try:
            with store.transaction():
                answers.append(EMULATORS[self.vendor.name].answer(call, state, time.time()))
                raise _Undo
        except _Undo:
            return answers[0]


class _Undo(Exception):
    """Ends a transaction without its writes."""


@cache
def bench(nonsense: Nonsense) -> tuple[Store, State]:
    """An account in memory with the vendor's records."""
    store = Store(None)
    state = State(store, nonsense.vendor.name)
    for object, record in nonsense.records:
        EMULATORS[nonsense.vendor.name].put_record(object, record, state)
    return store, state


def form(value: Any) -> bytes:
    """A body as Stripe takes it: `a[b][0]=c`."""

    def pairs(name: str, value: Any) -> list[tuple[str, str]]:
        if isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            return [pair for key, one in items for pair in pairs(f"{name}[{key}]" if name else str(key), one)]
        return [(name, str(value))]

    return urlencode(pairs("", value), errors="replace").encode()


VENDORS = (
    Nonsense(
        vendor=FRESHDESK,
        records=(
            ("contacts", {"id": 7, "name": "Ida", "email": "ida@x.example"}),
            ("tickets", {"id": 8, "subject": "x", "requester_id": 7}),
        ),
        root="/api/v2/",
        routes="POST contacts, PUT contacts/7, POST contacts/merge, POST tickets, PUT tickets/8, PUT tickets/merge, "
        "POST tickets/8/reply, POST tickets/8/notes, POST admin/ticket_fields, POST contact_fields",
        read="contacts tickets tickets/8 tickets/8/conversations",
        parameters="page per_page include email updated_since _updated_since order_by filter query",
        members="name email phone mobile other_emails unique_external_id tags custom_fields language time_zone "
        "company_id address subject description status priority source type requester_id responder_id group_id "
        "cc_emails due_by fr_due_by body private label label_for_customers choices primary_id ticket_ids "
        "primary_contact_id secondary_contact_ids cf_x twitter_id parent_id",
        values=("custom_text", "custom_dropdown", "ida@x.example", "2026-06-01T10:00:00Z", "Problem"),
    ),
    Nonsense(
        vendor=HUBSPOT,
        records=(
            ("contacts", {"id": "7", "properties": {"email": "a@b.example"}}),
            ("tickets", {"id": "8", "properties": {"hs_pipeline": "0", "hs_pipeline_stage": "1"}}),
        ),
        root="/crm/",
        routes="POST v3/objects/contacts, PATCH v3/objects/contacts/7, POST v3/objects/contacts/search, "
        "POST v3/objects/contacts/batch/create, POST v3/objects/contacts/batch/read, "
        "POST v3/objects/contacts/batch/update, POST v3/objects/contacts/batch/upsert, "
        "POST v3/objects/contacts/batch/archive, POST v3/objects/tickets, POST v3/properties/contacts, "
        "PUT v4/objects/tickets/8/associations/contacts/7, POST v4/associations/tickets/contacts/batch/read",
        read="v3/objects/contacts v3/objects/contacts/7 v3/owners",
        parameters="limit after properties associations archived idProperty",
        members="properties associations inputs id idProperty objectWriteTraceId email to types associationTypeId "
        "filterGroups filters propertyName operator value values highValue sorts limit after query name label type "
        "fieldType groupName options closedate lifecyclestage hs_additional_emails hs_pipeline hs_pipeline_stage "
        "hs_buying_role",
        values=("EQ", "IN", "GTE", "BETWEEN", "email", "createdate", "city", "1", "16", "a@b.example", ";"),
        whole=(
            lambda one: {"properties": one, "associations": [one]},
            lambda one: {"properties": {}, "associations": [{"to": {"id": "7"}, "types": [one]}]},
            lambda one: {"inputs": [one, {**one, "objectWriteTraceId": "t"}]},
            lambda one: {"inputs": [{"id": "x@b.example", "idProperty": "email", "properties": one}]},
            lambda one: {"filterGroups": [{"filters": [one]}], "sorts": [one]},
            lambda one: {"filterGroups": [{"filters": [{"propertyName": "createdate", "operator": "BETWEEN"} | one]}]},
        ),
    ),
    Nonsense(
        vendor=SALESFORCE,
        records=(
            ("Contact", {"Id": "003dM00001vWOXZQA4", "LastName": "Lee"}),
            ("Case", {"Id": "500dM00001vWOXZQA4", "Subject": "Lid"}),
        ),
        root="/services/data/v62.0/",
        routes="POST sobjects/Contact, PATCH sobjects/Contact/003dM00001vWOXZQA4, POST sobjects/Case, "
        "PATCH sobjects/Case/500dM00001vWOXZQA4, PATCH sobjects/Contact/Lockstitch_Key__c/a, POST sobjects/Order, "
        "POST sobjects/OrderItem, POST composite, POST composite/sobjects",
        read="query queryAll sobjects sobjects/Contact/003dM00001vWOXZQA4 sobjects/Case/describe limits",
        parameters="q fields",
        members="LastName FirstName Email Phone AccountId OwnerId Status Priority Subject ContactId Type Origin "
        "Lockstitch_Key__c EffectiveDate Pricebook2Id Quantity UnitPrice OrderId PricebookEntryId DoNotCall Birthdate "
        "attributes type records allOrNone compositeRequest method url referenceId body Id Name",
        values=("SELECT Id FROM Contact", "New", "003dM00001vWOXZQA4", "2026-05-01", "POST", "Contact", "@{a.id}"),
        whole=(
            lambda one: {"allOrNone": True, "records": [{"attributes": {"type": "Contact"}, **one}]},
            lambda one: {
                "compositeRequest": [
                    {
                        "method": "POST",
                        "url": "/services/data/v62.0/sobjects/Contact",
                        "referenceId": "a",
                        "body": one,
                    }
                    | one
                ]
            },
        ),
    ),
    Nonsense(
        vendor=STRIPE,
        records=(("customers", {"id": "cus_1"}), ("invoices", {"id": "in_1", "customer": "cus_1"})),
        root="/v1/",
        routes="POST customers, POST customers/cus_1, DELETE customers/cus_1, POST invoices, POST invoices/in_1, "
        "POST invoices/in_1/finalize, POST invoices/in_1/pay, POST invoiceitems, POST checkout/sessions",
        read="customers customers/cus_1 customers/search invoices invoices/search checkout/sessions",
        parameters="limit starting_after ending_before query created email customer status expand[] [ a[b]",
        members="name email phone address city metadata shipping tax_exempt balance tax_id_data expand customer "
        "currency amount invoice mode success_url line_items price price_data unit_amount product_data quantity "
        "shipping_options shipping_rate_data fixed_amount ui_mode return_url discounts number",
        values=("eur", "payment", "https://x.example/", "cus_1", "in_1", "500", 'email:"a@b.example"', "data.invoice"),
        whole=(
            lambda one: {"mode": "payment", "success_url": "https://x.example/", "line_items": [one], **one},
            lambda one: {"customer": "cus_1", "invoice": "in_1", "currency": "eur", **one},
        ),
        encode=form,
    ),
    Nonsense(
        vendor=WOOCOMMERCE,
        records=(("customers", {"id": 2, "email": "ann@example.com"}), ("orders", {"id": 101})),
        root="/wp-json/wc/v3/",
        routes="POST customers, PUT customers/2, DELETE customers/2, POST orders, PUT orders/101, DELETE orders/101, "
        "POST orders/101/refunds, POST webhooks",
        read="customers orders orders/101 orders/101/refunds settings/general",
        parameters="page per_page offset status after modified_after include exclude role orderby order search force",
        members="email status line_items billing shipping meta_data customer_id id quantity product_id variation_id "
        "total key value shipping_lines fee_lines coupon_lines code amount refund_total set_paid currency topic",
        values=("a@b.example", "11", "completed", "19.90", "EUR", "2026-05-01T09:30:00", "order.updated"),
        whole=(
            lambda one: {"line_items": [{"product_id": 11, **one}], **one},
            lambda one: {"amount": "1.00", "line_items": [one]},
        ),
    ),
    Nonsense(
        vendor=ZENDESK,
        records=(
            ("users", {"id": 7, "name": "Ida", "email": "ida@x.example"}),
            ("tickets", {"id": 8, "subject": "x", "requester_id": 7}),
        ),
        root="/api/v2/",
        routes="POST users, PUT users/7, POST users/create_or_update, POST users/7/identities, DELETE users/7, "
        "POST tickets, PUT tickets/8, DELETE tickets/8",
        read="users users/search users/show_many tickets tickets/8 tickets/8/comments incremental/tickets/cursor",
        parameters="page per_page page[size] page[after] page[before] include query external_id external_ids ids "
        "start_time cursor sort_by sort_order sort role",
        members="name email phone external_id tags user_fields custom_fields role organization_id subject comment "
        "body html_body public author_id priority status type requester requester_id assignee_id assignee_email "
        "group_id custom_status_id due_at problem_id collaborator_ids email_ccs user_email metadata safe_update "
        "updated_stamp via id value primary locale time_zone suspended verified",
        values=("ida@x.example", "urgent", "2026-06-01T10:00:00Z", "agent", 'email:"ida@x.example"'),
        whole=(
            lambda one: dict.fromkeys(("ticket", "user", "identity"), one),
            lambda one: {"ticket": {"comment": {"body": "x"}, **one}, "user": {"name": "Bo", **one}},
            lambda one: {"identity": {"type": "email", **one}},
        ),
    ),
)


@cache
def values(nonsense: Nonsense) -> st.SearchStrategy[Any]:
    """Any JSON, of the vendor's names and values more often than of others."""
    names = st.sampled_from(nonsense.members.split())
    words = st.sampled_from(nonsense.values)
    return st.recursive(
        st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text() | words,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
        max_leaves=12,
    )


@cache
def bodies(nonsense: Nonsense) -> st.SearchStrategy[Any]:
    """A body: any value, an object of the vendor's names, or one that fits further."""
    objects = st.dictionaries(st.sampled_from(nonsense.members.split()), values(nonsense), max_size=8)
    return st.one_of(values(nonsense), objects, *(objects.map(whole) for whole in nonsense.whole))


def assert_answered(answer: Answer) -> None:
    # WooCommerce refuses some refunds with a 500 of its own.
    assert answer.status < 500 or b'"woocommerce_rest_' in answer.body


@pytest.mark.parametrize(
    ("nonsense", "route"),
    [pytest.param(one, route, id=f"{one.vendor.name} {route}") for one in VENDORS for route in one.routes.split(", ")],
)
@settings(max_examples=EXAMPLES // 2)
@given(data=st.data())
def test_any_body_gets_an_answer(nonsense: Nonsense, route: str, data: st.DataObject) -> None:
    method, path = route.split()
    assert_answered(nonsense.ask(method, path, nonsense.encode(data.draw(bodies(nonsense)))))


@pytest.mark.parametrize("nonsense", VENDORS, ids=lambda one: one.vendor.name)
@settings(max_examples=4 * EXAMPLES)
@given(data=st.data())
def test_any_query_gets_an_answer(nonsense: Nonsense, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(nonsense.read.split()))
    parameter = data.draw(st.sampled_from(nonsense.parameters.split()))
    texts = st.text() | st.integers(-5, 10**30).map(str) | st.sampled_from(nonsense.values)
    value = data.draw(texts | texts.map(lambda text: f'"status:{text}"'))
    assert_answered(nonsense.ask("GET", path, b"", (parameter, value)))


@pytest.mark.parametrize("nonsense", VENDORS, ids=lambda one: one.vendor.name)
@given(body=st.binary(max_size=40), header=st.text(st.characters(max_codepoint=255), max_size=40))
def test_no_bytes_and_no_header_are_an_accident(nonsense: Nonsense, body: bytes, header: str) -> None:
    method, path = nonsense.routes.split(", ")[0].split()
    assert_answered(nonsense.ask(method, path, body))
    assert nonsense.ask(method, path, authorization=header).status == 401


def test_a_placed_record_that_breaks_the_rules_can_still_be_changed() -> None:
    """HubSpot judges the properties that a change names, and no others."""
    emulator, state = EMULATORS["hubspot"], State(Store(None), "hubspot")
    odd = {"id": "9", "properties": {"email": 5, "phone": 7, "firstname": None, "lifecyclestage": "friend"}}
    emulator.put_record("contacts", odd, state)
    emulator.put_record("tickets", {"id": "10", "properties": {"hs_pipeline_stage": "gone"}}, state)
    for path, name in (("contacts/9", "city"), ("tickets/10", "subject")):
        body = msgspec.json.encode({"properties": {name: "Kiel"}})
        call = Call(method="PATCH", path=f"/crm/v3/objects/{path}", headers=HUBSPOT.credential, body=body)
        assert emulator.answer(call, state, time.time()).status == 200
