"""The house's own sign-in, if it has one: which OpenID provider the desk trusts to say who somebody is.

The operator names it in a file beside the hub's data, readable by its owner only, because it holds the client's secret. It is
read when the desk starts.
"""

from __future__ import annotations

import ipaddress
import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from amparo.core.canonical import canonical_bytes
from amparo.core.errors import InvalidInput
from amparo.core.keys import write_private
from amparo.notice.reading import Reader

PROVIDER_FILE: Final = "oidc.json"
_LONGEST: Final = 500
_INVALID: Final = "oidc_settings_invalid"


@dataclass(frozen=True, slots=True, repr=False)
class ProviderSettings:
    """issuer: as the provider writes itself (OpenID Connect Discovery 1.0, section 3). name: on the desk's button."""

    issuer: str
    client: str
    secret: str
    name: str = "your organisation"


def read_provider(path: Path) -> ProviderSettings | None:
    """None where the desk has none. Raises InvalidInput ``oidc_settings_invalid``, ``oidc_settings_exposed`` where others on
    the machine can read the secret."""
    try:
        raw, mode = path.read_bytes(), path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_IMODE(mode) & 0o077:
        raise InvalidInput(
            "oidc_settings_exposed",
            f"{path.name} holds a secret. Only its owner may read it: chmod 600.",
            detail=str(path),
        )
    reader = Reader.of_bytes(raw, path.name, _INVALID)
    settings = ProviderSettings(
        reader.text("issuer"), reader.text("client_id"), reader.text("client_secret"), reader.text("name")
    )
    reader.done()
    return checked(settings)


def write_provider(path: Path, settings: ProviderSettings) -> None:
    """When this returns, it is on disk, readable by its owner only. Raises as ``checked`` does."""
    settings = checked(settings)
    content = {
        "issuer": settings.issuer,
        "client_id": settings.client,
        "client_secret": settings.secret,
        "name": settings.name,
    }
    write_private(path, json.dumps(json.loads(canonical_bytes(content)), indent=2, ensure_ascii=False).encode() + b"\n")


def checked(settings: ProviderSettings) -> ProviderSettings:
    """Raises InvalidInput ``oidc_settings_invalid``, ``oidc_unprotected`` for an address without TLS."""
    for text in (settings.issuer, settings.client, settings.secret, settings.name):
        if not text.strip() or len(text) > _LONGEST or not text.isprintable():
            raise InvalidInput(_INVALID, "A provider has an issuer, a client id, a client secret and a name.")
    if urlsplit(settings.issuer).query:
        raise InvalidInput(_INVALID, "An issuer has no query.")
    require_protected(settings.issuer)
    return settings


def require_protected(address: str) -> str:
    """The address itself. Raises InvalidInput ``oidc_unprotected`` unless it is https, or of this machine."""
    try:
        parts = urlsplit(address)
        host, clean = parts.hostname or "", "@" not in parts.netloc and not parts.fragment and parts.port != 0
    except ValueError as error:
        raise InvalidInput("oidc_unprotected", "This is not a provider's address.", detail=str(error)) from error
    if not clean or not host or not (parts.scheme == "https" or (parts.scheme == "http" and _on_this_machine(host))):
        raise InvalidInput("oidc_unprotected", "A provider is reached by https, or is on this machine.")
    return address


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
