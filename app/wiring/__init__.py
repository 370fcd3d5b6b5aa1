"""Wiring: open the stores and clients, and give each capability its dependencies."""
