"""Floor 4: banked fingerprints, their life cycle, and the policy that turns a match into a verdict."""

from amparo.bank.entry import Entry, EntryState, TombstoneReason
from amparo.bank.opinion import Opinion
from amparo.bank.policy import Action, Match, Policy, Verdict, decide

__all__ = ["Action", "Entry", "EntryState", "Match", "Opinion", "Policy", "TombstoneReason", "Verdict", "decide"]
