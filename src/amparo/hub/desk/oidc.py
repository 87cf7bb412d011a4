"""Coming in by the house's own sign-in: the authorisation code flow of OpenID Connect Core 1.0 (section 3.1), with PKCE.

The provider says who somebody is, and nothing else: no account is made by it, and no role comes from it. What was asked for is
kept in memory for ten minutes, under a cookie of its own, and used up by the first answer, whatever comes of it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.util
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx

from amparo.core.errors import NotFound, Unauthenticated, Unavailable
from amparo.core.keys import bearer_digest
from amparo.hub.context import Hub
from amparo.hub.provider import ProviderSettings, read_provider, require_protected

OIDC_COOKIE: Final = "amparo_desk_oidc"
BACK: Final = "/enter/oidc/back"
ANSWER_WITHIN: Final = timedelta(minutes=10)
_KNOWN_FOR: Final = timedelta(minutes=10)
"""How long what the provider says of itself is not asked for again; its keys are asked for at each entrance."""
_AT_ONCE: Final = 10_000
_SECONDS: Final = 10.0
_LARGEST_ANSWER: Final = 256_000


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where the provider answers (OpenID Connect Discovery 1.0, section 3). basic: whether it takes our secret in a header."""

    authorise: str
    token: str
    keys: str
    basic: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    state: str
    nonce: str
    verifier: str
    ticket: str
    until: datetime
    where: Metadata


@dataclass(frozen=True, slots=True)
class Proven:
    """What the provider has said. subject: in its own words; ticket: of the invitation that somebody came by, or ""."""

    issuer: str
    subject: str
    ticket: str


class Provider:
    """Safe to use from several threads. Raises what ``read_provider`` raises for the operator's file."""

    def __init__(self, hub: Hub) -> None:
        self._clock = hub.clock
        self._back = hub.settings.desk_url.rstrip("/") + BACK
        # Without the extra «oidc» there is nothing to check a token with, so there is no such way in.
        able = importlib.util.find_spec("joserfc") is not None
        self._settings = read_provider(hub.provider_file) if able else None
        self._lock = threading.Lock()
        self._asked: dict[bytes, _Asked] = {}
        self._where: tuple[Metadata, datetime] | None = None

    @property
    def name(self) -> str:
        """On the button; "" where the desk has no provider."""
        return "" if self._settings is None else self._settings.name

    @property
    def issuer(self) -> str:
        return "" if self._settings is None else self._settings.issuer

    def ask(self, ticket: str = "") -> tuple[str, str]:
        """Where to send the browser, and the value of its cookie. ticket: of an invitation.

        Raises NotFound ``oidc_not_set_up``, Unavailable ``oidc_unreachable``.
        """
        settings, now = self._ready(), self._clock.now()
        where = self._metadata(settings)
        cookie, state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(4))
        with self._lock:
            while len(self._asked) >= _AT_ONCE:
                del self._asked[next(iter(self._asked))]
            self._asked[bearer_digest(cookie)] = _Asked(state, nonce, verifier, ticket, now + ANSWER_WITHIN, where)
        question = {
            "response_type": "code",
            "scope": "openid",
            "client_id": settings.client,
            "redirect_uri": self._back,
            "state": state,
            "nonce": nonce,
            "code_challenge": _unpadded(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(where.authorise).query else "?"
        return f"{where.authorise}{joint}{urlencode(question)}", cookie

    def answered(self, cookie: str, answer: Mapping[str, str]) -> Proven:
        """Who came back. answer: the parameters with which the provider sent the browser back.

        Raises NotFound ``oidc_not_set_up``, Unauthenticated ``oidc_over``, ``oidc_refused``, Unavailable ``oidc_unreachable``.
        """
        from amparo.hub.desk.id_token import refused, subject_in

        settings = self._ready()
        with self._lock:
            asked = self._asked.pop(bearer_digest(cookie), None)
        if asked is None or asked.until <= self._clock.now():
            raise Unauthenticated("oidc_over", "This took too long, or was answered before. Try again.")
        if not hmac.compare_digest(answer.get("state", "").encode(), asked.state.encode()):
            raise refused("state")
        # RFC 9207: an answer that names another issuer is another's.
        if answer.get("iss", settings.issuer) != settings.issuer:
            raise refused("iss")
        if "error" in answer or not answer.get("code"):
            raise refused("the provider said no")
        token = self._token(settings, asked, answer["code"])
        subject = subject_in(
            token,
            _asked_for(asked.where.keys),
            issuer=settings.issuer,
            client=settings.client,
            nonce=asked.nonce,
            now=self._clock.now(),
        )
        return Proven(settings.issuer, subject, asked.ticket)

    def _ready(self) -> ProviderSettings:
        if self._settings is None:
            raise NotFound("oidc_not_set_up", "This desk has no other sign-in than passkeys.")
        return self._settings

    def _metadata(self, settings: ProviderSettings) -> Metadata:
        with self._lock:
            if self._where is not None and self._where[1] > self._clock.now():
                return self._where[0]
        said = _asked_for(settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
        if said.get("issuer") != settings.issuer:
            raise _unreachable("the provider calls itself something else")
        methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        ends = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        authorise, token, keys = (require_protected(end if isinstance(end, str) else "") for end in ends)
        basic = isinstance(methods, list) and "client_secret_basic" in methods
        where = Metadata(authorise, token, keys, basic)
        with self._lock:
            self._where = where, self._clock.now() + _KNOWN_FOR
        return where

    def _token(self, settings: ProviderSettings, asked: _Asked, code: str) -> str:
        from amparo.hub.desk.id_token import refused

        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": asked.verifier,
        }
        auth = None
        if asked.where.basic:
            # RFC 6749, 2.3.1: both are form-encoded before they go into the header.
            auth = httpx.BasicAuth(quote_plus(settings.client), quote_plus(settings.secret))
        else:
            form |= {"client_id": settings.client, "client_secret": settings.secret}
        token = _asked_for(asked.where.token, form, auth).get("id_token")
        if not isinstance(token, str):
            raise refused("no id_token")
        return token


def _asked_for(
    address: str, form: Mapping[str, str] | None = None, auth: httpx.BasicAuth | None = None
) -> dict[str, Any]:
    """One JSON object from the provider. Redirects are not followed: the secret goes where discovery said, and nowhere else.

    Raises Unauthenticated ``oidc_refused`` where it refuses a form, Unavailable ``oidc_unreachable``.
    """
    from amparo.hub.desk.id_token import refused

    try:
        with (
            httpx.Client(timeout=_SECONDS, trust_env=False, headers={"Accept": "application/json"}) as client,
            client.stream("GET" if form is None else "POST", address, data=form, auth=auth) as answer,
        ):
            if form is not None and answer.status_code in (400, 401, 403):
                raise refused(f"token endpoint: {answer.status_code}")
            if answer.status_code != 200:
                raise _unreachable(f"status {answer.status_code}")
            raw = b""
            for part in answer.iter_bytes(16_384):
                raw += part
                if len(raw) > _LARGEST_ANSWER:
                    raise _unreachable("a very long answer")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unreachable(type(error).__name__) from error
    try:
        said: object = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _unreachable("no JSON") from error
    if not isinstance(said, dict):
        raise _unreachable("no JSON object")
    return cast("dict[str, Any]", said)


def _unreachable(detail: str) -> Unavailable:
    return Unavailable(
        "oidc_unreachable",
        "The sign-in of your organisation does not answer. Use a passkey, or try later.",
        detail=detail,
    )


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
