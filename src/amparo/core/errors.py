"""The one error tree.

::

    AmparoError
    ├── InvalidInput          the caller sent something that cannot be used
    ├── Rejected              understood, and refused by policy or authority
    │   └── Unauthenticated   no key, a wrong key, an expired key
    ├── Conflict              the thing has moved on; read again and retry
    ├── NotFound              nothing is there (or nothing that may be told)
    ├── VerificationFailed    a signature, chain or checksum does not hold; names its step
    ├── Unavailable           not now; retry after some seconds
    └── IntegrityViolation    our own stored state contradicts itself

Every error carries a stable ``code`` (snake_case, part of the public interface), a ``public`` sentence that may be shown
to anyone, and a private ``detail`` that goes to the operator's log only. ``amparo.core.problem`` maps codes to HTTP
problems and exit codes.
"""

from __future__ import annotations

from typing import ClassVar


class AmparoError(Exception):
    """Base of all errors of ours.

    code: stable identifier, e.g. ``"picture_truncated"``. public: one sentence for whoever asked. detail: for the
    operator; may name paths and causes, never fingerprints, pictures or case codes.
    """

    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    retry_after: float | None = None

    def __init__(self, code: str, public: str, *, detail: str = "") -> None:
        super().__init__(f"{code}: {public}" + (f" ({detail})" if detail else ""))
        self.code = code
        self.public = public
        self.detail = detail

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders in multi-process hashing; keyword-only arguments need a helping hand.
        return (_rebuild, (type(self), self.__dict__.copy(), self.args))


def _rebuild(kind: type[AmparoError], state: dict[str, object], args: tuple[object, ...]) -> AmparoError:
    error = kind.__new__(kind)
    Exception.__init__(error, *args)
    error.__dict__.update(state)
    return error


class InvalidInput(AmparoError):
    """The caller sent something that cannot be used as it is."""

    status = 422
    exit_code = 2


class Rejected(AmparoError):
    """Understood, and refused by policy or authority."""

    status = 403
    exit_code = 3


class Unauthenticated(Rejected):
    """No key, a wrong key or an expired key was shown."""

    status = 401


class Conflict(AmparoError):
    """The thing has moved on since the caller looked."""

    status = 409
    exit_code = 4


class NotFound(AmparoError):
    """Nothing is there, or nothing that the caller may be told of."""

    status = 404
    exit_code = 5


class VerificationFailed(AmparoError):
    """A signature, a chain or a checksum does not hold. ``step`` names which check of the procedure failed."""

    status = 400
    exit_code = 6

    def __init__(self, code: str, public: str, *, step: str, detail: str = "") -> None:
        super().__init__(code, public, detail=detail)
        self.step = step


class Unavailable(AmparoError):
    """Not now. ``retry_after`` says in how many seconds another try makes sense."""

    status = 503
    exit_code = 7

    def __init__(self, code: str, public: str, *, retry_after: float = 5.0, detail: str = "") -> None:
        super().__init__(code, public, detail=detail)
        self.retry_after = retry_after


class IntegrityViolation(AmparoError):
    """Our own stored state contradicts itself: stop, keep everything, call the operator."""

    status = 500
    exit_code = 8
