"""Floor 2: picture to fingerprints. ``pdq.fingerprint(source)`` is the door most callers want."""
