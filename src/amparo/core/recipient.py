"""Sealing to somebody who holds a bearer secret, by one who has kept nothing but a public key derived from it.

Ephemeral X25519 (RFC 7748), HKDF-SHA-256 (RFC 5869) over both public keys, AES-256-GCM. Whoever seals cannot open again.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from amparo.core.errors import IntegrityViolation
from amparo.core.keys import KEY_BYTES, derive, seal, unseal

_PURPOSE: Final = "amparo-recipient-1"


def recipient_key(secret: str) -> bytes:
    """The 32 bytes of a public key that belongs to ``secret``; they say nothing about it."""
    return _private(secret).public_key().public_bytes_raw()


def seal_to(recipient: bytes, plaintext: bytes, context: str) -> bytes:
    """An ephemeral public key (32 bytes), then a seal of ``core.keys`` that only the recipient's secret opens."""
    ephemeral = X25519PrivateKey.generate()
    own = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient))
    return own + seal(_key(shared, own, recipient), plaintext, context)


def unseal_with(secret: str, sealed: bytes, context: str) -> bytes:
    """Inverse of ``seal_to``. Raises IntegrityViolation ``seal_broken`` for another secret, place or byte."""
    private = _private(secret)
    other = sealed[:KEY_BYTES]
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(other))
    except ValueError as error:
        raise IntegrityViolation("seal_broken", "A sealed record could not be opened.", detail=context) from error
    return unseal(_key(shared, other, private.public_key().public_bytes_raw()), sealed[KEY_BYTES:], context)


def _private(secret: str) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(derive(secret.encode(), _PURPOSE))


def _key(shared: bytes, ephemeral: bytes, recipient: bytes) -> bytes:
    info = _PURPOSE.encode() + ephemeral + recipient
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info).derive(shared)
