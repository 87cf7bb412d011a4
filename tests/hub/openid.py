"""A small OpenID provider on this machine, with a real RSA key, that can be told to answer wrongly.

It checks what a provider checks: the client's secret, the address to come back to, PKCE, and that a code is used once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

from amparo.core.clock import Clock
from amparo.hub.provider import ProviderSettings

CLIENT, SECRET = "amparo-desk", "a secret: with % and +"
Claims = dict[str, Any]


def unchanged(_claims: Claims) -> None: ...


@cache
def _own_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


@dataclass
class OpenIdProvider:
    """subject: who signs in. spoil: changes the claims before they are signed. signed_with: instead of its own key. mint: makes
    the token instead of signing it. basic: whether the secret is taken in a header, or in the form."""

    address: str
    clock: Clock
    subject: str = "ana@house"
    spoil: Callable[[Claims], None] = unchanged
    key: RSAKey = field(default_factory=_own_key)
    signed_with: RSAKey | None = None
    mint: Callable[[Claims, RSAKey], str] | None = None
    basic: bool = True
    asked: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    issuer_said: str = ""

    def settings(self) -> ProviderSettings:
        return ProviderSettings(self.address, CLIENT, SECRET, "the house")

    def discovery(self) -> Claims:
        return {
            "issuer": self.issuer_said or self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_basic" if self.basic else "client_secret_post"],
        }

    def authorise(self, question: dict[str, str]) -> str:
        """Where the browser goes next, signed in as ``subject``."""
        assert question["response_type"] == "code"
        assert question["client_id"] == CLIENT
        assert question["code_challenge_method"] == "S256"
        assert "openid" in question["scope"].split()
        code = secrets.token_urlsafe(16)
        self.asked[code] = question
        answer = {"code": code, "state": question["state"], "iss": self.address}
        return f"{question['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: dict[str, str], authorisation: str) -> tuple[int, Claims]:
        expected = base64.b64encode(f"{CLIENT}:{_encoded(SECRET)}".encode()).decode()
        in_form = form.get("client_id") == CLIENT and form.get("client_secret") == SECRET
        if not (authorisation == f"Basic {expected}" if self.basic else in_form):
            return 401, {"error": "invalid_client"}
        asked = self.asked.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(self.clock.now().timestamp())
        claims: Claims = {"iss": self.address, "sub": self.subject, "aud": CLIENT, "iat": now, "exp": now + 300}
        claims["nonce"] = asked["nonce"]
        self.spoil(claims)
        if self.mint is not None:
            return 200, {"id_token": self.mint(claims, self.key)}
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signed_with or self.key)
        return 200, {"access_token": "none", "token_type": "Bearer", "id_token": signed}


def visited(address: str) -> Mapping[str, str]:
    """What a browser that is sent to ``address`` brings back: the parameters with which the provider returns it."""
    answer = httpx.get(address, trust_env=False)
    assert answer.status_code == 303
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


@contextmanager
def openid_provider(clock: Clock) -> Generator[OpenIdProvider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/.well-known/openid-configuration":
                self._say(200, provider.discovery())
            elif parts.path == "/keys":
                self._say(200, {"keys": [{"kty": "unheard-of"}, provider.key.as_dict(private=False)]})
            elif parts.path == "/authorize":
                self.send_response(303)
                self.send_header("Location", provider.authorise(dict(parse_qsl(parts.query))))
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._say(404, {})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(raw).items()}
            self._say(*provider.token(form, self.headers.get("Authorization", "")))

        def _say(self, status: int, content: Claims) -> None:
            raw = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
            """Nothing: tests read answers."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = OpenIdProvider(f"http://127.0.0.1:{server.server_port}", clock)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _encoded(text: str) -> str:
    return urlencode({"": text})[1:]
