"""The press: cached, restarted, never waited for too long, and it ends with its last reader."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from gateways.pdf import ADDRESS, ROOT, PressClient
from receivables.ports import Document, DocumentFailed, StillPreparing

PLAIN = {
    "brand": "#0b5d57",
    "papers": [
        {
            "language": "en", "direction": "ltr", "heading": "Payment confirmation", "creditor": "Northgate",
            "creditor_lines": ["Leeds"], "to": ["Tidewater"], "foot": "Northgate", "ask": "Ring us",
            "amount_label": "We have received", "amount": "£1.00", "facts": [],
            "shares": {"caption": "What it paid", "head": ["Invoice", "Amount"], "rows": [["1", "£1.00"]],
                       "rest": None, "total": ["In all", "£1.00"]},
            "words": "Thank you.",
        }
    ],
}  # fmt: skip


def receipt(number: int = 1, **more: object) -> Document:
    """A small document; each number is another one."""
    paper = PLAIN["papers"][0] | {"to": [f"Tidewater {number}"]} | more  # type: ignore[operator]
    return Document("receipt", "en", "Receipt", date(2026, 11, 19), {**PLAIN, "papers": [paper]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "press"


@pytest.fixture
def press(folder: Path) -> Iterator[PressClient]:
    client = PressClient(folder, wait_seconds=20.0)
    yield client
    client.close()


def presses(folder: Path) -> list[int]:
    """Process ids of every press that works in a folder."""
    return [int(p.parent.name) for p in Path("/proc").glob("[0-9]*/cwd") if _works_in(p, folder)]


def _works_in(link: Path, folder: Path) -> bool:
    try:
        return link.resolve() == folder and "gateways.press" in (link.parent / "cmdline").read_text()
    except OSError:
        return False


def press_process(folder: Path) -> int:
    """Process id of the one press of a folder."""
    (found,) = presses(folder)
    return found


def until(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether something comes true in time."""
    ends = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > ends:
            return False
        threading.Event().wait(0.05)
    return True


def lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_the_same_document_is_set_once(press: PressClient, folder: Path) -> None:
    """Decision 23: kept by content; asked again it is read, although nobody could set it any more."""
    first = press.press(receipt())
    assert first.startswith(b"%PDF-")
    kept = list(folder.glob("??/*.pdf"))
    assert len(kept) == 1
    os.kill(press_process(folder), signal.SIGKILL)
    assert press.press(receipt()) == first
    other = PressClient(folder, wait_seconds=20.0)
    assert other.press(receipt(2)) != first
    assert len(list(folder.glob("??/*.pdf"))) == 2
    other.close()


def test_the_same_data_is_the_same_file(tmp_path: Path) -> None:
    """Deterministic: made on another day by another press, byte for byte the same."""
    made = []
    for name in ("a", "b"):
        client = PressClient(tmp_path / name, wait_seconds=20.0)
        made.append(client.press(receipt()))
        client.close()
    assert made[0] == made[1]
    assert b"D:20261119000000" in made[0]


def test_who_has_no_page_to_answer_waits_longer(folder: Path) -> None:
    """Decision 23: a page is told to look again, the worker waits for the file of its mail."""
    client = PressClient(folder, wait_seconds=0.01)
    with pytest.raises(StillPreparing):
        client.press(receipt(7))
    assert client.press(receipt(8), timeout=20.0).startswith(b"%PDF-")
    client.close()


def test_a_press_that_died_is_started_again(press: PressClient, folder: Path) -> None:
    """A killed press costs nobody a document."""
    press.press(receipt(1))
    first = press_process(folder)
    os.kill(first, signal.SIGKILL)
    assert press.press(receipt(2)).startswith(b"%PDF-")
    assert press_process(folder) != first
    assert not lives(first)


def test_one_press_a_host(press: PressClient, folder: Path) -> None:
    """Decision 23: other processes of the host use the press that runs, however they start at once."""
    others = [PressClient(folder, wait_seconds=20.0) for _ in range(4)]
    start = threading.Barrier(4)
    seen: list[bytes] = []

    def ask(client: PressClient, number: int) -> None:
        start.wait()
        seen.append(client.press(receipt(number)))

    threads = [threading.Thread(target=ask, args=(c, n)) for n, c in enumerate(others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({*seen}) == 4
    assert len(presses(folder)) == 1
    for client in others:
        client.close()


def test_killing_the_asker_ends_the_press(folder: Path) -> None:
    """The press outlives nobody: a killed web process takes it along, without a word of goodbye."""
    code = (
        "import sys; from pathlib import Path; from gateways.pdf import PressClient;"
        "from tests.gateways.test_pdf import receipt;"
        f"c = PressClient(Path({str(folder)!r}), wait_seconds=20.0); c.press(receipt());"
        "print('ready', flush=True); sys.stdin.read()"
    )
    asker = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with asker:
        assert asker.stdout is not None
        assert asker.stdout.readline() == "ready\n"
        process = press_process(folder)
        assert lives(process)
        asker.kill()
    assert until(lambda: not lives(process))


def test_a_page_waits_so_long_and_no_longer(folder: Path) -> None:
    """Decision 23: a press that does not answer is given up; the page says "preparing"."""
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(os.path.relpath(folder / ADDRESS))
        deaf.listen(64)
        client = PressClient(folder, wait_seconds=0.2)
        began = time.monotonic()
        with pytest.raises(StillPreparing):
            client.press(receipt())
        assert time.monotonic() - began < 5
        client.close()


def test_others_do_not_wait_at_all(folder: Path) -> None:
    """Eight parallel documents hold two threads; the rest answer at once and look again."""
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(os.path.relpath(folder / ADDRESS))
        deaf.listen(64)
        client = PressClient(folder, wait_seconds=1.5, waiters=2)
        ended: list[float] = []
        began = time.monotonic()

        def ask(number: int) -> None:
            with pytest.raises(StillPreparing):
                client.press(receipt(number))
            ended.append(time.monotonic() - began)

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(seconds >= 1.5 for seconds in ended) == 2
        client.close()


def test_what_was_given_up_is_there_the_next_time(press: PressClient, folder: Path) -> None:
    """The press goes on with what nobody waits for any more."""
    press.press(receipt(0))
    hasty = PressClient(folder, wait_seconds=0.1)
    process = press_process(folder)
    os.kill(process, signal.SIGSTOP)  # a press that has other work before ours
    try:
        with pytest.raises(StillPreparing):
            hasty.press(receipt(1))
    finally:
        os.kill(process, signal.SIGCONT)
    assert until(lambda: len(list(folder.glob("??/*.pdf"))) == 2)
    assert hasty.press(receipt(1)).startswith(b"%PDF-")
    hasty.close()


def test_a_document_that_cannot_be_set_is_said(press: PressClient) -> None:
    """A fault of ours ends in DocumentFailed with the compiler's words, and the press goes on."""
    with pytest.raises(DocumentFailed, match="dictionary does not contain key"):
        press.press(Document("receipt", "en", "x", date(2026, 1, 1), {"brand": "#000000", "papers": [{}]}))
    assert press.press(receipt()).startswith(b"%PDF-")


def test_the_press_is_given_no_secret(
    press: PressClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows nothing of our settings: its environment is its own."""
    monkeypatch.setenv("SECRET_KEY", "canary-secret")
    press.press(receipt())
    assert b"canary" not in Path(f"/proc/{press_process(folder)}/environ").read_bytes()
