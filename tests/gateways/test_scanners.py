"""The virus scanner: a real command, and clamd's own protocol over a socket (X-03)."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateways.scanners import ClamdScanner, CommandScanner, scanner_of
from receivables.ports import ScannerDown

#: In two parts, so that a scanner of whoever keeps this code leaves the file alone.
MARK = b"X5O!P%@AP-STANDARD-" + b"ANTIVIRUS-TEST-FILE"
SCRIPT = """\
import sys
data = sys.stdin.buffer.read()
sys.exit(2 if b"BROKEN" in data else 1 if b"ANTIVIRUS-TEST-" + b"FILE" in data else 0)
"""


@pytest.fixture
def command(tmp_path: Path) -> str:
    script = tmp_path / "a scanner.py"
    script.write_text(SCRIPT)
    return f"{sys.executable} '{script}'"


def test_a_command_answers_by_its_exit(command: str) -> None:
    """X-03: 0 is clean, 1 is infected; anything else is no answer."""
    scanner = scanner_of(command)
    assert isinstance(scanner, CommandScanner)
    assert scanner.finds(b"a delivery note " * 100_000) is False
    assert scanner.finds(b"before " + MARK + b" after") is True
    with pytest.raises(ScannerDown, match="exit 2"):
        scanner.finds(b"BROKEN")
    with pytest.raises(ScannerDown, match="FileNotFoundError"):
        CommandScanner(["/nowhere/scanner"]).finds(b"x")


def test_without_the_setting_nobody_is_asked() -> None:
    assert scanner_of(None) is None
    assert scanner_of("") is None


class Clamd(threading.Thread):
    """Speaks INSTREAM: reads pieces to the empty one and says what it found in them."""

    def __init__(self, listener: socket.socket, says: bytes | None = None) -> None:
        super().__init__(daemon=True)
        self.listener, self.says = listener, says

    def run(self) -> None:
        line, _ = self.listener.accept()
        with line, line.makefile("rb") as said:
            assert said.read(10) == b"zINSTREAM\0"
            data = b""
            while size := struct.unpack(">L", said.read(4))[0]:
                data += said.read(size)
            found = b"Eicar-Test-Signature FOUND" if MARK in data else b"OK"
            # In two pieces, as a network may.
            answer = b"stream: " + found + b"\0" if self.says is None else self.says
            line.sendall(answer[:5])
            line.sendall(answer[5:])


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.mark.parametrize(
    ("data", "found"), [(b"a" * 200_000, False), (b"a" * 100_000 + MARK, True), (b"", False)]
)
def test_clamd_over_tcp(listener: socket.socket, data: bytes, found: bool) -> None:
    Clamd(listener).start()
    scanner = scanner_of(f"clamd://127.0.0.1:{listener.getsockname()[1]}")
    assert isinstance(scanner, ClamdScanner)
    assert scanner.finds(data) is found


def test_clamd_by_its_socket(tmp_path: Path) -> None:
    path = tmp_path / "clamd.ctl"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        made.listen()
        Clamd(made).start()
        assert ClamdScanner(f"clamd://{path}").finds(MARK) is True


@pytest.mark.parametrize("says", [b"INSTREAM size limit exceeded. ERROR\0", b""])
def test_clamd_without_a_verdict(listener: socket.socket, says: bytes) -> None:
    Clamd(listener, says).start()
    with pytest.raises(ScannerDown):
        ClamdScanner(f"clamd://127.0.0.1:{listener.getsockname()[1]}").finds(b"x")


def test_nobody_listens() -> None:
    with pytest.raises(ScannerDown, match="ConnectionRefusedError"):
        ClamdScanner("clamd://127.0.0.1:1").finds(b"x")
