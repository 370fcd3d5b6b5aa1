"""Credentials: the vault, references to secrets, last uses, and the rotation of encryption keys."""
