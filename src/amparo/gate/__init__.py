"""Floor 7: the gate inside a platform: it follows a hub's feed and answers for each upload: allow, review or block.

It sees the platform's own uploads, keeps none and logs none. What it holds of the hub is sealed on its disk.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from amparo.gate.answer import Answer, Found
    from amparo.gate.body_budget import BodyBudget
    from amparo.gate.client import Gate
    from amparo.gate.middleware import GateMiddleware
    from amparo.gate.middleware_wsgi import GateWsgiMiddleware
    from amparo.gate.uploads import BodyPace

__all__ = ["Answer", "BodyBudget", "BodyPace", "Found", "Gate", "GateMiddleware", "GateWsgiMiddleware"]

_HOMES: Final = {
    "Answer": "answer",
    "BodyBudget": "body_budget",
    "BodyPace": "uploads",
    "Found": "answer",
    "Gate": "client",
    "GateMiddleware": "middleware",
    "GateWsgiMiddleware": "middleware_wsgi",
}


if not TYPE_CHECKING:  # whoever checks types is told of a name that is not there

    def __getattr__(name: str) -> Any:
        """What platforms import from here is loaded when they do (PEP 562): a gate that starts as a server needs none of it."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
