"""Floor 5: legal notices, pure: nothing here sends anything, and nothing is sent without a person's decision.

pack: rules as dated data · content: what a notice says, and what it lacks · letter: its text, in two languages ·
mail, pdf: its forms · clock: legal periods · machine: its life · record: its events as bytes · next_step: what can be done ·
sighting: a partner's report drafts one · address_book, help_lines, award: data that the operator keeps.
"""
