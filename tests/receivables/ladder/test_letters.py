"""What the rungs say: complete in four languages, true when it leaves, in the words of its kind of debtor."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

import presentation
from models.accounts import Account, Contact, DebtorType, Segment
from models.base import new_ref
from models.handovers import Handler, HandlerKind, Handover
from models.invoices import Invoice, InvoiceKind, InvoiceLine
from models.links import Channel
from models.messages import Message, Purpose
from models.money import Money
from models.pauses import PauseReason
from models.states import HandoverStatus, InvoiceStatus
from presentation import Presenter
from receivables import letters as roof
from receivables import outbox, pauses
from receivables.ladder import letters
from receivables.ladder.letters import MissingText, missing_texts, spoken
from receivables.ladder.rungs import Ladder, preset, preset_names, read_ladder
from receivables.permissions import SYSTEM
from receivables.ports import Letter, MessageIncomplete
from tests import factories as make
from tests.conftest import NOON
from tests.presentation.letters import TEMPLATES

TODAY = NOON.date()
DEADLINE = TODAY + timedelta(days=10)


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


def queued(
    s: Session, account: Account, kind: str, channel: Channel = Channel.EMAIL, **facts: object
) -> Message:
    contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).first()
    assert contact is not None
    return outbox.enqueue(
        s, SYSTEM, account=account, contact=contact, channel=channel, purpose=Purpose.REMINDER, kind=kind,
        facts=facts, dedupe_key=new_ref(), currency="GBP", now=NOON,
    )  # fmt: skip


def said(s: Session, message: Message) -> Letter:
    return roof.compose(
        s, message, link="https://pay.example/l/t", link_expires_at=NOON + timedelta(days=14),
        stop="https://pay.example/x/s", now=NOON,
    )  # fmt: skip


def is_true(s: Session, message: Message, *, days: int = 0) -> bool:
    account = s.get_one(Account, message.account_id)
    return roof.is_still_true(s, message, account, now=NOON + timedelta(days=days))


def owing(s: Session, *, late: int = 20, total: int = 10000, **more: object) -> tuple[Account, Invoice]:
    account = make.an_account(s, make.a_creditor(s), **more)  # type: ignore[arg-type]
    return account, make.an_invoice(s, account, total=total, due_on=in_days(-late))


def a_prepayment(s: Session, account: Account, *, due_in: int, total: int = 9000) -> Invoice:
    order = make.an_invoice(s, account, total=total, due_on=in_days(due_in), lines=2)
    order.kind = InvoiceKind.PREPAYMENT
    s.flush()
    return order


def ordering(s: Session, *, due_in: int = 3) -> tuple[Account, Invoice]:
    account = make.an_account(s, make.a_creditor(s))
    order = a_prepayment(s, account, due_in=due_in, total=12000)
    order.number = "P-7"
    s.flush()
    return account, order


# --------------------------------------------------------------------------- complete


@pytest.mark.parametrize("name", preset_names())
def test_every_rung_of_a_shipped_ladder_has_its_texts(name: str) -> None:
    """Bad input: a rung with a missing template or language; the ladders that ship have none."""
    assert missing_texts(preset(name), presentation.known_texts()) == []
    assert preset(name).texts() <= set(presentation.known_texts())


def test_a_missing_text_is_reported_by_the_name_of_its_rung() -> None:
    known = dict(presentation.known_texts())
    known["letter", "formal_warning"] = frozenset({"en", "he", "ru"})
    del known["sms", "own_terms_reminder"]
    found = missing_texts(preset("gentle"), known)
    assert MissingText("formal_warning", "letter", "formal_warning", "hu") in found
    assert [m.language for m in found if m.rung == "first_reminder"] == ["en", "he", "hu", "ru"]
    assert {(m.channel, m.kind) for m in found if m.rung == "first_reminder"} == {
        ("sms", "own_terms_reminder")
    }
    assert len(found) == 5


def test_an_invented_text_of_an_own_ladder_is_missing_in_every_language() -> None:
    own: Ladder = read_ladder(
        'name = "own"\nkinds = ["invoice"]\n[[rungs]]\ncode = "hello"\nday = 1\n'
        'effects = [{ do = "message", text = "hello", channels = ["sms"] }]'
    )
    found = missing_texts(own, presentation.known_texts())
    assert found == [MissingText("hello", "sms", "hello", code) for code in letters.LANGUAGES]


def test_every_kind_that_is_said_elsewhere_is_known() -> None:
    """Freeze, offer and hand-over speak by the texts of their own rooms."""
    known = presentation.known_texts()
    assert {text for texts in letters.SAID_BY.values() for text in texts} <= set(known)
    assert {("email", kind) for kind in [*letters.VARIANTS.values(), *letters.LETTERS]} <= set(known)


# --------------------------------------------------------------------------- true


LATE = ["first_letter_strict", "official_letter", "formal_warning", "callback_invitation", "hardship_contact"]


@pytest.mark.parametrize("kind", LATE)
def test_it_asks_for_what_is_late_at_that_moment(session: Session, kind: str) -> None:
    """Part 8: the amount after payments, pauses and disputes; prepayments and what is not due left out."""
    account, first = owing(session, total=10000)
    make.an_invoice(session, account, total=500, due_on=in_days(-2))
    make.an_invoice(session, account, total=70000, due_on=in_days(9))
    a_prepayment(session, account, due_in=-9)
    presenter = Presenter(TEMPLATES)
    for language in presentation.LANGUAGES:
        message = queued(session, account, kind, deadline_on=DEADLINE.isoformat(), next_step="court")
        message.language = language
        letter = said(session, message)
        assert letter.values["amount"] == Money(10500, "GBP")
        assert letter.values["due_date"] == first.due_on
        made = presenter.render_message(letter)
        assert "105.00" in made.text.replace(",00", ".00")
        assert "https://pay.example/l/t" in made.text
        assert "0113 496 0142" in made.text
        assert is_true(session, message)


def test_nothing_due_is_not_said(session: Session) -> None:
    """Part 3: where nothing is late there is nothing to say; an order is no debt."""
    account = make.an_account(session, make.a_creditor(session))
    make.an_invoice(session, account, due_on=in_days(2))
    a_prepayment(session, account, due_in=-9)
    for kind in (*LATE, "open_problem_contact"):
        assert not is_true(session, queued(session, account, kind)), kind


def test_what_stands_still_is_left_out_and_alone_is_not_said(session: Session) -> None:
    """Part 4: a paused document is no part of the amount; where all stands still nothing leaves."""
    account, first = owing(session, total=10000)
    second = make.an_invoice(session, account, total=500, due_on=in_days(-2))
    message = queued(session, account, "official_letter", deadline_on=DEADLINE.isoformat())
    for number, invoice in enumerate((first, second), start=1):
        pauses.pause(
            session, SYSTEM, account, PauseReason.SAYS_PAID, key=f"says_paid:{number}", now=NOON,
            to_on=in_days(5), invoice_id=invoice.id,
        )  # fmt: skip
        session.flush()
        if number == 1:
            assert said(session, message).values["amount"] == Money(500, "GBP")
    assert not is_true(session, message)
    assert is_true(session, message, days=5)


def test_a_deadline_that_has_passed_is_not_named(session: Session) -> None:
    """Tone.md, section 1: a date is true when it is read."""
    account, _ = owing(session)
    message = queued(session, account, "official_letter", deadline_on=DEADLINE.isoformat())
    assert is_true(session, message, days=10)
    assert not is_true(session, message, days=11)


@pytest.mark.parametrize(("kind", "facts"), [
    ("official_letter", {}), ("formal_warning", {"deadline_on": DEADLINE.isoformat()}),
])  # fmt: skip
def test_a_threat_without_a_fact_behind_it_is_refused(
    session: Session, kind: str, facts: dict[str, str]
) -> None:
    """Tone.md, section 1: a next step is named only if it is decided; without one nothing leaves."""
    account, _ = owing(session)
    with pytest.raises(MessageIncomplete) as refused:
        Presenter(TEMPLATES).render_message(said(session, queued(session, account, kind, **facts)))
    assert refused.value.missing in ("deadline", "next_step")


def test_court_is_named_in_the_warning_and_nowhere_else(session: Session) -> None:
    """Tone.md, section 4."""
    account, _ = owing(session)
    for kind in (*LATE, "open_problem_contact"):
        facts = {"deadline_on": DEADLINE.isoformat(), "next_step": "court"}
        text = (
            Presenter(TEMPLATES).render_message(said(session, queued(session, account, kind, **facts))).text
        )
        assert ("court" in text) is (kind == "formal_warning"), kind


def test_private_persons_read_no_debt_word_first(session: Session) -> None:
    """Decision 20: neutral subject and opening in every mail, and one neutral SMS for all rungs."""
    account, _ = owing(session, debtor_type=DebtorType.PRIVATE_PERSON, phone="+44 20 7946 0958")
    facts = {"deadline_on": DEADLINE.isoformat(), "next_step": "court"}
    for kind in LATE:
        mail = Presenter(TEMPLATES).render_message(said(session, queued(session, account, kind, **facts)))
        assert mail.subject.startswith("Northgate Paper & Print Ltd: a message for")
        assert mail.text.startswith("This is a personal message")
        sms = Presenter(TEMPLATES).render_message(
            said(session, queued(session, account, kind, Channel.SMS, **facts))
        )
        assert "there is a message for" in sms.text


# --------------------------------------------------------------------------- kinds of debtor


@pytest.mark.parametrize(
    ("segment", "agreed", "kind", "text"),
    [
        (Segment.REMINDER, 0, "first_reminder", "first_reminder"),
        (Segment.OWN_TERMS, 30, "first_reminder", "own_terms_reminder"),
        (Segment.OWN_TERMS, 0, "first_reminder", "first_reminder"),
        (Segment.OPEN_PROBLEM, 0, "first_reminder", "open_problem_contact"),
        (Segment.HARDSHIP, 0, "due_today", "hardship_contact"),
        (Segment.NO_AGREEMENT, 0, "first_reminder", "first_reminder"),
        (Segment.OPEN_PROBLEM, 0, "formal_warning", "formal_warning"),
    ],
)
def test_each_kind_of_debtor_hears_its_own_words(
    session: Session, segment: Segment, agreed: int, kind: str, text: str
) -> None:
    """Part 12: an observed lag is no agreement, so nothing is said of one."""
    account, _ = owing(session)
    account.segment, account.agreed_days = segment, agreed
    assert spoken(kind, account) == text


def test_agreed_terms_are_named_by_their_day(session: Session) -> None:
    account, invoice = owing(session, late=31)
    account.segment, account.agreed_days = Segment.OWN_TERMS, 30
    session.flush()
    message = queued(session, account, "own_terms_reminder")
    assert is_true(session, message)
    assert invoice.due_on is not None
    assert said(session, message).values["agreed_date"] == invoice.due_on + timedelta(days=30)
    account.agreed_days = 60
    session.flush()
    assert not is_true(session, message)


# --------------------------------------------------------------------------- orders


def test_an_order_is_restated_with_its_last_day(session: Session) -> None:
    """Part 8: what was ordered and until when it is kept; by the shipped ladder 30 days after its date."""
    account, order = ordering(session, due_in=3)
    message = queued(session, account, "prepayment_reminder")
    letter = said(session, message)
    assert letter.values["amount"] == Money(12000, "GBP")
    assert letter.values["order"] == "P-7"
    assert letter.values["deadline"] == in_days(33)
    lines = session.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == order.id)).all()
    assert len(letter.values["order_list"]) == len(lines) == 2
    text = Presenter(TEMPLATES).render_message(letter).text
    assert lines[0].description in text
    assert "22 December 2026" in text
    assert is_true(session, message, days=33)
    assert not is_true(session, message, days=34)


def test_the_day_that_was_promised_comes_before_the_ladders(session: Session) -> None:
    account, _ = ordering(session)
    message = queued(session, account, "prepayment_expiring", kept_until_on=DEADLINE.isoformat())
    assert said(session, message).values["deadline"] == DEADLINE


def test_a_very_long_order_is_named_by_its_documents(session: Session) -> None:
    """Never half an order."""
    account, order = ordering(session)
    for position in range(3, 40):
        session.add(
            InvoiceLine(
                invoice_id=order.id, position=position, code=None, description=f"Line {position}",
                quantity="1", unit_price="0", net_minor=0,
            )
        )  # fmt: skip
    session.flush()
    (row,) = said(session, queued(session, account, "prepayment_reminder")).values["order_list"]
    assert row.total == Money(12000, "GBP")


def test_debts_are_no_orders(session: Session) -> None:
    """Domain.md: a prepayment is a sale not yet closed; a debt is never told as one."""
    account, _ = owing(session)
    assert not is_true(session, queued(session, account, "prepayment_due"))


def test_an_expired_order_is_named_though_it_is_asked_for_no_more(session: Session) -> None:
    account, order = ordering(session, due_in=-40)
    message = queued(
        session, account, "prepayment_expired", invoice_ids=[order.id], kept_until_on=TODAY.isoformat()
    )
    text = Presenter(TEMPLATES).render_message(said(session, message)).text
    assert "P-7" in text
    assert is_true(session, message)
    other, _ = ordering(session)
    assert not is_true(session, queued(session, other, "prepayment_expired", invoice_ids=[order.id]))


# --------------------------------------------------------------------------- hand-over


def placing(s: Session, account: Account, status: HandoverStatus) -> Handover:
    handler = Handler(
        ref=new_ref(), kind=HandlerKind.AGENCY, name="Harcourt Recovery Ltd.", address="1 Quay, Exampleford",
        email=None, phone="+44 113 496 0199", countries="GB", commission_percent="12.5", terms="",
        created_at=NOON,
    )  # fmt: skip
    s.add(handler)
    s.flush()
    handover = Handover(
        ref=new_ref(), account_id=account.id, handler_id=handler.id, status=status, currency="GBP",
        amount_minor=10000, reason="rung:hand_over", proposed_at=NOON,
    )  # fmt: skip
    s.add(handover)
    s.flush()
    return handover


def test_the_notice_of_hand_over_names_who_and_when(session: Session) -> None:
    account, _ = owing(session, late=95)
    handover = placing(session, account, HandoverStatus.PREPARED)
    facts = {"handover_id": handover.id, "handover_on": DEADLINE.isoformat()}
    message = queued(session, account, "handover_notice", **facts)
    made = Presenter(TEMPLATES).render_message(said(session, message))
    assert "to Harcourt Recovery Ltd., +44 113 496 0199." in made.text
    assert "29 November 2026" in made.subject
    assert is_true(session, message)
    assert not is_true(session, message, days=10)


@pytest.mark.parametrize("status", [HandoverStatus.PLACED, HandoverStatus.RECALLED, HandoverStatus.REFUSED])
def test_of_what_is_not_to_come_no_notice_leaves(session: Session, status: HandoverStatus) -> None:
    """No threat without a fact: refused, recalled or done, it is not about to be handed over."""
    account, _ = owing(session, late=95)
    handover = placing(session, account, status)
    facts = {"handover_id": handover.id, "handover_on": DEADLINE.isoformat()}
    assert not is_true(session, queued(session, account, "handover_notice", **facts))
    assert not is_true(session, queued(session, account, "handover_notice", handover_on=DEADLINE.isoformat()))


@pytest.mark.parametrize("reason", [PauseReason.SAYS_PAID, PauseReason.DOCUMENT_REQUESTED])
def test_an_order_in_question_is_not_said_to_be_released(session: Session, reason: PauseReason) -> None:
    """INV-9: what is disputed or said to be paid waits for a person, not for the ladder."""
    account, order = ordering(session, due_in=-40)
    message = queued(session, account, "prepayment_expired", invoice_ids=[order.id])
    assert is_true(session, message)
    pauses.pause(session, SYSTEM, account, reason, key="p", invoice_id=order.id, now=NOON)
    assert not is_true(session, message)


def test_paid_in_the_meantime_an_order_is_not_said_to_be_released(session: Session) -> None:
    account, order = ordering(session, due_in=-40)
    message = queued(session, account, "prepayment_expired", invoice_ids=[order.id])
    session.execute(update(Invoice).where(Invoice.id == order.id).values(status=InvoiceStatus.PAID))
    session.expire_all()
    assert order.status is InvoiceStatus.PAID
    assert not is_true(session, message)
