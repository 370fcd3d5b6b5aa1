"""Consent to marketing: by e-mail and by text message."""

from typing import Any

from .conftest import Json, Shop

CONSENTS = "defaultEmailAddress { marketingState marketingUpdatedAt } defaultPhoneNumber { marketingState }"


def consent(shop: Shop, gid: str, **members: Any) -> Json:
    return shop.data(
        f"""mutation($input: CustomerEmailMarketingConsentUpdateInput!) {{
              customerEmailMarketingConsentUpdate(input: $input) {{
                customer {{ {CONSENTS} }} userErrors {{ field message code }} }} }}""",
        input={"customerId": gid, "emailMarketingConsent": members},
    )["customerEmailMarketingConsentUpdate"]


def test_consent_to_email(shop: Shop) -> None:
    made = shop.customer(email="ida@example.com")
    at = "2026-05-01T08:00:00Z"
    payload = consent(shop, made["id"], marketingState="SUBSCRIBED", consentUpdatedAt=at)
    assert payload["userErrors"] == []
    assert payload["customer"]["defaultEmailAddress"] == {"marketingState": "SUBSCRIBED", "marketingUpdatedAt": at}


def test_consent_can_come_with_a_new_customer_but_not_with_an_update(shop: Shop) -> None:
    wanted = {"marketingState": "SUBSCRIBED"}
    made = shop.customer(email="ida@example.com", emailMarketingConsent=wanted, smsMarketingConsent=wanted)
    customer = shop.data(f"query($id: ID!) {{ customer(id: $id) {{ {CONSENTS} }} }}", id=made["id"])["customer"]
    assert customer["defaultEmailAddress"]["marketingState"] == "SUBSCRIBED"
    assert customer["defaultPhoneNumber"] is None
    payload = shop.data(
        """mutation($input: CustomerInput!) { customerUpdate(input: $input) { userErrors { field message } } }""",
        input={"id": made["id"], "emailMarketingConsent": wanted},
    )["customerUpdate"]
    assert payload["userErrors"] == [
        {
            "field": ["emailMarketingConsent"],
            "message": "To update emailMarketingConsent, please use the "
            "customerEmailMarketingConsentUpdate Mutation instead",
        }
    ]


def test_consent_without_an_address(shop: Shop) -> None:
    payload = consent(shop, shop.customer(firstName="Ida")["id"], marketingState="SUBSCRIBED")
    assert payload["customer"] is None
    assert payload["userErrors"][0]["code"] == "INVALID"


def test_consent_to_text_messages(shop: Shop) -> None:
    made = shop.customer(phone="+14155552671")
    payload = shop.data(
        """mutation($id: ID!) { customerSmsMarketingConsentUpdate(
             input: {customerId: $id, smsMarketingConsent: {marketingState: SUBSCRIBED}}) {
               customer { defaultPhoneNumber { marketingState } }
               userErrors { message } } }""",
        id=made["id"],
    )["customerSmsMarketingConsentUpdate"]
    assert payload["customer"]["defaultPhoneNumber"]["marketingState"] == "SUBSCRIBED"
