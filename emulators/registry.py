"""Which vendors there are."""

from emulators import hubspot, salesforce, shopify, stripe, zendesk
from emulators.vendor import Emulator

EMULATORS: dict[str, Emulator] = {
    module.EMULATOR.name: module.EMULATOR for module in (hubspot, salesforce, shopify, stripe, zendesk)
}
