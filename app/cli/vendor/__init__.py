"""Commands for those who add a vendor: the scaffold, the check of its claims, and conformance with its emulator."""
