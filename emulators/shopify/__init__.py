"""An emulator of Shopify's Admin GraphQL API 2026-07, for customers and orders."""

from emulators.shopify.emulator import Shopify

EMULATOR = Shopify()
