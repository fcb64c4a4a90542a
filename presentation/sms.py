"""What fits into an SMS: alphabets and segments (tone.md section 7)."""

from __future__ import annotations

from presentation.writing import MINUS, NBSP

MAX_SEGMENTS = 3
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€\f")
#: One of these would turn a whole English SMS into UCS-2.
TYPEWRITER = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "…": "...",
        MINUS: "-",
        NBSP: " ",
        "\u202f": " ",
    }
)


def sms_segments(text: str) -> int:
    """Count the segments of an SMS as the networks do.

    GSM-7 holds 160 units in one segment and 153 in each of several, UCS-2 holds 70 and 67; a
    character of two units is never cut in two.

    >>> sms_segments("a" * 160), sms_segments("a" * 161), sms_segments("ű" * 71)
    (1, 2, 2)
    """
    if all(c in _GSM or c in _GSM_TWICE for c in text):
        sizes, alone, joined = [2 if c in _GSM_TWICE else 1 for c in text], 160, 153
    else:
        sizes, alone, joined = [2 if ord(c) > 0xFFFF else 1 for c in text], 70, 67
    if sum(sizes) <= alone:
        return 1
    segments, room = 1, joined
    for size in sizes:
        if size > room:
            segments, room = segments + 1, joined
        room -= size
    return segments
