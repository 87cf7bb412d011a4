"""Work that the hub does by itself, claimed job by job, and the clocks that it looks at while it runs."""
