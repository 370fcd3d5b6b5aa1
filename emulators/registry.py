"""Which vendors there are."""

from emulators import hubspot, shopify, zendesk
from emulators.vendor import Emulator

EMULATORS: dict[str, Emulator] = {module.EMULATOR.name: module.EMULATOR for module in (hubspot, shopify, zendesk)}
