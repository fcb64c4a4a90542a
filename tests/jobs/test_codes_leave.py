"""Codes and forwarded invoices on their way out: clear in the message and nowhere else (L-02, L-08)."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account, Contact
from models.links import Channel, Link, LinkInvoice, LinkScope, OneTimeCode
from models.messages import Message, Purpose
from models.states import MessageStatus
from receivables import links
from receivables.people import codes, contacts, forwarding
from receivables.permissions import SYSTEM, Actor
from tests import factories as make
from tests.conftest import NOON
from tests.jobs.test_outbox import POLICY, Office, everything, office, token

__all__ = ["office"]
SOON = NOON + timedelta(seconds=5)


def inside(office: Office) -> tuple[Actor, int, Contact]:
    """Who opened a link of the account's contact."""
    with office.store.write() as s:
        contact = s.scalars(select(Contact).where(Contact.account_id == office.account.id)).one()
        _, link = links.issue(
            s, SYSTEM, office.account, contact=contact, channel=Channel.EMAIL, policy=POLICY, now=NOON
        )
        opened, _actor = links.redeem(s, link, policy=POLICY, now=NOON, request_id=None)
        holder = links.holder(s, opened, now=NOON, request_id=None)
    return holder.actor, holder.session_id, contact


def the_code(office: Office) -> Message:
    with office.store.read() as s:
        return s.scalars(select(Message).where(Message.purpose == Purpose.CODE)).one()


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.SMS])
def test_a_code_leaves_and_proves(office: Office, channel: Channel, caplog: pytest.LogCaptureFixture) -> None:
    """L-08, decision 19: the message carries the code and no payment link; what is kept says [code]."""
    actor, session_id, contact = inside(office)
    with caplog.at_level(logging.DEBUG), office.store.write() as s:
        codes.ask_code(s, actor, session_id, contact.ref, channel, caller="c", now=NOON, act="settlement")
    office.send(SOON)
    [message] = office.mailbox.messages()
    found = re.search(r"\b(\d{6})\b", message["text"])
    assert found
    assert "/l/" not in message["text"]
    kept = office.message(the_code(office))
    assert kept.status is MessageStatus.SENT
    assert "[code]" in (kept.body or "")
    assert found[1] not in (kept.body or "") + (kept.subject or "") + caplog.text
    assert f"'{found[1]}'" not in everything(office.store)
    if channel is Channel.EMAIL:
        assert "10 min" in message["text"]
        assert "agreeing to a closing amount" in message["text"]
    tried = office.store.run(lambda s: codes.prove(s, actor, session_id, found[1], now=SOON))
    assert tried.right


def test_a_code_that_waited_too_long_is_dropped(office: Office) -> None:
    """L-08: after ten minutes nobody waits for it; it is kept as suppressed by name."""
    actor, session_id, contact = inside(office)
    with office.store.write() as s:
        codes.ask_code(s, actor, session_id, contact.ref, Channel.EMAIL, caller="c", now=NOON)
    office.send(NOON + timedelta(minutes=10))
    assert office.mailbox.messages() == []
    kept = office.message(the_code(office))
    assert (kept.status, kept.reasons) == (MessageStatus.SUPPRESSED, ["code_over"])
    with office.store.read() as s:
        assert s.scalars(select(OneTimeCode.code_digest)).one() is None


def test_a_code_to_an_address_not_on_file(office: Office) -> None:
    """Issue B 8: it goes to the new address and to no other, though the person is not active yet."""
    actor, session_id, _contact = inside(office)
    with office.store.write() as s:
        dana = contacts.add(
            s, actor, session_id, name="Dana Levi", address="dana@tidewater.example", pays=False,
            caller="c", now=NOON,
        )  # fmt: skip
    office.send(SOON)
    [mail] = office.mailbox.messages()
    assert mail["recipient"] == "dana@tidewater.example"
    code = re.search(r"\b(\d{6})\b", mail["text"])
    assert code
    proved = office.store.run(
        lambda s: contacts.prove_address(s, actor, session_id, dana.ref, code[1], now=SOON)
    )
    assert proved.tried.right
    office.mailbox.clear()
    office.send(SOON)
    [fresh] = office.mailbox.messages()
    assert fresh["recipient"] == "dana@tidewater.example"
    with office.store.read() as s:
        link = s.scalars(select(Link).where(Link.contact_id == dana.id)).one()
    assert (link.token_digest, link.scope) == (links.digest(token(fresh["text"], "l")), LinkScope.FULL)


def test_a_forwarded_invoice_carries_a_narrow_link(office: Office) -> None:
    """L-15: the colleague's mail names the invoice and who sent it, never another sum or a reminder."""
    actor, _session_id, contact = inside(office)
    with office.store.write() as s:
        forwarding.forward(s, actor, office.invoice.ref, name="Noa Bar", email="noa@books.example", now=NOON)
    office.send(SOON)
    [mail] = office.mailbox.messages()
    assert mail["recipient"] == "noa@books.example"
    assert contact.name in mail["text"]
    assert office.invoice.number in mail["subject"]
    with office.store.read() as s:
        digest = links.digest(token(mail["text"], "l"))
        link = s.scalars(select(Link).where(Link.token_digest == digest)).one()
        assert link.scope is LinkScope.ONE_INVOICE
        assert s.get_one(LinkInvoice, link.id).invoice_id == office.invoice.id


def test_who_is_removed_hears_of_it_at_his_address(office: Office) -> None:
    """Decision 6: the notice reaches somebody who is no longer active, and makes no link."""
    actor, _session_id, _helen = inside(office)
    with office.store.write() as s:
        bo = make.a_contact(
            s, s.get_one(Account, office.account.id), name="Bo Second", email="bo@tidewater.example"
        )
        contacts.remove(s, actor, bo.ref, now=NOON)
    office.send(SOON)
    [mail] = office.mailbox.messages()
    assert mail["recipient"] == "bo@tidewater.example"
    assert "no longer one of them" in mail["text"]
    with office.store.read() as s:
        assert s.scalars(select(Link).where(Link.contact_id == bo.id)).all() == []
