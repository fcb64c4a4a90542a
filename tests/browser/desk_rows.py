"""A debtor with what only the desk sees: steps, letters, charges, a hand-over, what came in and did not go.

Built by the real actions, beside the two debtors of the portal, whose pages it leaves as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.demo_papers import page
from models.accounts import Account, Contact
from models.creditors import Creditor
from models.disputes import DisputeReason
from models.handovers import Handler, HandlerKind, Handover
from models.invoices import Invoice
from models.links import Channel
from models.money import Money
from models.payments import Payment
from models.post import PostBatch, PostLetter
from models.rules import RulesDraft, RulesKind
from models.staff import Role, Staff
from models.states import HandoverStatus, MessageStatus, advance
from models.worklist import BulkAct, BulkKind
from models.writing import Snippet
from receivables import bank_lines, policy, rule_drafts
from receivables.calendar_days import business_date
from receivables.contact import inbound, reminders
from receivables.costs import charges, rates
from receivables.desk import called, notes
from receivables.disputes import statements
from receivables.disputes.claims import Claim
from receivables.disputes.opening import open_dispute
from receivables.editing.fields import sections
from receivables.handovers import handlers, placing, remittances
from receivables.handovers.handlers import HandlerFacts
from receivables.ladder import steps
from receivables.ladder.choosing import ladders_in_force
from receivables.ladder.rungs import preset_body
from receivables.lessons import cases
from receivables.permissions import SYSTEM, Actor
from receivables.policy import current_policy
from receivables.ports import Incoming
from receivables.post import printing, queueing
from receivables.segments import proposing, sales
from receivables.worklist import bulk
from receivables.worklist.bulk import Chosen
from receivables.write_offs import propose_write_off
from receivables.writing import snippets
from receivables.writing.snippets import Text
from tests import factories as make
from tests.portal.everything import Town, refs_of

#: Days that its invoices are late.
LATE = (66, 47, 12)


class _Desk:
    """The people of the desk, the account, and acts in units of work of their own."""

    def __init__(self, town: Town) -> None:
        self.portal, self.now = town.portal, town.portal.clock.at
        with self.portal.store.write() as session:
            self.people = {
                role: make.staff_actor(make.a_person(session, role))
                for role in (Role.COLLECTOR, Role.SUPERVISOR, Role.ACCOUNTANT, Role.SALESPERSON)
            }
            creditor = session.get_one(Creditor, town.ours.account.creditor_id)
            self.creditor = creditor.code
            account = make.an_account(session, creditor, name="Millrace Weavers Ltd", with_contact=False)
            account.salesperson_id = self.people[Role.SALESPERSON].id
            make.a_contact(
                session, account, name="Ivy Marlow", email="ivy@millrace.example", phone="+447700900301"
            )
            for late in LATE:
                self.portal.invoice(session, account, 240000, -late)
        self.account_id = account.id

    def run(self, act: Callable[..., Any], role: Role | None, *facts: Any, ago: int = 0, **more: Any) -> Any:
        """Do one act on the account, so many days ago."""
        actor = self.people[role] if role else SYSTEM
        return self.portal.store.run(
            lambda s: act(s, actor, s.get_one(Account, self.account_id), *facts, now=self.ago(ago), **more)
        )

    def ago(self, days: int) -> datetime:
        return self.now - timedelta(days=days)


def fill_desk(town: Town) -> Mapping[str, list[str]]:
    """Make everything; returns the refs of the account and of the house by the name of their table."""
    desk = _Desk(town)
    _letters(desk)
    _ladder(desk)
    _charges(desk)
    desk.run(_case, Role.SUPERVISOR)
    desk.run(_answers, None)
    desk.run(_sales_and_calls, None, desk.people)
    desk.run(_house, None, desk)
    desk.run(_written, Role.COLLECTOR, desk)
    desk.run(_contested, Role.COLLECTOR)
    remitted = desk.run(_remitted, Role.ACCOUNTANT)
    with town.portal.store.read() as session:
        found: dict[str, list[str]] = {}
        for kind, ref in refs_of(session, desk.account_id):
            found.setdefault(kind, []).append(ref)
        for model in (Handler, RulesDraft, Snippet, BulkAct, Staff):
            found[model.__tablename__] = list(session.scalars(select(model.ref)))
    return found | {
        "remittance": [remitted],
        "policy_version": ["0"],
        "policy_section": sections(),
        "text": ["courtesy", "official_letter"],
    }


def _letters(desk: _Desk) -> None:
    """One posted, one that came back, one printed, one waiting."""
    desk.run(queueing.set_address, Role.COLLECTOR, "4 Weir Lane\nLeeds LS2 9AQ")
    for kind, ago, end in (
        ("formal_warning", 30, "posted"),
        ("official_letter", 28, "returned"),
        ("official_letter", 2, "printed"),
        ("formal_warning", 1, "waiting"),
    ):
        desk.run(queueing.queue_letter, Role.COLLECTOR, kind=kind, currency="GBP", ago=ago)
        if end != "waiting":
            desk.run(_print, Role.COLLECTOR, desk, end, ago=ago)


def _print(session: Session, actor: Actor, account: Account, desk: _Desk, end: str, *, now: datetime) -> None:
    files = desk.portal.app.extensions["amicable"].files
    letter = session.scalars(
        select(PostLetter).where(PostLetter.account_id == account.id).order_by(PostLetter.id.desc())
    ).first()
    assert letter is not None
    [paper] = printing.prepare(session, actor, [letter.ref], now=now).papers
    drawn = page(("A letter",))
    batch: PostBatch = printing.print_batch(
        session, actor, printing.keep(files, drawn, {paper.ref: drawn}), now=now
    )
    if end != "printed":
        posted_on = business_date(now, account.zone)
        printing.mark_posted(session, actor, batch, posted_on=posted_on, now=now)
    if end == "returned":
        printing.mark_returned(session, actor, letter, now=now + timedelta(days=3))


def _ladder(desk: _Desk) -> None:
    """Steps proposed, on this and on another day, and a call that one of them asks for."""

    def climb(session: Session, actor: Actor, account: Account, *, now: datetime) -> None:
        steps.climb(
            session, [account.id], ladders=ladders_in_force(session, now),
            policy=current_policy(session, now), now=now,
        )  # fmt: skip

    for ago in (8, 0):
        desk.run(climb, None, ago=ago)


def _charges(desk: _Desk) -> None:
    """Interest that was agreed: one issued, one waived, one to be decided."""

    def switch_on(session: Session, actor: Actor, account: Account, *, now: datetime) -> None:
        body = policy.current_body(session, now)
        body = body.replace("contract_interest = false", "contract_interest = true")
        policy.publish(session, body, reason="Interest by contract", author_id=None, now=now)
        rates.add_rate(
            session, actor, f"{rates.AGREED}{account.ref}", from_on=now.date() - timedelta(days=200),
            percent="12", source="Supply agreement, clause 9", now=now,
        )  # fmt: skip

    desk.run(switch_on, Role.ACCOUNTANT, ago=9)

    def decide(session: Session, actor: Actor, account: Account, *, now: datetime) -> None:
        found = charges.propose_charges(session, actor, account, "GBP", today=desk.portal.today, now=now)
        charges.issue(session, actor, found[0].ref, now=now)
        charges.waive(session, desk.people[Role.SUPERVISOR], found[1].ref, reason="A gesture", now=now)

    desk.run(decide, Role.ACCOUNTANT)


def _case(session: Session, actor: Actor, account: Account, *, now: datetime) -> None:
    """Two handlers and a case for one of them."""
    for kind, name in ((HandlerKind.AGENCY, "Wharfedale Ltd"), (HandlerKind.LAWYER, "Pennywhistle LLP")):
        facts = HandlerFacts(
            kind, name, "3 Tannery Yard\nBradford BD1 4QX", "01274 496 0180", "cases@wharfedale.example", "",
            "15", "No collection, no fee",
        )  # fmt: skip
        handlers.add_handler(session, actor, facts, now=now)
    placing.propose(session, actor, account, "GBP", reason="Nobody answers", now=now)


def _answers(session: Session, actor: Actor, account: Account, *, now: datetime) -> None:
    """A reply to be read, STOP by SMS, a stranger's mail, and a reminder that does not leave."""
    for number, (channel, sender, words) in enumerate(
        (
            ("email", "ivy@millrace.example", "We pay on Friday. Could you send the delivery note again?"),
            ("sms", "+447700900301", "STOP"),
            ("email", "office@heron.example", "Who is this invoice for?"),
        )
    ):
        inbound.receive(
            session, Incoming(channel, f"in-{number}", sender, "Your invoice", words), now=now
        )  # fmt: skip
    for message in reminders.remind(session, actor, account, now=now):
        if message.channel is Channel.SMS:
            message.reasons = ["opted_out"]
            advance(message, MessageStatus.SUPPRESSED)


