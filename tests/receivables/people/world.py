"""One account with two people, and an open session of the first."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Contact
from models.links import Channel, OneTimeCode
from models.messages import Message, Purpose
from models.store import Store
from receivables import links
from receivables.people import codes
from receivables.permissions import SYSTEM, Actor
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON

POLICY = default_policy()
CALLER = "198.51.100.0/24"


class World:
    """Helen pays and is inside with her link; Omar is at the account too."""

    def __init__(self, store: Store, *, now: datetime = NOON) -> None:
        self.store, self.now = store, now
        with store.write() as s:
            self.account = make.an_account(
                s, make.a_creditor(s), email="helen@tidewater.example", phone="+441134960142"
            )
            self.helen = s.scalars(select(Contact).where(Contact.account_id == self.account.id)).one()
            self.omar = make.a_contact(
                s, self.account, name="Omar Reid", email="omar@tidewater.example", role=None
            )
            self.invoice = make.an_invoice(s, self.account, total=57600, number="2026-1131")
            self.other_invoice = make.an_invoice(s, self.account, total=84240, number="2026-1184")
        self.token = self.link(self.helen)
        self.actor, self.session_id = self.enter(self.token)

    def link(self, contact: Contact, channel: Channel = Channel.EMAIL) -> str:
        """A link of a contact, as a message would carry it."""
        with self.store.write() as s:
            return links.issue(
                s, SYSTEM, self.account, contact=contact, channel=channel, policy=POLICY, now=self.now
            )[1]

    def enter(self, token: str, device: str | None = None) -> tuple[Actor, int]:
        """Open a link; who is inside, and the session's id."""
        opened, _ = self.store.run(
            lambda s: links.redeem(s, token, policy=POLICY, now=self.now, request_id="r1", device=device)
        )
        with self.store.read() as s:
            holder = links.holder(s, opened, now=self.now, request_id="r1")
        return holder.actor, holder.session_id

    def ask(
        self,
        *,
        contact: Contact | None = None,
        channel: Channel = Channel.EMAIL,
        caller: str = CALLER,
        session_id: int | None = None,
        actor: Actor | None = None,
        later: datetime | None = None,
    ) -> OneTimeCode:
        return self.store.run(
            lambda s: codes.ask_code(
                s, actor or self.actor, session_id or self.session_id, (contact or self.helen).ref, channel,
                caller=caller, now=later or self.now,
            )
        )  # fmt: skip

    def sent(self, code: OneTimeCode | None = None, *, later: datetime | None = None) -> str:
        """What the worker puts into the message of a code, the newest by default."""

        def make_it(s: Session) -> str:
            messages = s.scalars(
                select(Message).where(Message.purpose == Purpose.CODE).order_by(Message.id.desc())
            ).all()
            message = next(m for m in messages if code is None or m.facts["code_id"] == code.id)
            return codes.make(s, message, policy=POLICY, now=later or self.now)

        return self.store.run(make_it)

    def prove(
        self, code: str, *, later: datetime | None = None, session_id: int | None = None
    ) -> codes.Tried:
        return self.store.run(
            lambda s: codes.prove(s, self.actor, session_id or self.session_id, code, now=later or self.now)
        )


def another(code: str) -> str:
    """A code that is not this one."""
    return code[:-1] + ("1" if code[-1] != "1" else "2")
