"""Cases that belong together, as people have confirmed."""
