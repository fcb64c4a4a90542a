"""The gateways' own lists and endpoints, looked at in the worker's rhythm (P-15, P-18)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from jobs import reconcile
from jobs.house import House
from receivables.reconciling import backfill, health

log = logging.getLogger("amicable.backfill")

#: Seconds between two looks whether something is due; what is due is claimed, so that one worker does it.
PAUSE = 20.0


@contextmanager
def beside(house: House, *, stop: threading.Event, clock: Callable[[], datetime]) -> Iterator[None]:
    """Look after the gateways on a thread beside the loop of a worker, until `stop`.

    A long list or a slow gateway must not hold up the notifications and messages of the loop.
    """
    watch = threading.Thread(target=_watch, args=(house, stop, clock), name="gateways")
    watch.start()
    try:
        yield
    finally:
        stop.set()
        watch.join()


def _watch(house: House, stop: threading.Event, clock: Callable[[], datetime]) -> None:
    while not stop.is_set():
        look(house, now=clock())
        try:
            reconcile.daily(house, now=clock())
        except Exception:
            log.exception("gateways not reconciled")
        stop.wait(PAUSE)


def look(house: House, *, now: datetime) -> int:
    """Read what is due of each gateway's list of events, and ask whether it notifies us.

    Returns:
        How many events came in that had not reached us by themselves.
    """
    new = 0
    for name, gateway in house.gateways.items():
        try:
            new += backfill.look(house.store, gateway, now=now).new
            health.look(house.store, gateway, now=now)
        except Exception:
            # One gateway's trouble must not hold up the others; its claim is free again later.
            log.exception("gateway not looked at", extra={"facts": {"gateway": name}})
    if new:
        log.info("events brought in", extra={"facts": {"events": new}})
    return new
