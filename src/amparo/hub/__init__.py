"""Floor 8: the hub's web applications and their only wiring."""
