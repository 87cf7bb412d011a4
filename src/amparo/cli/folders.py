"""The data folders that commands work on. A mistyped one is refused: a hub made there by mistake would look like an empty one."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from amparo.core.errors import NotFound

if TYPE_CHECKING:
    from amparo.gate.replica import Replica
    from amparo.hub.context import Hub, HubSettings


def require_hub(data: Path) -> None:
    """Raises NotFound ``hub_unknown`` where no hub keeps its data in ``data``; nothing is made there."""
    from amparo.hub.vault import Vault

    if not Vault.exists(data):
        raise NotFound("hub_unknown", f"There is no hub in {data}. Name its folder with --data.")


@contextmanager
def existing_hub(
    data: Path,
    url: str = "http://127.0.0.1:8000",
    *,
    settings: HubSettings | None = None,
    desk_key: Path | None = None,
    with_desk: bool = True,
) -> Generator[Hub]:
    """The hub of ``data``, open until the end of the block. Raises as ``require_hub``, and what ``Hub.open`` raises.

    settings: in place of defaults with this ``url``; desk_key, with_desk: as ``Hub.open`` takes them.
    """
    from amparo.hub.context import DATABASE_FILE, Hub, HubSettings

    # A database without its key is a loss, which opening it tells.
    if not (data / DATABASE_FILE).exists():
        require_hub(data)
    hub = Hub.open(data, settings or HubSettings(url=url), desk_key=desk_key, with_desk=with_desk)
    try:
        yield hub
    finally:
        hub.close()


@contextmanager
def gate_replica(data: Path, *, make: bool) -> Generator[Replica]:
    """What the gate of ``data`` keeps, open until the end of the block.

    make: whether a gate that has not run yet may be prepared. Raises NotFound ``gate_unknown`` where there is none.
    """
    from amparo.gate.replica import Replica

    if not make and not Replica.exists(data):
        raise NotFound("gate_unknown", f"There is no gate in {data}. Name its folder with --data.")
    replica = Replica(data)
    try:
        yield replica
    finally:
        replica.close()
