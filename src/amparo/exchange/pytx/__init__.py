"""The native feed inside Meta's threatexchange library: ``tx config extensions add amparo.exchange.pytx``.

The one place in Amparo that imports threatexchange, because it runs inside it. Nothing else of Amparo imports this package.
"""

from threatexchange.extensions.manifest import ThreatExchangeExtensionManifest

from amparo.exchange.pytx.api import AmparoSignalExchangeAPI

TX_MANIFEST = ThreatExchangeExtensionManifest(apis=(AmparoSignalExchangeAPI,))

__all__ = ["TX_MANIFEST", "AmparoSignalExchangeAPI"]
