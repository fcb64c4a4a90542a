"""INV-16: no log shows a live link, a one-time code, an address or a card number (decision 26).

Three kinds of thing are looked for: what has the shape of one (a link path with its token, an
address, digits that pass as a card number), what the mailbox proves to be one (tokens, codes and
telephone numbers in delivered messages), and any word whose digest the database keeps as a token's.
The report names file and line, never the find itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from checker.ground import Ground
from checker.sources import Scratch, Source

#: A token has 128 or 256 bits: 22 or 43 characters (L-01).
_LINK = re.compile(r"/[lx]/([A-Za-z0-9_-]{16,})")
_WORD = re.compile(r"[A-Za-z0-9_-]{22,}")
_ADDRESS = re.compile(r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"\+\d{8,15}(?!\d)")
#: Digits by themselves, neither of an id nor of a moment; in a letter not of a telephone number either.
_CODE = re.compile(r"(?<![\w.+-])\d{6,12}(?![\w-]|\.\d)")
_TOLD_CODE = re.compile(r"(?<![\w.+-])(?<!\d )\d{6,12}(?![\w-]|\.\d| \d)")
_CODES = "SELECT trim(wire_id, '<>') FROM message WHERE purpose = 'code'"
_CARD = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){12,18}(?![\w-])")


def secrets(ground: Ground) -> Iterator[str]:
    """Walk every line of every log."""
    with closing(Scratch()) as known:
        if ground.mailbox is not None:
            _remember(ground.mailbox, known)
            _remember_codes(ground.books, ground.mailbox, known)
        for path in ground.logs:
            yield from _log(ground, path, known)


def _remember(mailbox: Source, known: Scratch) -> None:
    for text, html, channel, recipient in mailbox.rows("SELECT text, html, channel, recipient FROM message"):
        for token in {*_LINK.findall(text), *_LINK.findall(html)}:
            known.keep(token)
        if channel == "sms":
            known.keep(recipient)


def _remember_codes(books: Source, mailbox: Source, known: Scratch) -> None:
    """Keep the codes of delivered messages of that purpose, whoever had asked for one."""
    for (wire_id,) in books.rows(_CODES):
        found = mailbox.one("SELECT text FROM message WHERE message_id IN (?, ?)", wire_id, f"<{wire_id}>")
        for code in _TOLD_CODE.findall(found[0]) if found else ():
            known.keep(code, "code")


def _log(ground: Ground, path: Path, known: Scratch) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            ground.rows += 1
            place = f"{path}, line {number}"
            if _LINK.search(line):
                yield f"{place} shows a link with its token"
            for word in _WORD.findall(line):
                if known.has(word) or _is_token(ground.books, word):
                    yield f"{place} shows a token"
            if "@" in line and _ADDRESS.search(line):
                yield f"{place} shows an e-mail address"
            if any(known.has(code, "code") for code in _CODE.findall(line)):
                yield f"{place} shows a one-time code"
            if any(known.has(phone) for phone in _PHONE.findall(line)):
                yield f"{place} shows a telephone number"
            if any(is_card_number(digits) for digits in _CARD.findall(line)):
                yield f"{place} shows digits of a card"


def _is_token(books: Source, word: str) -> bool:
    digest = hashlib.sha256(word.encode()).hexdigest()
    return any(
        books.one(f"SELECT 1 FROM {table} WHERE token_digest = ?", digest) is not None  # noqa: S608 - two words
        for table in ("link", "opt_out_link")
    )


def is_card_number(text: str) -> bool:
    """Whether digits could be a card's: a leading part that networks use, and a right check digit.

    >>> [is_card_number(text) for text in ("4242 4242 4242 4242", "4242424242424243", "1732213123456")]
    [True, False, False]
    """
    digits = [int(character) for character in text if character.isdigit()]
    if digits[0] not in (3, 4, 5, 6) and not 2221 <= int("".join(map(str, digits[:4]))) <= 2720:
        return False
    doubled = (2 * digit - 9 * (digit > 4) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
