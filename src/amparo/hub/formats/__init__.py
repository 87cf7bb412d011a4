"""Doors for platforms that speak another format already: they change an address and keys, and nothing else."""