def _sales_and_calls(
    session: Session, actor: Actor, account: Account, people: Mapping[Role, Actor], *, now: datetime
) -> None:
    """A warning by sales, a task for a call, a call that nobody answered, another kind proposed."""
    sales.early_warning(session, people[Role.SALESPERSON], account, "They look for new premises", now=now)
    contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
    who = {"contact": contact.ref, "now": now}
    if called.ask(session, people[Role.COLLECTOR], account.ref, **who).allowed:
        called.write_down(
            session, people[Role.COLLECTOR], account.ref, talked=False, outcome="no_answer",
            follows=called.Next("call", now + timedelta(hours=4)), **who,
        )  # fmt: skip
    proposing.propose_segments(session, account, today=business_date(now, account.zone), now=now)


def _house(session: Session, actor: Actor, account: Account, desk: _Desk, *, now: datetime) -> None:
    """Bank lines up to yesterday, and a ladder and rules of contact that wait for a second person."""
    yesterday = desk.portal.today - timedelta(days=1)
    bank_lines.record_lines(session, desk.people[Role.ACCOUNTANT], desk.creditor, yesterday, now=now)
    rule_drafts.put_forward(
        session, desk.people[Role.COLLECTOR], RulesKind.LADDER, name="gentle",
        body=preset_body("gentle").replace("day = 7\n", "day = 10\n"), effective_on=None,
        zone="Europe/London", reason="A week was too soon", now=now,
    )  # fmt: skip


