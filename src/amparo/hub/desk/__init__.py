"""The desk's surface: an application of its own, on an address of its own, for the people who run the hub."""
