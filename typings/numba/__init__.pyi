from collections.abc import Callable
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])

def njit(*, nogil: bool = ..., cache: bool = ..., inline: str = ..., boundscheck: bool = ...) -> Callable[[_F], _F]: ...

types: Any
