"""The virus scanner of the house: a command of the host, or clamd at its address (X-03)."""

from __future__ import annotations

import shlex
import socket
import struct
import subprocess
from collections.abc import Sequence
from urllib.parse import urlsplit

from receivables.ports import ScannerDown, VirusScanner

#: How long one file may take, seconds.
PATIENCE = 60
#: clamd takes a stream in pieces of any size.
_PIECE = 64 * 1024
#: Where clamd listens when the address names no port.
_CLAMD_PORT = 3310


class CommandScanner:
    """Ask a command: the file on its standard input; its answer 0 is clean, 1 is infected.

    `clamscan --no-summary -` and `clamdscan --no-summary -` answer so.

    Args:
        command: the program and its arguments; no shell reads them.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)

    def finds(self, data: bytes) -> bool:
        """Whether the command says 1. Raises: ScannerDown: it says anything else, or nothing in time."""
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own command, without a shell
                self._command, input=data, capture_output=True, timeout=PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ScannerDown(type(error).__name__) from error
        if done.returncode not in (0, 1):
            raise ScannerDown(f"exit {done.returncode}")
        return done.returncode == 1


class ClamdScanner:
    """Ask clamd over TCP or its local socket, by INSTREAM.

    Args:
        address: clamd://host[:port] or clamd:///path/of/the/socket.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._path = parts.path
        self._host = (parts.hostname or "", parts.port or _CLAMD_PORT)

    def finds(self, data: bytes) -> bool:
        """Whether clamd found something. Raises: ScannerDown: no answer, or one that is no verdict."""
        try:
            with self._connected() as line:
                line.sendall(b"zINSTREAM\0")
                for start in range(0, len(data), _PIECE):
                    piece = data[start : start + _PIECE]
                    line.sendall(struct.pack(">L", len(piece)) + piece)
                line.sendall(struct.pack(">L", 0))
                said = b""
                while not said.endswith(b"\0") and (more := line.recv(4096)):
                    said += more
        except OSError as error:
            raise ScannerDown(type(error).__name__) from error
        verdict = said.rstrip(b"\0\n ")
        if verdict.endswith(b" FOUND"):
            return True
        if verdict.endswith(b" OK"):
            return False
        raise ScannerDown(verdict.decode("ascii", "replace")[:80] or "no answer")

    def _connected(self) -> socket.socket:
        if not self._host[0]:
            line = socket.socket(socket.AF_UNIX)
            line.settimeout(PATIENCE)
            line.connect(self._path)
            return line
        return socket.create_connection(self._host, timeout=PATIENCE)


def scanner_of(setting: str | None) -> VirusScanner | None:
    """Return the scanner that AMICABLE_SCANNER names; None when it is not set."""
    if not setting:
        return None
    return ClamdScanner(setting) if setting.startswith("clamd:") else CommandScanner(shlex.split(setting))
