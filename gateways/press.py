"""The press: one process a host that sets documents with typst (decision 23).

Started by gateways/pdf.py with `python -m gateways.press` in the folder of the kept documents; that
returns once it listens, and the press goes on in the background. It lives while somebody is
connected: each process that prints keeps one line open, so when the last of them is gone, killed
ones included, the press ends by itself.

A question is one JSON line, the answer another. The PDF itself is laid into the folder under the
name that the question gives, the digest of all that it is made from: asked twice, it is set once.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import socket
import threading
import time
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any

import typst

log = logging.getLogger("amicable.press")

TEMPLATES = Path(__file__).parent.parent / "templates" / "documents"
#: How long the press waits for somebody to come back before it ends.
IDLE_SECONDS = 3.0
#: Documents that nobody asked for since so long are made again when somebody does.
KEPT_SECONDS = 30 * 24 * 3600
#: A setting that takes longer has gone astray: the press ends, and the next question starts another.
ASTRAY_SECONDS = 30.0
#: Longest question, bytes: a statement of some twenty thousand movements.
LONGEST = 16 * 1024 * 1024


class Setter:
    """Sets documents one at a time; a template stays compiled for the next one.

    Every font is ours, so that a document looks the same on every host.
    """

    def __init__(self, templates: Path = TEMPLATES) -> None:
        self._templates = templates
        self._fonts = typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=[templates / "fonts"]
        )
        self._compilers: dict[str, typst.Compiler] = {}

    def set(self, question: dict[str, Any], **output: Any) -> Any:
        """Return the PDF of a question, or what `output` asks for (format, ppi).

        The data is one JSON string that the template reads: no word of it is ever code.
        """
        kind = question["kind"]
        compiler = self._compilers.get(kind)
        if compiler is None:
            compiler = self._compilers[kind] = typst.Compiler(
                self._templates / f"{kind}.typ", root=self._templates, font_paths=self._fonts,
                ignore_system_fonts=True,
            )  # fmt: skip
        made = datetime.fromisoformat(question["made_on"] + "T00:00:00+00:00")
        given = {"data": json.dumps(question["data"], ensure_ascii=False), "title": question["title"]}
        return compiler.compile(
            sys_inputs=given | {"language": question["language"]}, timestamp=int(made.timestamp()),
            **(output or {"format": "pdf", "pdf_standards": ["ua-1"]}),
        )  # fmt: skip


class Press:
    """Answers questions on a socket; one thread sets, so that pages keep the other cores."""

    def __init__(self, listener: socket.socket, cache: Path, setter: Setter) -> None:
        self._listener, self._cache, self._setter = listener, cache, setter
        self._work: queue.SimpleQueue[tuple[dict[str, Any], Future[str | None]]] = queue.SimpleQueue()
        #: file -> its setting under way; whoever asks meanwhile waits for the same one.
        self._under_way: dict[str, Future[str | None]] = {}
        self._lock = threading.Lock()
        self._lines = 0
        self._setting_since: float | None = None
        self._left_at = time.monotonic()

    def serve(self) -> None:
        """Answer until nobody has been connected for IDLE_SECONDS, or a setting has gone astray."""
        threading.Thread(target=self._set_all, daemon=True).start()
        self._listener.settimeout(IDLE_SECONDS / 4)
        while True:
            with contextlib.suppress(TimeoutError):
                line, _ = self._listener.accept()
                line.settimeout(None)
                with self._lock:
                    self._lines += 1
                threading.Thread(target=self._answer, args=(line,), daemon=True).start()
            with self._lock:
                now, since = time.monotonic(), self._setting_since
                if since is not None and now - since > ASTRAY_SECONDS:
                    return
                if not self._lines and now - self._left_at > IDLE_SECONDS:
                    return

    def _answer(self, line: socket.socket) -> None:
        try:
            with line, line.makefile("rwb") as stream:
                while raw := stream.readline(LONGEST):
                    problem = self._ask(json.loads(raw)).result()
                    stream.write(json.dumps({"problem": problem}).encode() + b"\n")
                    stream.flush()
        except (OSError, ValueError):
            return  # whoever asked has gone, or is none of ours
        finally:
            with self._lock:
                self._lines -= 1
                self._left_at = time.monotonic()

    def _ask(self, question: dict[str, Any]) -> Future[str | None]:
        with self._lock:
            known = self._under_way.get(question["file"])
            if known is None:
                known = self._under_way[question["file"]] = Future()
                self._work.put((question, known))
            return known

    def _set_all(self) -> None:
        forgotten_at = float("-inf")
        while True:
            question, answer = self._work.get()
            problem: str | None = None
            self._setting_since = time.monotonic()
            try:
                keep(Path(question["file"]), self._setter.set(question))
            except Exception as error:  # a template or a full disk must not end the press
                log.exception("a document could not be set")
                problem = str(error) or type(error).__name__
            self._setting_since = None
            with self._lock:
                self._under_way.pop(question["file"], None)
            answer.set_result(problem)
            if problem is None and time.monotonic() - forgotten_at > KEPT_SECONDS / 30:
                forgotten_at = time.monotonic()
                forget_old(self._cache, newest=Path(question["file"]))


def keep(file: Path, data: bytes) -> None:
    """Lay a document into the cache, whole or not at all."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_bytes(data)
    part.replace(file)


def forget_old(cache: Path, *, newest: Path) -> int:
    """Remove what was last asked for KEPT_SECONDS before the newest; returns how many.

    Old is judged by the clock of the disk, which wrote both times.
    """
    before = newest.stat().st_mtime - KEPT_SECONDS
    old = [file for file in cache.glob("??/*") if file.stat().st_mtime < before]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)


def main(folder: Path) -> None:
    """Listen, then go on in the background; whoever started this is told by our first end."""
    listener = socket.socket(socket.AF_UNIX)
    # A name without its folder: sockets have short names only.
    address = Path("press")
    address.unlink(missing_ok=True)
    listener.bind(str(address))
    address.chmod(0o600)
    listener.listen(64)
    if os.fork():
        os._exit(0)
    os.setsid()
    os.nice(10)  # pages come first
    Press(listener, folder, Setter()).serve()
    os._exit(0)  # whatever is still being set keeps nobody waiting


if __name__ == "__main__":
    main(Path.cwd())
