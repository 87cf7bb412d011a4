"""Who may ask the gate for what: bearer keys of the platform's own programs, each with roles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from amparo.core.clock import monotonic
from amparo.core.errors import InvalidInput, Rejected, Unauthenticated
from amparo.core.keys import bearer_digest

_REMEMBERED_SECONDS: Final = 5.0
_REMEMBERED_KEYS: Final = 1000


class Role(StrEnum):
    """HASH: pictures to fingerprints. MATCH: lookups and checks. CURATE: contents of the platform's own banks, opinions, reviews.
    ADMIN: all of these, and the rest: banks themselves, exchanges, status, figures."""

    HASH = "hash"
    MATCH = "match"
    CURATE = "curate"
    ADMIN = "admin"


ALL_ROLES: Final = frozenset(Role)
DEFAULT_ROLES: Final = frozenset({Role.HASH, Role.MATCH})


def roles_of(names: Iterable[str]) -> frozenset[Role]:
    """Raises InvalidInput ``role_unknown`` for a name that is none, and for no name at all."""
    try:
        roles = frozenset(Role(name) for name in names)
    except ValueError as error:
        raise InvalidInput("role_unknown", f"The roles are {', '.join(Role)}.") from error
    if not roles:
        raise InvalidInput("role_unknown", f"A key needs a role; the roles are {', '.join(Role)}.")
    return roles


@dataclass(frozen=True, slots=True)
class Caller:
    """The program that asks."""

    name: str
    roles: frozenset[Role]

    def may(self, role: Role) -> bool:
        return role in self.roles or Role.ADMIN in self.roles


class Keys(Protocol):
    """Where the digests of keys are kept."""

    def client_with(self, digest: bytes) -> Caller | None:
        """Whose key has this digest."""
        ...


class Access:
    """Lets programs in. A key that was taken back opens nothing after five seconds at the latest.

    open_to_all: everyone is everything. For trying out on loopback only; the command line sees to that.
    """

    def __init__(self, keys: Keys, *, open_to_all: bool = False) -> None:
        self._keys = keys
        self._open = Caller("anyone", ALL_ROLES) if open_to_all else None
        self._remembered: dict[str, tuple[Caller, float]] = {}

    def admit(self, authorization: str, role: Role) -> Caller:
        """The caller behind an ``Authorization`` header (RFC 6750).

        Raises Unauthenticated ``gate_key_missing`` or ``gate_key_wrong``, Rejected ``gate_role_missing``.
        """
        caller = self._open or self._caller(authorization)
        if not caller.may(role):
            raise Rejected("gate_role_missing", f"This key has no right to that; it needs the role {role}.")
        return caller

    def _caller(self, authorization: str) -> Caller:
        now = monotonic()
        remembered = self._remembered.get(authorization)
        if remembered is not None and remembered[1] > now:
            return remembered[0]
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise Unauthenticated("gate_key_missing", "This gate is asked with a key, as a bearer token.")
        caller = self._keys.client_with(bearer_digest(secret))
        if caller is None:
            self._remembered.pop(authorization, None)
            raise Unauthenticated("gate_key_wrong", "This gate does not know the key that was shown.")
        if len(self._remembered) >= _REMEMBERED_KEYS:
            self._remembered.clear()
        self._remembered[authorization] = (caller, now + _REMEMBERED_SECONDS)
        return caller
