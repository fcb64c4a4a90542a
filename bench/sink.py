"""The least that an SMTP server can be: takes every mail, keeps none, answers after a set time.

Runs as a process of its own, so that what it costs is not counted to the worker.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection


class _Line(asyncio.Protocol):
    """One client's conversation."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._heard = b""
        self._in_text = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while True:
            end = b"\r\n.\r\n" if self._in_text else b"\r\n"
            said, found, rest = self._heard.partition(end)
            if not found:
                return
            self._heard = rest
            if self._in_text:
                self._in_text = False
                asyncio.get_running_loop().call_later(self._latency, self._answer, b"250 kept")
            else:
                self._command(said[:4].upper())

    def _command(self, verb: bytes) -> None:
        if verb == b"DATA":
            self._in_text = True
            self._answer(b"354 go on")
        elif verb == b"QUIT":
            self._answer(b"221 bye")
            self._transport.close()
        else:
            self._answer(b"250 yes")

    def _answer(self, text: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(text + b"\r\n")


def _serve(told: Connection, latency: float) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: _Line(latency), "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


@contextmanager
def sink(latency: float = 0.0) -> Iterator[str]:
    """Run a sink; yields its address as SMTP_URL has it.

    Args:
        latency: seconds between a mail's end and the answer to it.
    """
    context = multiprocessing.get_context("spawn")
    hears, says = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(says, latency), daemon=True)
    process.start()
    try:
        yield f"smtp://127.0.0.1:{hears.recv()}"
    finally:
        process.terminate()
        process.join(10)
