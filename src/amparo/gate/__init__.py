"""Floor 7: the gate inside a platform: it follows a hub's feed and answers for each upload: allow, review or block.

It sees the platform's own uploads, keeps none and logs none. What it holds of the hub is sealed on its disk.
"""

from amparo.gate.answer import Answer, Found
from amparo.gate.body_budget import BodyBudget
from amparo.gate.client import Gate
from amparo.gate.middleware import GateMiddleware
from amparo.gate.middleware_wsgi import GateWsgiMiddleware
from amparo.gate.uploads import BodyPace

__all__ = ["Answer", "BodyBudget", "BodyPace", "Found", "Gate", "GateMiddleware", "GateWsgiMiddleware"]
