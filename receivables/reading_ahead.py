"""What many accounts are asked about, read for all of them in one statement and answered one by one.

Inside `reading_ahead` the readers named by the books answer from what was read; outside they ask the
database. Whoever reads ahead changes none of it meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

_AHEAD = "reading_ahead"


@contextmanager
def reading_ahead(session: Session, **books: Mapping[Any, Any]) -> Iterator[None]:
    """Let readers of this session answer from books that were read already.

    Args:
        books: by reader, what it answers for each key: `pauses`, `open_rows` by (account, day),
            `senders` by account.
    """
    before = session.info.get(_AHEAD)
    session.info[_AHEAD] = books
    try:
        yield
    finally:
        session.info[_AHEAD] = before


def read_already(session: Session, book: str, key: Any) -> Any:
    """Return what was read ahead under a key; None when it was not."""
    return (session.info.get(_AHEAD) or {}).get(book, {}).get(key)
