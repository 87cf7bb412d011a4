"""Who works at the desk, how they prove who they are, and what they did: accounts, passkeys, reveals, acts of two."""
