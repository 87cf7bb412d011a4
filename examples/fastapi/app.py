"""A FastAPI site that refuses copies: ``uvicorn app:app``, with AMPARO_GATE and AMPARO_KEY set."""

import os
from typing import Any

from fastapi import FastAPI, Request, UploadFile

from amparo.gate import Gate, GateMiddleware

app = FastAPI()
gate = Gate.from_url(os.environ["AMPARO_GATE"], os.environ["AMPARO_KEY"])
app.add_middleware(GateMiddleware, gate=gate, paths=("/upload",))


@app.post("/upload")
async def upload(request: Request, photo: UploadFile) -> dict[str, Any]:
    return {"stored": len(await photo.read()), "verdict": request.state.amparo.action}
