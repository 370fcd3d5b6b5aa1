"""The list of vendors."""

from emulators import freshdesk, hubspot, salesforce, shopify, stripe, woocommerce, zendesk
from emulators.vendor import Emulator

EMULATORS: dict[str, Emulator] = {
    module.EMULATOR.name: module.EMULATOR
    for module in (freshdesk, hubspot, salesforce, shopify, stripe, woocommerce, zendesk)
}
