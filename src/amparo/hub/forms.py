"""Reading what pages send: urlencoded forms, and JSON from their scripts. Nothing else comes in (``hub.guard``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias, cast
from urllib.parse import parse_qs

from fastapi import Depends
from starlette.requests import Request

from amparo.core.errors import InvalidInput
from amparo.hub.guard import BODY_LIMIT


async def form_of(request: Request) -> Mapping[str, list[str]]:
    """The form's fields. Raises InvalidInput ``form_malformed``."""
    try:
        return parse_qs((await request.body()).decode("ascii"), keep_blank_values=True, max_num_fields=BODY_LIMIT // 64)
    except ValueError as error:
        raise InvalidInput("form_malformed", "This form could not be read.") from error


Form: TypeAlias = Annotated[Mapping[str, list[str]], Depends(form_of)]
"""As a parameter of a route: its form's fields."""


def one(form: Mapping[str, list[str]], name: str) -> str:
    """The first value of a field without the spaces around it; empty where there is none."""
    return next(iter(form.get(name, [])), "").strip()


async def json_of(request: Request) -> Mapping[str, Any]:
    """The object in the body. Raises InvalidInput ``json_malformed``."""
    try:
        content = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise InvalidInput("json_malformed", "This could not be read.") from error
    if not isinstance(content, dict):
        raise InvalidInput("json_malformed", "This could not be read.")
    return cast("dict[str, Any]", content)


Json: TypeAlias = Annotated[Mapping[str, Any], Depends(json_of)]
"""As a parameter of a route: the JSON object in its body."""
