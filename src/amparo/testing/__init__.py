"""Floor 9: contract kits. Whoever writes a store or an index of their own subclasses these and gives a fixture.

The kits need pytest, which Amparo itself does not install.
"""
