"""Load on loopback: wrk where it is installed, else a loop of our own over raw sockets; both bounded in time."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

WRK: Final = shutil.which("wrk")
_LUA: Final = """
local requests, at = {}, 0
local file = io.open("%s", "rb")
while true do
  local line = file:read("*l")
  if not line then break end
  requests[#requests + 1] = file:read(tonumber(line))
  file:read(1)
end
file:close()
request = function()
  at = at %% #requests + 1
  return requests[at]
end
done = function(summary, latency, requests)
  io.write(string.format('\\nRESULT {"requests": %%d, "seconds": %%f, "p50": %%f, "p99": %%f, "failed": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """per_second: answers; p50, p99: milliseconds; failed: answers that were none."""

    per_second: float
    p50: float
    p99: float
    failed: int

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def http(method: str, url: str, path: str, key: str, body: bytes = b"", kind: str = "") -> bytes:
    """The bytes of one keep-alive request."""
    head = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", f"Authorization: Bearer {key}"]
    if body:
        head += [f"Content-Length: {len(body)}", f"Content-Type: {kind}"]
    return "\r\n".join([*head, "", ""]).encode() + body


def run(url: str, requests: Sequence[bytes], in_flight: int, seconds: float) -> Measured:
    """Send the requests round and round over ``in_flight`` connections."""
    return _wrk(url, requests, in_flight, seconds) if WRK else asyncio.run(_own(url, requests, in_flight, seconds))


def _wrk(url: str, requests: Sequence[bytes], in_flight: int, seconds: float) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        data, script = Path(folder, "requests"), Path(folder, "load.lua")
        data.write_bytes(b"".join(b"%d\n%s\n" % (len(one), one) for one in requests))
        script.write_text(_LUA % data, encoding="utf-8")
        command = [str(WRK), "-t1", f"-c{in_flight}", f"-d{seconds:.0f}s", "-s", str(script), "--latency", url]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)
    result = json.loads(done.stdout.partition("RESULT ")[2])
    return Measured(result["requests"] / result["seconds"], result["p50"], result["p99"], result["failed"])


async def _own(url: str, requests: Sequence[bytes], in_flight: int, seconds: float) -> Measured:
    parts = urlsplit(url)
    times: list[float] = []
    failed = 0
    end = time.perf_counter() + seconds

    async def ask(first: int) -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        at = first
        while (start := time.perf_counter()) < end:
            writer.write(requests[at % len(requests)])
            at += in_flight
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(length)
            failed += not head.startswith(b"HTTP/1.1 200")
            times.append(time.perf_counter() - start)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(ask(place) for place in range(in_flight)))
    times.sort()
    took = time.perf_counter() - began
    return Measured(len(times) / took, 1e3 * times[len(times) // 2], 1e3 * times[int(len(times) * 0.99)], failed)
