"""Floor 6: the formats in which banks travel between hubs and partners."""
