"""Notices, each a sealed stream of events within its case, with the one readable line that clocks and lists need."""
