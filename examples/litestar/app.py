"""A Litestar site that refuses copies: ``uvicorn app:app``, with AMPARO_GATE and AMPARO_KEY set."""

import os
from typing import Annotated, Any

from litestar import Litestar, Request, post
from litestar.datastructures import State, UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body

from amparo.gate import Gate, GateMiddleware

Photo = Annotated[UploadFile, Body(media_type=RequestEncodingType.MULTI_PART)]


@post("/upload")
async def upload(request: Request[Any, Any, State], data: Photo) -> dict[str, Any]:
    return {"stored": len(await data.read()), "verdict": request.state.amparo.action}


gate = Gate.from_url(os.environ["AMPARO_GATE"], os.environ["AMPARO_KEY"])
app = GateMiddleware(Litestar([upload]), gate=gate, paths=("/upload",))
