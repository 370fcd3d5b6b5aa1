"""The audit trail: written with each state change, sealed into a chain, read and verified."""
