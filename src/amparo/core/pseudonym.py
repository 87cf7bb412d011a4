"""Pseudonyms: what a partner sees in place of our identifiers."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from amparo.core.errors import InvalidInput
from amparo.core.ids import PartnerId, is_id
from amparo.core.keys import derive


class Pseudonyms:
    """The pseudonyms of one kind for one partner.

    A pseudo-random permutation of 128-bit identifiers: one AES-256 block each (FIPS 197) under a key derived for this
    partner and kind. Identifiers are random and distinct, so equal blocks, ECB's weakness, cannot occur. Two partners
    who compare notes cannot link what they hold; the hub turns a pseudonym back without keeping a table.
    """

    def __init__(self, key: bytes, partner: PartnerId, kind: str) -> None:
        block_key = derive(key, f"amparo-pseudonym-1 {kind} {partner}")
        self._cipher = Cipher(algorithms.AES256(block_key), modes.ECB())  # noqa: S305  # single random blocks, see above

    def of(self, identifiers: Sequence[str]) -> list[str]:
        """The pseudonyms of these identifiers (32 hexadecimal digits each), in order."""
        encryptor = self._cipher.encryptor()
        return _split(encryptor.update(bytes.fromhex("".join(identifiers))) + encryptor.finalize())

    def original(self, pseudonym: str) -> str:
        """Inverse of ``of``. Raises InvalidInput ``id_invalid`` for another shape; every shape-right text has an original."""
        if not is_id(pseudonym):
            raise InvalidInput("id_invalid", "An identifier has 32 lowercase hexadecimal digits.")
        decryptor = self._cipher.decryptor()
        return (decryptor.update(bytes.fromhex(pseudonym)) + decryptor.finalize()).hex()


def _split(blocks: bytes) -> list[str]:
    digits = blocks.hex()
    return [digits[at : at + 32] for at in range(0, len(digits), 32)]
