"""A shop to test in: the administrator's own work in a fresh Medusa, through its Admin API."""

from typing import Any, Final

import httpx

ADMINISTRATOR: Final = {"email": "admin@peer.example", "password": "peer-password"}
"""Made by `setup`."""
PATIENCE: Final = 30.0


class Shop:
    """What is done in the shop itself. `key` is a secret API key; `variant` is sold in the euro region, of Germany and
    Britain, where parcels go by `Parcel post`; there is a region in yen for Japan, one in dinars for Kuwait."""

    def __init__(self, url: str) -> None:
        with httpx.Client(base_url=url, timeout=PATIENCE) as visitor:
            login = visitor.post("/auth/user/emailpass", json=ADMINISTRATOR)
            assert login.status_code == 200, login.text
            answer = visitor.post(
                "/admin/api-keys",
                json={"title": "Lockstitch", "type": "secret"},
                headers={"authorization": f"Bearer {login.json()['token']}"},
            )
        assert answer.status_code == 200, answer.text
        self.key: str = answer.json()["api_key"]["token"]
        self._client = httpx.Client(base_url=url, auth=(self.key, ""), timeout=PATIENCE)
        self.variant: str = ""
        self._stock()

    def get(self, path: str, **query: str) -> Any:
        """What is there."""
        return self._done(self._client.get(f"/admin{path}", params=query))

    def post(self, path: str, **body: Any) -> Any:
        """What comes of something that is made or changed."""
        return self._done(self._client.post(f"/admin{path}", json=body))

    def customers(self, address: str) -> list[dict[str, Any]]:
        """Those with this address."""
        return self.get("/customers", email=address)["customers"]

    def drafts(self) -> list[dict[str, Any]]:
        """Orders that nobody has placed yet."""
        return self.get("/draft-orders", limit="1000")["draft_orders"]

    def order(self, remote_id: str) -> dict[str, Any]:
        """An order, or the draft of one, as the shop shows it."""
        return self.get(f"/orders/{remote_id}")["order"]

    def paid(self, remote_id: str, amount: float) -> None:
        """The buyer pays."""
        owed = self.post("/payment-collections", order_id=remote_id, amount=amount)["payment_collection"]
        self.post(f"/payment-collections/{owed['id']}/mark-as-paid", order_id=remote_id)

    def close(self) -> None:
        """Leave."""
        self._client.close()

    def _stock(self) -> None:
        for name, currency, countries in (
            ("Europe", "eur", ["de", "gb"]),
            ("日本", "jpy", ["jp"]),
            ("Kuwait", "kwd", ["kw"]),
        ):
            self.post("/regions", name=name, currency_code=currency, countries=countries)
        channel = self.get("/sales-channels")["sales_channels"][0]["id"]
        profile = self.get("/shipping-profiles")["shipping_profiles"][0]["id"]
        place = self.post("/stock-locations", name="Warehouse")["stock_location"]["id"]
        self.post(f"/stock-locations/{place}/sales-channels", add=[channel])
        self.post(f"/stock-locations/{place}/fulfillment-providers", add=["manual_manual"])
        self.post(f"/stock-locations/{place}/fulfillment-sets", name="Parcels", type="shipping")
        (parcels,) = self.get(f"/stock-locations/{place}", fields="*fulfillment_sets")["stock_location"][
            "fulfillment_sets"
        ]
        zone = self.post(
            f"/fulfillment-sets/{parcels['id']}/service-zones",
            name="Europe",
            geo_zones=[{"type": "country", "country_code": code} for code in ("de", "gb")],
        )["fulfillment_set"]["service_zones"][0]
        self.post(
            "/shipping-options",
            name="Parcel post",
            service_zone_id=zone["id"],
            shipping_profile_id=profile,
            provider_id="manual_manual",
            price_type="flat",
            type={"label": "Post", "description": "In three days", "code": "post"},
            prices=[{"currency_code": "eur", "amount": 4.5}],
        )
        mug = self.post(
            "/products",
            title="Mug",
            status="published",
            shipping_profile_id=profile,
            options=[{"title": "Glaze", "values": ["Blue"]}],
            variants=[
                {
                    "title": "Blue",
                    "sku": "MUG-BLUE",
                    "manage_inventory": False,
                    "prices": [{"currency_code": "eur", "amount": 19.9}],
                    "options": {"Glaze": "Blue"},
                }
            ],
        )["product"]
        self.variant = mug["variants"][0]["id"]

    @staticmethod
    def _done(answer: httpx.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()
