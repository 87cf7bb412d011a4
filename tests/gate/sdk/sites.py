"""A small site on each framework that our users run: it stores the files of a form, and answers with what it has stored."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, Final

import httpx
from fastapi import FastAPI
from flask import Flask, request
from litestar import Litestar, post
from litestar import Request as LitestarRequest
from litestar.datastructures import UploadFile as LitestarFile
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

ASGI: Final = ("starlette", "fastapi", "litestar")
WSGI: Final = ("flask", "django")
Ask = Callable[..., httpx.Response]


def digests(contents: Iterable[bytes]) -> list[str]:
    """Of the files that are not empty, in no order."""
    return sorted(hashlib.sha256(content).hexdigest() for content in contents if content)


def site(name: str) -> Any:
    """The application, without a gate; it takes forms at /upload."""
    made: dict[str, Callable[[], Any]] = {
        "starlette": _starlette,
        "fastapi": _fastapi,
        "litestar": _litestar,
        "flask": _flask,
        "django": _django,
    }
    return made[name]()


def asking(name: str, app: Any) -> Ask:
    """Asks the application, a request at a time; an error in it is an answer of status 500."""
    if name in WSGI:
        client = httpx.Client(
            transport=httpx.WSGITransport(app, raise_app_exceptions=False), base_url="http://site.test"
        )
        return client.request

    async def ask(method: str, where: str, **sent: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://site.test") as client:
            return await client.request(method, where, **sent)

    def asked(method: str, where: str, **sent: Any) -> httpx.Response:
        return asyncio.run(ask(method, where, **sent))

    return asked


def forget_django() -> None:
    """Let Django be configured once more in this process; its settings are one object for all sites."""
    settings: Any = _of_django("conf").settings
    settings._wrapped = _of_django("utils.functional").empty


async def _of_starlette(asked: Request) -> JSONResponse:
    async with asked.form() as form:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        return JSONResponse(digests([await file.read() for file in files]))


def _starlette() -> Any:
    return Starlette(routes=[Route("/upload", _of_starlette, methods=["POST", "GET"])])


def _fastapi() -> Any:
    app = FastAPI()
    app.add_route("/upload", _of_starlette, methods=["POST", "GET"])
    return app


def _litestar() -> Any:
    @post("/upload", status_code=200)
    async def upload(request: LitestarRequest[Any, Any, Any]) -> list[str]:
        files = [value for _, value in (await request.form()).multi_items() if isinstance(value, LitestarFile)]
        return digests([await file.read() for file in files])

    return Litestar([upload])


def _flask() -> Any:
    app = Flask("site")

    def upload() -> Any:
        return digests(file.read() for _, file in request.files.items(multi=True))

    app.add_url_rule("/upload", view_func=upload, methods=["POST", "GET"])
    return app


def _of_django(name: str) -> Any:
    # It has no types.
    return import_module(f"django.{name}")


def _django() -> Any:
    forget_django()
    _of_django("conf").settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY=secrets.token_hex())
    return _of_django("core.wsgi").get_wsgi_application()


def _upload_of_django(asked: Any) -> Any:
    files = [file for _, many in asked.FILES.lists() for file in many]
    return _of_django("http").JsonResponse(digests(file.read() for file in files), safe=False)


urlpatterns: list[Any] = [_of_django("urls").path("upload", _upload_of_django)]
