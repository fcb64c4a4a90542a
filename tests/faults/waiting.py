"""Waiting on a condition with a far limit: nothing here sleeps for a time and hopes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: How long anything may take on a machine that has much else to do, seconds.
PATIENCE = 300.0
#: Seconds between two looks; and what one look counts for at most: a machine that stood still has not waited.
LOOK, A_LOOK = 0.02, 15.0


def await_(what: str, is_so: Callable[[], object], *, patience: float = PATIENCE) -> None:
    """Wait until something is so.

    Raises: AssertionError: it never was; names what was waited for.
    """
    waited, pause = 0.0, threading.Event()
    while True:
        begun = time.monotonic()
        if is_so():
            return
        assert waited < patience, f"waited in vain: {what}"
        pause.wait(LOOK)
        waited += min(time.monotonic() - begun, A_LOOK)
