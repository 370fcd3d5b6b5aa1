"""Runnable look-alikes of the vendors, with faults. They share no code with the mappings they test."""
