"""An emulator of a WooCommerce shop: customers, orders, refunds, as its REST API v3 answers."""

from emulators.vendor import Emulator
from emulators.woocommerce.emulator import WooCommerce

EMULATOR: Emulator = WooCommerce()
