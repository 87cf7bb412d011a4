"""Floor 9: a small photo-sharing site, the kind of platform a gate stands in. For walks and tests, not for the world."""
