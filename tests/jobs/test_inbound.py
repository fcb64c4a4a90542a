"""The mailbox, once a minute: kept first, marked afterwards, and nothing stops the worker (C-07, FT-08)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gateways.mailbox import ImapMailbox
from jobs.inbound import Postman
from models.accounts import Contact
from models.inbound import InboundMessage
from models.invoices import Invoice
from models.ladder import LadderPosition
from models.links import Channel
from models.store import Store
from models.work import Alert
from receivables.contact import consents
from receivables.ports import Incoming, MailboxDown
from tests import factories as make
from tests.conftest import NOON
from tests.gateways.imap_server import imap_server

HELEN = "helen@tidewater.example"


@dataclass
class Rooms:
    """What the postman needs of the House."""

    store: Store
    mailbox: Any = None


@dataclass
class Post:
    """A mailbox that hands over what lies in it, or fails."""

    mails: list[Incoming] = field(default_factory=list)
    down: bool = False
    left: list[Incoming] = field(default_factory=list)

    def take(self, keep: Callable[[Incoming], bool], *, most: int) -> int:
        if self.down:
            raise MailboxDown("ConnectionRefusedError")
        self.left = [mail for mail in self.mails if not keep(mail)]
        return len(self.mails) - len(self.left)


def a_mail(name: str, text: str, **more: Any) -> Incoming:
    return Incoming("email", f"<{name}@tidewater.example>", HELEN, None, text, **more)


@pytest.fixture
def rooms(store: Store) -> Rooms:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s), email=HELEN)
        make.an_invoice(s, account)
    return Rooms(store, Post())


def alerts(rooms: Rooms) -> list[tuple[str, str]]:
    with rooms.store.read() as s:
        return [(a.code, a.key) for a in s.scalars(select(Alert).order_by(Alert.id))]


def test_no_mailbox_nothing_to_do(rooms: Rooms) -> None:
    rooms.mailbox = None
    assert Postman().look(rooms, now=NOON) == 0  # type: ignore[arg-type]


def test_over_the_line_into_the_ledger(rooms: Rooms) -> None:
    """From the IMAP server to the consent ledger; a worker that dies in between takes it again."""
    raw = f"From: {HELEN}\r\nMessage-ID: <1@t.example>\r\n\r\nSTOP\r\n".encode()
    with imap_server(raw) as room:
        rooms.mailbox = ImapMailbox(room.url)
        assert Postman().look(rooms, now=NOON) == 1  # type: ignore[arg-type]
        assert room.seen == {1}
        room.seen.clear()  # the mark was lost
        assert Postman().look(rooms, now=NOON) == 1  # type: ignore[arg-type]
    with rooms.store.read() as s:
        assert [m.outcome for m in s.scalars(select(InboundMessage))] == ["stop"]
        assert consents.has_opted_out(s, HELEN, Channel.EMAIL)


def test_one_that_cannot_be_kept_holds_up_no_other(rooms: Rooms, caplog: pytest.LogCaptureFixture) -> None:
    poison = a_mail("poison", "x", answers=("<a@b.example>",))
    object.__setattr__(poison, "channel", "pigeon")
    rooms.mailbox.mails = [poison, a_mail("good", "STOP")]
    postman = Postman()
    with caplog.at_level(logging.CRITICAL):
        assert postman.look(rooms, now=NOON) == 1  # type: ignore[arg-type]
        assert postman.look(rooms, now=NOON) == 1  # type: ignore[arg-type]
    assert rooms.mailbox.left == [poison]
    assert alerts(rooms) == [("reply_not_kept", "<poison@tidewater.example>")]


def test_a_mailbox_that_stays_down_is_told_once(rooms: Rooms, caplog: pytest.LogCaptureFixture) -> None:
    """One look that fails is nothing; ten in a row are; the worker goes on all the time."""
    postman, rooms.mailbox.down = Postman(), True
    with caplog.at_level(logging.CRITICAL):
        for _ in range(9):
            assert postman.look(rooms, now=NOON) == 0  # type: ignore[arg-type]
        assert alerts(rooms) == []
        rooms.mailbox.down = False
        postman.look(rooms, now=NOON)  # type: ignore[arg-type]
        rooms.mailbox.down = True
        for _ in range(30):
            postman.look(rooms, now=NOON)  # type: ignore[arg-type]
    assert alerts(rooms) == [("mailbox_down", "imap")]


def test_the_ladder_looks_again_at_the_account(rooms: Rooms) -> None:
    """Issue C, part 3: what comes in wakes what waits."""
    with rooms.store.write() as s:
        invoice = s.scalars(select(Invoice)).one()
        later = NOON.date() + timedelta(days=30)
        s.add(
            LadderPosition(
                invoice_id=invoice.id, account_id=invoice.account_id, ladder="gentle", cycle=1, seq=0,
                next_on=later, looked_at=NOON,
            )
        )  # fmt: skip
    rooms.mailbox.mails = [a_mail("one", "We will pay on Friday")]
    Postman().look(rooms, now=NOON)  # type: ignore[arg-type]
    with rooms.store.read() as s:
        assert s.scalars(select(LadderPosition.next_on)).one() == NOON.date()
        assert s.scalars(select(Contact)).one().is_active
