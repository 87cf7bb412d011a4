"""Floor 5: one person's request and its history, as a pure state machine."""
