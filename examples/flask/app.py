"""A Flask site that refuses copies: ``flask run``, with AMPARO_GATE and AMPARO_KEY set."""

import os
from typing import Any

from flask import Flask, request

from amparo.gate import Gate, GateWsgiMiddleware

app = Flask(__name__)
gate = Gate.from_url(os.environ["AMPARO_GATE"], os.environ["AMPARO_KEY"])
app.wsgi_app = GateWsgiMiddleware(app.wsgi_app, gate, paths=("/upload",))


@app.post("/upload")
def upload() -> dict[str, Any]:
    return {"stored": len(request.files["photo"].read()), "verdict": request.environ["amparo"].action}
