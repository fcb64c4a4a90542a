"""Files that go along with messages, set in type before a message is taken up.

No transaction is open while the press works. A file that cannot be made keeps no message: it leaves
with its link alone, and a person hears of it.
"""

from __future__ import annotations

import logging
from datetime import datetime

from jobs.house import House
from receivables import outbox
from receivables.documents.enclosures import Enclosure, enclosed
from receivables.ports import Attachment

log = logging.getLogger("amicable.outbox")

#: Largest file that goes along: many relays take 10 MB, and a third is added on the way.
MOST_BYTES = 5 * 1024 * 1024
#: How long a message waits for its file, seconds: no page waits for it, and the lease is longer.
PATIENCE = 10.0


class TooLarge(Exception):
    """A file would not pass most relays."""


def enclosure_of(house: House, message_id: int, *, now: datetime) -> Attachment | None:
    """Return the file that goes along with a message; None for most, and where it can't be made."""
    found: Enclosure | None = None
    try:
        with house.store.read() as session:
            found = enclosed(session, message_id)
        return _pressed(house, found) if found else None
    except Exception as error:  # whatever is wrong with the paper, the message itself is sound
        log.exception("no enclosure", extra={"facts": {"message_id": message_id}})
        what, account_id = type(error).__name__, found.account_id if found else None
    house.store.run(
        lambda s: outbox.raise_alert(
            s, "enclosure_missing", f"message:{message_id}", now=now, account_id=account_id,
            facts={"what": what},
        )
    )  # fmt: skip
    return None


def _pressed(house: House, found: Enclosure) -> Attachment:
    document = found.written(house.documents)
    data = house.press.press(document, timeout=PATIENCE)
    if len(data) > MOST_BYTES:
        raise TooLarge(f"{len(data)} bytes")
    return Attachment(found.named(document), "application/pdf", data)
