"""Records are found where a plugin puts them; see also tests/mappings/test_unwrap.py."""

from mappings.woocommerce import VENDOR


def test_jetpacks_tunnel_puts_records_under_data() -> None:
    assert len(VENDOR.unwrap(b'{"data": [{"id": 1, "email": "a@example.com", "billing": {}}]}', "customer")) == 1
