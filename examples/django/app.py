"""A Django site in one file that refuses copies: any WSGI server, with AMPARO_GATE and AMPARO_KEY set."""

import os
import secrets

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from amparo.gate import Gate, GateWsgiMiddleware

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY=secrets.token_hex())


def upload(request: HttpRequest) -> JsonResponse:
    photo = request.FILES["photo"]
    size = photo.size if isinstance(photo, UploadedFile) else 0
    return JsonResponse({"stored": size, "verdict": request.environ["amparo"].action})


urlpatterns = [path("upload", upload)]
gate = Gate.from_url(os.environ["AMPARO_GATE"], os.environ["AMPARO_KEY"])
application = GateWsgiMiddleware(get_wsgi_application(), gate, paths=("/upload",))
