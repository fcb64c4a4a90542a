"""One invoice to a colleague: a link that shows and pays it, and nothing else (L-15)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Contact
from models.audit import AuditEntry
from models.links import Channel, Link, LinkInvoice, LinkScope
from models.messages import ConsentEvent, Message, Purpose
from models.money import Money
from models.store import Store
from receivables import invoices, letters, links
from receivables.contact import consents
from receivables.contact import rules as contact_rules
from receivables.contact.readers import paying_contacts
from receivables.errors import NotAllowed, NotFound, Refused, TooManyTries
from receivables.payments import quotes
from receivables.people import codes, forwarding
from receivables.permissions import SYSTEM, Actor
from tests.conftest import NOON
from tests.races import together
from tests.receivables.people.world import POLICY, World


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.fixture
def quick(sqlite_store: Store) -> World:
    return World(sqlite_store)


def forward(
    world: World, email: str = "noa@books.example", *, name: str = "Noa Bar", days: int = 0
) -> Message:
    return world.store.run(
        lambda s: forwarding.forward(
            s, world.actor, world.invoice.ref, name=name, email=email, now=NOON + timedelta(days=days)
        )
    )


def narrow(world: World) -> Actor:
    """Who opened the link of a forwarded invoice, as the worker makes it."""
    message = forward(world)
    with world.store.write() as s:
        contact = s.get_one(Contact, message.contact_id)
        _, token = links.issue(
            s, SYSTEM, world.account, contact=contact, channel=Channel.EMAIL, policy=POLICY,
            message=s.get_one(Message, message.id),
            invoice_id=forwarding.only_invoice(s, message, contact), now=NOON,
        )  # fmt: skip
    return world.enter(token)[0]


def test_a_colleague_is_written_to_once(world: World) -> None:
    """Issue B 8: the message says who forwarded; the same again on that day is the same message."""
    message = forward(world)
    assert (message.kind, message.purpose, message.channel) == (
        "invoice_forwarded", Purpose.ANSWER, Channel.EMAIL,
    )  # fmt: skip
    assert forward(world, " NOA@books.example").id == message.id
    assert forward(world, days=1).id != message.id
    with world.store.read() as s:
        colleague = s.get_one(Contact, message.contact_id)
        values = letters.compose(
            s, message, link="https://x.example/l/t", link_expires_at=NOON, stop="https://x.example/x/t",
            now=NOON,
        ).values  # fmt: skip
        assert s.scalars(select(Contact).where(Contact.name == "Noa Bar")).all() == [colleague]
        assert "invoice.forwarded" in s.scalars(select(AuditEntry.code)).all()
        shown = forwarding.forwarded(s, world.actor, world.invoice)
    assert (values["forwarder"], values["number"]) == ("Helen Marsh", "2026-1131")
    assert (colleague.may_commit, colleague.forwarded_by_id) == (False, world.helen.id)
    assert [one.shown for one in shown] == ["n…@books.example"] * 2


def test_its_link_shows_and_pays_that_invoice_only(world: World) -> None:
    """L-15: the other invoice is not found, not summed, not payable; nothing can be agreed."""
    actor = narrow(world)
    assert (actor.scope, actor.invoice_id) == (LinkScope.ONE_INVOICE, world.invoice.id)
    with world.store.read() as s:
        assert invoices.document(s, actor, world.invoice.ref, now=NOON).row.number == "2026-1131"
        with pytest.raises(NotFound):
            invoices.document(s, actor, world.other_invoice.ref, now=NOON)
        seen = invoices.overview(s, actor, account_id=actor.account_id or 0, zone="Europe/London", now=NOON)
        assert [row.number for group in seen.groups for row in group.rows] == ["2026-1131"]
        assert seen.groups[0].asked == Money(57600, "GBP")

        def quote(choice: quotes.Choice) -> quotes.Quote:
            return quotes.quote(s, actor, choice, account_id=world.account.id, zone="Europe/London", now=NOON)

        for kind in ("all", "overdue"):
            assert quote(quotes.Choice(kind, "GBP")).amount == Money(57600, "GBP")
        with pytest.raises(Refused, match="amount_above_balance"):
            quote(quotes.Choice("amount", "GBP", amount=Money(57601, "GBP")))
        with pytest.raises(Refused, match="invoice_not_open"):
            quote(quotes.Choice("chosen", "GBP", (world.other_invoice.ref,)))
        full = invoices.overview(s, world.actor, account_id=world.account.id, zone="Europe/London", now=NOON)
    assert len(full.groups[0].rows) == 2
    for act in (
        lambda s: forwarding.forward(s, actor, world.invoice.ref, name="X", email="x@y.example", now=NOON),
        lambda s: codes.send(
            s, world.actor, 999, world.helen, Channel.EMAIL, purpose="step_up", address=None, act="",
            caller="c", now=NOON,
        ),
    ):  # fmt: skip
        with pytest.raises((NotAllowed, NotFound)):
            world.store.run(act)


def test_a_colleague_is_no_contact_of_the_account(quick: World) -> None:
    """He is never reminded, gets no code for others and no wider link, whatever writes to him."""
    message = forward(quick)
    actor = narrow(quick)
    with quick.store.read() as s:
        colleague = s.get_one(Contact, message.contact_id)
        assert colleague.name not in [c.name for c in paying_contacts(s, quick.account)]
        for purpose in (Purpose.REMINDER, Purpose.ARRANGEMENT):
            decision = contact_rules.may_contact(
                s, quick.account, colleague, channel=Channel.EMAIL, purpose=purpose, currency="GBP",
                policy=POLICY, now=NOON,
            )  # fmt: skip
            assert "colleague_only" in decision.reasons
        assert "n…@books.example" not in [a.shown for a in codes.addresses(s, quick.actor)]
        assert [a.shown for a in codes.addresses(s, actor)] == ["n…@books.example"]
        receipt = Message(kind="payment_confirmation", facts={"payment_id": 1}, contact_id=colleague.id)
        assert forwarding.only_invoice(s, receipt, colleague) == quick.invoice.id
        helen = s.get_one(Contact, quick.helen.id)
        assert forwarding.only_invoice(s, receipt, helen) is None


def test_a_fresh_link_stays_narrow(quick: World) -> None:
    """Decision 7: what replaces an expired narrow link shows no more than it did."""
    narrow(quick)
    with quick.store.write() as s:
        link = s.scalars(select(Link).where(Link.scope == LinkScope.ONE_INVOICE)).one()
        assert s.get_one(LinkInvoice, link.id).invoice_id == quick.invoice.id
        link.token_digest = links.digest("known")
    later = NOON + POLICY.link_valid
    fresh = quick.store.run(lambda s: links.ask_fresh(s, "known", policy=POLICY, now=later))
    assert fresh is not None
    assert fresh.facts == {"only_invoice_id": quick.invoice.id}


def test_five_a_day(world: World) -> None:
    """Policy links.forwards_per_day: counted for the account, also for many at once."""
    answers = together(8, lambda n: forward(world, f"p{n}@books.example", name=f"P {n}"))
    assert sum(isinstance(a, Message) for a in answers) == POLICY.forwards_per_day
    assert sum(isinstance(a, TooManyTries) for a in answers) == 8 - POLICY.forwards_per_day
    with pytest.raises(TooManyTries):
        forward(world, "late@books.example")
    assert forward(world, "late@books.example", days=1)


def test_what_is_refused(quick: World) -> None:
    """L-15, C-07: another account's invoice, a number, a name that is a link, somebody who said no."""
    stranger = World(quick.store)
    with pytest.raises(NotFound):
        quick.store.run(
            lambda s: forwarding.forward(
                s, stranger.actor, quick.invoice.ref, name="Noa", email="n@b.example", now=NOON
            )
        )
    with pytest.raises(Refused, match="address_not_email"):
        forward(quick, "+447700900123")
    with pytest.raises(Refused, match="name_unfit"):
        forward(quick, name="Pay at evil.example")
    message = forward(quick)
    with quick.store.write() as s:
        colleague = s.get_one(Contact, message.contact_id)
        way_out = consents.issue_opt_out(s, colleague, Channel.EMAIL, policy=POLICY, now=NOON)
        shown = consents.Shown("Stop", "1", "page")
        consents.choose_by_link(s, way_out, wanted=False, shown=shown, now=NOON)
    with pytest.raises(Refused, match="address_opted_out"):
        forward(quick, days=1)
    with quick.store.read() as s:
        assert len(s.scalars(select(ConsentEvent)).all()) == 1
