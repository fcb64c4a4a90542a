"""The creditor's colour, made readable."""

from __future__ import annotations

import re
from collections.abc import Sequence

BRAND = "#0b5d57"


def readable_brand(colour: str) -> str:
    """Return a brand colour on which white words can be read (4.5 : 1), darkened as far as needed.

    Anything but `#rrggbb` is answered with our own colour, so no style can be smuggled in.

    >>> readable_brand("#4a3aa7"), readable_brand("red;} body{")
    ('#4a3aa7', '#0b5d57')
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour or ""):
        return BRAND
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    while 1.05 / (_luminance(parts) + 0.05) < 4.5:
        parts = [p * 95 // 100 for p in parts]
    return "#" + "".join(f"{p:02x}" for p in parts)


def _luminance(parts: Sequence[int]) -> float:
    shares = [p / 255 for p in parts]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
