"""What the partners' doors have in common, the native one and those of foreign formats: one shape for errors."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from amparo.core.errors import AmparoError, InvalidInput, NotFound
from amparo.core.problem import MEDIA_TYPE, headers_of, problem_of


async def problem_response(_request: Request, error: Exception) -> Response:
    """RFC 9457, whatever the format: their clients look at the status only, and people read this more easily."""
    assert isinstance(error, AmparoError)
    return JSONResponse(problem_of(error), error.status, headers_of(error), MEDIA_TYPE)


class _MethodRefused(InvalidInput):
    status = 405


_ROUTING: Final[dict[int, AmparoError]] = {
    404: NotFound("path_unknown", "There is nothing under this address."),
    405: _MethodRefused("method_refused", "This address is not asked in this way."),
}


async def routing_response(_request: Request, error: Exception) -> Response:
    """The same shape for an address that is not there, or is asked by a method that it does not know."""
    assert isinstance(error, HTTPException)
    known = _ROUTING[error.status_code]
    headers = headers_of(known) | dict(error.headers or {})
    return JSONResponse(problem_of(known), known.status, headers, MEDIA_TYPE)
