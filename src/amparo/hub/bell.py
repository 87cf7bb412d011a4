"""Rings when the feed has grown, so that a waiting partner hears of it at once and not at its next look."""

from __future__ import annotations

import asyncio
import threading


class Bell:
    """Rung from any thread, heard in any event loop. Ringing is a hint: who hears it looks into the store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._closed = False

    def ring(self) -> None:
        """Wake everyone who waits now."""
        with self._lock:
            waiting, self._waiting = self._waiting, set()
        for loop, event in waiting:
            # A loop that ended with its waiters still listed has nobody left to wake.
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """Wake everyone, and let nobody wait any more: the hub is going down."""
        self._closed = True
        self.ring()

    @property
    def closed(self) -> bool:
        return self._closed

    async def wait(self, seconds: float) -> None:
        """Until the next ring, at most ``seconds``."""
        if self._closed:
            return
        ticket = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._waiting.add(ticket)
        try:
            async with asyncio.timeout(seconds):
                await ticket[1].wait()
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._waiting.discard(ticket)
