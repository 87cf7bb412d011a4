"""Whether an ID token says what it must (OpenID Connect Core 1.0, section 3.1.3.7). Needs the extra ``oidc``."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any, Final, cast

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from amparo.core.errors import Unauthenticated

SIGNED_BY: Final = ("RS256", "PS256", "ES256")
"""Asymmetric ones only: with others, whoever knows the public key or nothing at all could sign."""
LEEWAY: Final = timedelta(seconds=60)
OLDEST: Final = timedelta(minutes=10)
"""A token is made for this entrance; one issued long ago was not."""
_KINDS: Final = ("RSA", "EC")
_LONGEST_SUBJECT: Final = 255


def subject_in(token: str, keys: dict[str, Any], *, issuer: str, client: str, nonce: str, now: datetime) -> str:
    """``sub`` of a token that this issuer signed for this client and this entrance.

    keys: the issuer's JWK Set (RFC 7517). Raises Unauthenticated ``oidc_refused``.
    """
    moment = int(now.timestamp())
    rules = JWTClaimsRegistry(
        moment,
        int(LEEWAY.total_seconds()),
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    )
    try:
        claims = jwt.decode(token, _public(keys), algorithms=SIGNED_BY).claims
        rules.validate(claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise refused(f"{type(error).__name__}: {error}") from error
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise refused("nonce")
    if moment - claims["iat"] > OLDEST.total_seconds():
        raise refused("iat")
    # Section 3.1.3.7, rules 3 to 5: made for us, and for nobody else through us.
    authorised = claims.get("azp", client if isinstance(claims["aud"], str) or len(claims["aud"]) == 1 else None)
    if authorised != client:
        raise refused("azp")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        raise refused("sub")
    return subject


def refused(detail: str) -> Unauthenticated:
    return Unauthenticated(
        "oidc_refused", "The sign-in of your organisation was not accepted. Try again.", detail=detail
    )


def _public(keys: dict[str, Any]) -> KeySet:
    """Those that sign. A set may hold keys of kinds that nobody here knows; they are left aside."""
    listed = keys.get("keys")
    if not isinstance(listed, list):
        raise refused("jwks")
    signing: list[Any] = []
    for key in cast("list[Any]", listed):
        if isinstance(key, dict):
            one = cast("dict[str, Any]", key)
            if one.get("kty") in _KINDS and one.get("use", "sig") == "sig":
                signing.append(one)
    if not signing:
        raise refused("jwks")
    return KeySet.import_key_set({"keys": signing})
