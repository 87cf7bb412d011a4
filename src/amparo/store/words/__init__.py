"""People's own words, sealed, and the keys that open them: what a store keeps of both."""
