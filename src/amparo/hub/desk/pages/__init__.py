"""The desk's pages, one module each with ``routes(desk)``."""
