"""Shopify's Admin GraphQL API 2026-07, as far as customers and orders go."""

from emulators.shopify.emulator import Shopify

EMULATOR = Shopify()
