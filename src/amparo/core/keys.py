"""Keys: Ed25519 signatures, AES-256-GCM seals, derived keys, bearer secrets, and private files.

Sources: Ed25519 RFC 8032; AES-GCM NIST SP 800-38D; HKDF RFC 5869.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from amparo.core.errors import IntegrityViolation, InvalidInput, VerificationFailed
from amparo.core.ids import HubId

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
_NONCE_BYTES: Final = 12


class SigningKey:
    """An Ed25519 private key. It signs only under a named context, so that no signature serves for another purpose."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public(self) -> VerifyKey:
        return VerifyKey(self._key.public_key().public_bytes_raw())

    def sign(self, context: str, message: bytes) -> bytes:
        """64 bytes over ``context``, a zero byte and the message."""
        return self._key.sign(context.encode() + b"\0" + message)


class VerifyKey:
    """An Ed25519 public key: 32 bytes. Raises InvalidInput ``public_key_invalid`` for anything else."""

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise InvalidInput("public_key_invalid", "A hub's public key has 32 bytes.")
        self.raw = raw
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    @classmethod
    def from_hex(cls, text: str) -> VerifyKey:
        try:
            return cls(bytes.fromhex(text))
        except ValueError as error:
            raise InvalidInput("public_key_invalid", "A hub's public key is written in hexadecimal digits.") from error

    @property
    def hex(self) -> str:
        return self.raw.hex()

    @property
    def hub_id(self) -> HubId:
        """The name of the hub that owns this key: the first 128 bits of its SHA-256."""
        return HubId(hashlib.sha256(self.raw).hexdigest()[:32])

    def verify(self, context: str, message: bytes, signature: bytes) -> None:
        """Raises VerificationFailed ``signature_invalid`` unless the signature was made for this context and message."""
        try:
            self._key.verify(signature, context.encode() + b"\0" + message)
        except InvalidSignature as error:
            raise VerificationFailed(
                "signature_invalid", "The signature does not fit the content and the key.", step="signature"
            ) from error


def new_key() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def derive(master: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose (HKDF-SHA-256)."""
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(master)


def keyed_tag(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256: finds equal things again without keeping them readable."""
    return hmac.new(key, message, hashlib.sha256).digest()


def seal(key: bytes, plaintext: bytes, context: str) -> bytes:
    """Nonce (12), ciphertext, tag (16). ``context`` is authenticated: a sealed field cannot be moved to another place."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """Inverse of ``seal``. Raises IntegrityViolation ``seal_broken`` for a wrong key, place or byte."""
    return unseal_all(key, [(sealed, context)])[0]


def unseal_all(key: bytes, sealed: Iterable[tuple[bytes, str]]) -> list[bytes]:
    """Many of one key, each with its context, as ``unseal`` opens one. Raises IntegrityViolation ``seal_broken``."""
    cipher, opened, context = AESGCM(key), list[bytes](), ""
    try:
        for raw, context in sealed:
            opened.append(cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode()))
    except (InvalidTag, ValueError) as error:
        raise IntegrityViolation(
            "seal_broken", "A sealed record could not be opened.", detail=f"context {context}"
        ) from error
    return opened


def new_bearer_secret() -> str:
    """256 random bits in URL-safe base64 (43 characters)."""
    return secrets.token_urlsafe(KEY_BYTES)


def bearer_digest(secret: str) -> bytes:
    """What is stored of a bearer secret. It has 256 random bits, so a plain SHA-256 cannot be searched (NIST SP 800-63B)."""
    return hashlib.sha256(b"amparo-bearer-1\0" + secret.encode()).digest()


def same_bytes(left: bytes, right: bytes) -> bool:
    """Equality in constant time."""
    return hmac.compare_digest(left, right)


def load_or_create_key(path: Path) -> bytes:
    """The 32-byte key in ``path``; created on first use. When this returns, it is on disk, readable by its owner only.

    Of several processes that create it at once, one does, and all return its key.
    Raises IntegrityViolation ``key_file_invalid`` for a file of another length: a damaged key must never be replaced
    silently, since everything sealed by it would be lost.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        # Another process may be as fast; what it has sealed by then must not lose its key.
        with suppress(FileExistsError):
            _write_private(path, new_key(), os.link)
        raw = path.read_bytes()
    if len(raw) != KEY_BYTES:
        raise IntegrityViolation(
            "key_file_invalid", "A key file of this installation is damaged.", detail=f"{path.name}: {len(raw)} bytes"
        )
    return raw


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 whole or not at all. When this returns, it is on disk under its name."""
    _write_private(path, content, os.replace)


def _write_private(path: Path, content: bytes, put: Callable[[Path, Path], None]) -> None:
    """put: gives the finished file its name; ``os.replace``, or ``os.link``, which raises FileExistsError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        put(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
