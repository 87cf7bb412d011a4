"""Uploads that show a registered ordinary photo, altered: found by votes here, judged at the hub, decided by people."""
