"""Waiting on a condition with a deadline: nothing here sleeps for a time and hopes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: How long anything may take on a machine that has much else to do, seconds.
PATIENCE = 120.0
#: Seconds between two looks.
LOOK = 0.02


def await_(what: str, is_so: Callable[[], object], *, patience: float = PATIENCE) -> None:
    """Wait until something is so.

    Raises: AssertionError: it never was; names what was waited for.
    """
    deadline, pause = time.monotonic() + patience, threading.Event()
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        pause.wait(LOOK)
