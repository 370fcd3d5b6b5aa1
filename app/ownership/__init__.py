"""Ownership: who owns a field, who may write it, and the verdict on a change."""
