"""The person's surface: one address, no account, no cookie, nothing in the browser's history but a neutral title."""
