"""Many threads that start at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def together(count: int, act: Callable[[int], T]) -> list[T | Exception]:
    """Run `act(0)` … `act(count - 1)` in threads that start at once.

    Returns:
        What each returned or raised, in the order of the numbers.
    """
    gate = threading.Barrier(count)

    def one(number: int) -> T | Exception:
        gate.wait(600)
        try:
            return act(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
