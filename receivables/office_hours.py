"""Opening hours as the reader's own clock shows them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_TIME = re.compile(r"(?<![\d:.])([01]?\d|2[0-3]):([0-5]\d)(?![\d:])")


def hours_for(text: str, ours: str, theirs: str, now: datetime) -> str:
    """Return the creditor's hours, which he writes in his own words, with every time moved to a zone.

    Words stay as they are; where a time would fall on another day, so does the whole text.

    Args:
        ours, theirs: IANA zones of the creditor and of the reader.
        now: the offset between the two is of this moment.

    >>> from datetime import UTC
    >>> moment = datetime(2026, 11, 19, 10, tzinfo=UTC)
    >>> hours_for("Monday to Friday, 9:00 to 17:00", "Europe/London", "Asia/Jerusalem", moment)
    'Monday to Friday, 11:00 to 19:00'
    >>> hours_for("Mo-Fr 9:00-17:00", "Europe/London", "Asia/Tokyo", moment)
    'Mo-Fr 9:00-17:00'
    """
    apart = _offset(now, theirs) - _offset(now, ours)
    minutes = int(apart / timedelta(minutes=1))
    moved = [int(h) * 60 + int(m) + minutes for h, m in _TIME.findall(text)]
    if not minutes or any(not 0 <= at <= 24 * 60 for at in moved):
        return text
    clock = iter(moved)
    return _TIME.sub(lambda found: _spelled(next(clock), found[0]), text)


def _offset(now: datetime, zone: str) -> timedelta:
    return now.astimezone(ZoneInfo(zone)).utcoffset() or timedelta(0)


def _spelled(minutes: int, like: str) -> str:
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}" if like.startswith("0") else f"{hour}:{minute:02d}"
