"""A small load generator: keep-alive connections to one address on this machine, bounded in count.

Every connection sends its next request when the answer to the last one is there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of requests came to; times in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p95: float
    p99: float
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def run(
    port: int,
    make_request: Callable[[int], bytes],
    *,
    requests: int,
    connections: int,
    answered: Callable[[int, int], object] = lambda number, status: None,
) -> Outcome:
    """Send so many requests over so many connections to 127.0.0.1.

    Args:
        make_request: number of the request -> its bytes, head and body.
        answered: told the number and the status of each request as its answer is there.
    """
    return asyncio.run(_run(port, make_request, requests, connections, answered))


async def _run(
    port: int,
    make_request: Callable[[int], bytes],
    requests: int,
    connections: int,
    answered: Callable[[int, int], object],
) -> Outcome:
    numbers = iter(range(requests))
    times: list[float] = []
    statuses: dict[int, int] = {}

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            body = make_request(number)
            started = time.perf_counter()
            writer.write(body)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head[9:12])
            length = next(
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            )
            await reader.readexactly(length)
            times.append(time.perf_counter() - started)
            statuses[status] = statuses.get(status, 0) + 1
            answered(number, status)
            if b"connection: close" in head.lower():
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    seconds = time.perf_counter() - began
    times.sort()
    p50, p95, p99 = (_at(times, share) * 1000 for share in (0.50, 0.95, 0.99))
    return Outcome(len(times), seconds, p50, p95, p99, dict(sorted(statuses.items())))


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome in the middle by rate."""
    return sorted(outcomes, key=lambda outcome: outcome.rate)[len(outcomes) // 2]


def get(path: str, cookie: str = "") -> bytes:
    """Bytes of a GET request."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Language: en\r\n"
        + (f"Cookie: {cookie}\r\n" if cookie else "")
        + "\r\n"
    ).encode()
