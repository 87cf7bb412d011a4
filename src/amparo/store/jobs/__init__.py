"""Work that must happen later and exactly once, written down in the transaction that asks for it."""
