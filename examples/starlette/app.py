"""A Starlette site that refuses copies: ``uvicorn app:app``, with AMPARO_GATE and AMPARO_KEY set."""

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from amparo.gate import Gate, GateMiddleware


async def upload(request: Request) -> JSONResponse:
    async with request.form() as form:
        return JSONResponse({"stored": len(form), "verdict": request.state.amparo.action})


app = Starlette(routes=[Route("/upload", upload, methods=["POST"])])
gate = Gate.from_url(os.environ["AMPARO_GATE"], os.environ["AMPARO_KEY"])
app.add_middleware(GateMiddleware, gate=gate, paths=("/upload",))
