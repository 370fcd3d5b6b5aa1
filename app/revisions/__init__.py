"""Mapping revisions: routes, shadows, canaries and their trials."""
