"""Replies and bounces: the mailbox is looked at once a minute; a mail is kept before it is marked as seen."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from jobs.house import House
from receivables import arrivals, outbox
from receivables.ports import Incoming, MailboxDown

log = logging.getLogger("amicable.inbound")

EVERY = timedelta(minutes=1)
#: Mails of one look.
_MOST = 100
#: Looks in a row that fail before a person hears of it.
_PATIENCE = 10


class Postman:
    """Looks into the mailbox; remembers how often in a row it could not."""

    def __init__(self) -> None:
        self._failed = 0

    def look(self, house: House, *, now: datetime) -> int:
        """Take what is unseen; returns how many mails were kept. Never raises: the worker goes on."""
        if house.mailbox is None:
            return 0
        try:
            kept = house.mailbox.take(lambda incoming: _keep(house, incoming, now=now), most=_MOST)
        except Exception as error:
            self._failed += 1
            level = logging.WARNING if isinstance(error, MailboxDown) else logging.ERROR
            log.log(level, "mailbox not read", exc_info=level == logging.ERROR,
                    extra={"facts": {"why": str(error)[:80], "times": self._failed}})  # fmt: skip
            if self._failed == _PATIENCE:
                house.store.run(lambda s: outbox.raise_alert(s, "mailbox_down", "imap", now=now))
            return 0
        self._failed = 0
        return kept


def _keep(house: House, incoming: Incoming, *, now: datetime) -> bool:
    """Keep one mail; one that can't be kept holds up no other, and a person hears of it (FT-08)."""
    try:
        house.store.run(lambda s: arrivals.take(s, incoming, now=now))
    except Exception:
        log.exception("mail not kept", extra={"facts": {"name": incoming.external_id[:80]}})
        key = incoming.external_id[:80]
        house.store.run(lambda s: outbox.raise_alert(s, "reply_not_kept", key, now=now))
        return False
    return True
