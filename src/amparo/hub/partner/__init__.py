"""The partners' surface: the feed out, sightings in."""
