"""Mapping revisions: routes, shadows and their comparisons."""