def _written(session: Session, actor: Actor, account: Account, desk: _Desk, *, now: datetime) -> None:
    """A note, a snippet, one invoice that somebody wants written off, and an act on many accounts."""
    notes.write(session, actor, account, words="The owner decides, on Mondays", now=now)
    texts = {"en": Text("Your order", "Thank you for the talk of today.")}
    snippets.keep(session, actor, ref=None, name="After a talk", texts=texts, shared=False, now=now)
    last = session.scalars(
        select(Invoice.ref).where(Invoice.account_id == account.id).order_by(Invoice.due_on)
    ).first()
    assert last is not None
    propose_write_off(session, actor, last, reason="The goods came back broken", now=now)
    cases.look(session, account, today=desk.portal.today, now=now)
    later = Chosen(BulkKind.PUT_OFF, from_on=desk.portal.today + timedelta(days=2), words="On a fair")
    bulk.do(session, actor, later, [account.ref], now=now)


def _contested(session: Session, actor: Actor, account: Account, *, now: datetime) -> None:
    """A price that the salesperson is asked about."""
    first = session.scalars(
        select(Invoice.ref).where(Invoice.account_id == account.id).order_by(Invoice.due_on.desc())
    ).first()
    assert first is not None
    claim = Claim(DisputeReason.WRONG_PRICE, amount=Money(1000, "GBP"))
    dispute = open_dispute(
        session, actor, first, claim, words="He promised the old price", shown_at=now, now=now
    )
    statements.ask(session, actor, dispute.ref, question="Did you promise the old price?", now=now)


def _remitted(session: Session, actor: Actor, account: Account, *, now: datetime) -> str:
    """A report of a handler; the number of its payment.

    The case is placed beside the rules, and put back: its own page is looked at while it waits.
    """
    case = session.scalars(select(Handover).where(Handover.account_id == account.id)).one()
    taker = session.scalars(select(Handler)).first()
    assert taker is not None
    before = (case.status, case.handler_id, case.placed_on)
    case.status, case.handler_id, case.placed_on = HandoverStatus.PLACED, taker.id, now.date()
    session.flush()
    sent = remittances.record_remittance(
        session, actor, case.ref, reference="WCS-7", collected=Money(1000, "GBP"), valued_on=now.date(),
        now=now,
    )  # fmt: skip
    case.status, case.handler_id, case.placed_on = before
    return session.scalars(select(Payment.number).where(Payment.id == sent.payment_id)).one()
