"""The gate as a client of hubs of other formats: each source fills a bank of its own in the gate's folder.

Speaking a format implies no membership: an operator names the source, and brings the credentials that its owner gave out.
"""

from amparo.gate.sources.ledger import CREDENTIALS, Ledger, SourceKind, SourceRecord
from amparo.gate.sources.puller import Puller, SourceStatus

__all__ = ["CREDENTIALS", "Ledger", "Puller", "SourceKind", "SourceRecord", "SourceStatus"]
