"""Amparo: stops copies and altered copies of intimate pictures by fingerprints that never carry the picture.

The rooms and their floors are drawn in docs/architecture.md; imports point down only.
"""
