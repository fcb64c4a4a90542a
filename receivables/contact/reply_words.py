"""What somebody wrote himself: without the mail he answers, its header lines and his signature."""

from __future__ import annotations

import re

from receivables.contact.stop_words import Asked, Heard, hear
from receivables.texts import mask_cards, one_line, plain

#: Longest text of a stranger that is looked through, and that is kept, characters.
_LOOKED_AT = 20_000
_KEPT = 2_000
_SUBJECT_KEPT = 200
#: A line from which on a mail program quotes what is answered.
_QUOTES_FROM = re.compile(
    r"^\s*(?:"
    r"-{2,} ?(?:original message|forwarded message|הודעה מקורית|исходное сообщение|пересылаемое сообщение"
    r"|eredeti üzenet|továbbított üzenet) ?-{2,}"
    r"|_{10,}"
    r"|on .{5,200} wrote:"
    r"|\W*(?:בתאריך|ב-|ביום).{5,200}(?:כתבה?|מאת).{0,120}:"
    r"|.{5,200}(?:пишет|писал|писала|написал|написала|написал\(а\)):"
    r"|.{5,200}(?:ezt írta|írta|ezt írta \(időpont: .{0,80}\)):"
    r"|.{5,200}<[^<>\s]+@[^<>\s]+>\W{0,3}:"
    r")\s*$",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b20\d\d\b")
#: The first line of a header block as Outlook writes it; the next lines name date, receiver and subject.
_HEADER_FROM = re.compile(r"^\s*\*?(?:from|מאת|от|от кого|feladó)\*?:\s?\S", re.IGNORECASE)
_HEADER_NEXT = re.compile(
    r"^\s*\*?(?:sent|to|date|subject|נשלח|אל|תאריך|נושא|отправлено|дата|кому|тема|elküldve|dátum|címzett|tárgy)\*?:",
    re.IGNORECASE,
)
_REPLY_MARK = re.compile(
    r"^(?:\s*(?:re|aw|fwd?|sv|השב|הנדון|תגובה|ответ|на|vá|válasz)\s*:\s*)+", re.IGNORECASE
)


def own_words(text: str) -> str:
    """Return what the writer of a mail wrote himself.

    >>> own_words("STOP\\n\\nOn Thu, 19 Nov 2026, Maya Thornton wrote:\\n> Please pay\\n")
    'STOP'
    """
    lines = plain(text[:_LOOKED_AT]).split("\n")
    mine: list[str] = []
    for place, line in enumerate(lines):
        following = lines[place + 1] if place + 1 < len(lines) else ""
        if _QUOTES_FROM.match(line):
            break
        # A long introduction is broken over two lines; the first names the year.
        broken = _YEAR.search(line) and not _QUOTES_FROM.match(following)
        if broken and _QUOTES_FROM.match(f"{line} {following}"):
            break
        if _HEADER_FROM.match(line) and any(map(_HEADER_NEXT.match, lines[place + 1 : place + 4])):
            break
        if line.rstrip(" ") == "--":
            break
        if not line.lstrip().startswith(">"):
            mine.append(line.rstrip())
    return "\n".join(mine).strip()


def kept(words: str) -> str | None:
    """Return a text as it may be kept: no card number, shortened where it is long; None when it is empty."""
    clean = mask_cards(plain(words[:_LOOKED_AT])).strip()
    return (clean if len(clean) <= _KEPT else clean[: _KEPT - 1] + "…") or None


def kept_subject(subject: str | None) -> str | None:
    """Return a subject on one line as it may be kept; None when it is empty."""
    return mask_cards(one_line((subject or "")[:_LOOKED_AT]))[:_SUBJECT_KEPT] or None


def asked_in(subject: str | None, words: str) -> Heard:
    """Return what a reply asks for: in its own words, else in its subject."""
    heard = hear(words)
    if heard.asked is not Asked.NOTHING or not subject:
        return heard
    in_subject = hear(_REPLY_MARK.sub("", subject))
    if in_subject.asked is Asked.STOP and words:
        return Heard(Asked.STOP_AND_ASK)
    return in_subject if in_subject.asked is not Asked.START else heard
