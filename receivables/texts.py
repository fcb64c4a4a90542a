"""Free text as it may be kept: no control or direction tricks, no card number, never cut in silence.

Source: X-09 (card numbers in free text are masked); issue of the portal, "Bad input".
"""

from __future__ import annotations

import re
import unicodedata

from receivables.errors import Refused

#: Embeddings, overrides and isolates: they can make a text read otherwise than it is stored. Marks
#: (U+200E, U+200F, U+061C) and joiners stay, since Hebrew and Arabic are written with them.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
#: Digits with at most one space, dot or hyphen between two of them, as cards are written.
_CARD_LIKE = re.compile(r"(?<!\d)\d(?:[ .\-\u00a0\u2010-\u2014]?\d){12,}(?!\d)")
#: Lengths of cards, the usual ones first: in a long row one may hide anywhere.
_CARD_DIGITS = (16, 15, 14, 13, 19, 18, 17)


def plain(text: str) -> str:
    """Return a text without control characters (but line ends and tabs) and direction overrides."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(letter for letter in unicodedata.normalize("NFC", text) if _may_stay(letter))


def _may_stay(letter: str) -> bool:
    if letter in "\n\t":
        return True
    return letter not in _DIRECTIONS and unicodedata.category(letter) not in ("Cc", "Cs")


def one_line(text: str) -> str:
    """Return a text on one line: a name, a reference."""
    return " ".join(plain(text).split())


def postal_lines(text: str) -> str | None:
    """Return an address with its lines tidied and empty ones left out; None for none at all.

    >>> postal_lines(" 1 Quay \\n\\n Hull ")
    '1 Quay\\nHull'
    """
    lines = [one_line(line) for line in plain(text).split("\n")]
    return "\n".join(line for line in lines if line) or None


def mask_cards(text: str) -> str:
    """Return a text in which what looks like a card number shows its last four digits only.

    >>> mask_cards("my card 4242 4242 4242 4242, thanks")
    'my card •••• 4242, thanks'
    >>> mask_cards("invoice 2026000000001234")
    'invoice 2026000000001234'
    """
    return _CARD_LIKE.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    """Mask every card number in a row of digits; a short group before or after it stays."""
    row = found[0]
    places = [place for place, letter in enumerate(row) if letter.isdigit()]
    number = "".join(str(unicodedata.digit(row[place])) for place in places)
    shown: list[str] = []
    copied = at = 0
    while at < len(number):
        length = _card_at(row, places, number, at)
        if length:
            shown += [row[copied : places[at]], "•••• ", number[at + length - 4 : at + length]]
            copied = places[at + length - 1] + 1
        at += length or 1
    return "".join([*shown, row[copied:]])


def _card_at(row: str, places: list[int], number: str, start: int) -> int:
    """Length of the card number that begins at a digit, or 0.

    It begins and ends where a group of digits does: any other stretch of a long reference has the
    check digit of a card once in ten times. Rows longer than a card are searched everywhere.
    """
    anywhere = len(places) > max(_CARD_DIGITS) and len(row) == len(places)
    if not (anywhere or start == 0 or places[start] - places[start - 1] > 1):
        return 0
    for length in _CARD_DIGITS:
        end = start + length
        if end > len(number):
            continue
        at_end = anywhere or end == len(number) or places[end] - places[end - 1] > 1
        if at_end and _is_luhn(number[start:end]):
            return length
    return 0


def _is_luhn(number: str) -> bool:
    """Whether the check digit is that of a card; a row of noughts is none."""
    if not number.strip("0"):
        return False
    total = 0
    for place, letter in enumerate(reversed(number)):
        digit = int(letter) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def clean_words(text: str, *, most: int = 2000) -> str:
    """Return free text as it may be kept.

    Args:
        text: as typed.
        most: longest text that is taken, characters.
    Returns:
        The text with plain line ends, no control or direction characters, card numbers masked.
    Raises:
        Refused: words_too_long, with `most`; nothing is cut in silence.
    Source: X-09.
    """
    # A text far too long is not worth reading through first.
    kept = mask_cards(plain(text)).strip() if len(text) <= 4 * most else text
    if len(kept) > most:
        raise Refused("words_too_long", most=most)
    return kept
