"""How the demo's ways out end otherwise, and the answers that need no arrangement; all by real actions.

Source: decision 27; issue of the portal, "Done when".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.demo_papers import page
from jobs.demo_players import GATEWAY, pay_by_card, pull, save_card, start
from jobs.demo_stage import NETWORK, Scene, Stage, days_pass, part_of, remind
from jobs.demo_ways_out import accept_offer, agree, give, question, uphold, we_answer
from models.answers import AnswerKind, HardshipCase, Request
from models.arrangements import Every, Offer, PaysBy, Plan, Promise, SavedCard
from models.disputes import Dispute, DisputeReason
from models.money import Money
from models.payments import Payment
from models.staff import Role
from receivables import credit_notes, credits, files, surveys, ways
from receivables.answers import callbacks, hardship, requests
from receivables.answers.giving import DocumentKind, Facts, PaidBy
from receivables.arrangements import (
    charging,
    offer_deciding,
    offer_making,
    offers,
    plan_deciding,
    plan_reads,
    promises,
)
from receivables.arrangements.cards import Consent
from receivables.arrangements.plan_terms import Wish
from receivables.calendar_days import business_date, is_business_day
from receivables.disputes import outcomes
from receivables.disputes.claims import Claim, LineClaim
from receivables.payments.quotes import Choice
from receivables.people import forwarding
from receivables.policy import current_policy

_UPHELD, _OPENED = "dispute upheld, another withdrawn", "dispute just opened, another to answer, cheque"
_COUNTERED, _COMPLETED = (
    "plan answered with another, promise moved and withdrawn",
    "plan completed, question after paying answered",
)
_DEFAULTED = "plan in default, may still be cured"
_OFFERS = "offers ended: expired, lapsed, voided, declined, refused"
_KEPT, _APPROVAL = "promise kept, invoice forwarded", "their approval, ring me, document sent"
_INTEREST = "interest worked out, credit asked back, claim refused"


# --------------------------------------------------------------------------- disputes


def _take_back_question(stage: Stage) -> None:
    ref = stage.last(Dispute).ref
    stage.house.store.run(lambda s: outcomes.withdraw(s, stage.debtor, ref, now=stage.at))


def _announce_cheque(stage: Stage) -> None:
    """A cheque for the one invoice that nobody questions, dated in a month."""
    asked = stage.rows()[-1].asked
    cheque = ways.Cheque("4420142", "בנק הכרמל", asked, stage.today + timedelta(days=30))
    stage.house.store.run(
        lambda s: ways.announce_cheque(s, stage.debtor, stage.account, cheque, asked=asked, now=stage.at)
    )


# --------------------------------------------------------------------------- plans


def _promise_taken_back(stage: Stage) -> None:
    with stage.house.store.read() as session:
        query = select(Promise.ref).where(Promise.account_id == stage.account.id)
        ref = session.scalars(query.order_by(Promise.id.desc()).limit(1)).one()
    stage.house.store.run(lambda s: promises.withdraw(s, stage.debtor, ref, now=stage.at))


def _beyond_the_band(stage: Stage) -> None:
    reason = "We are paid when spring comes. Could it be ten parts?"
    agree(stage, Wish(10, stage.today + timedelta(days=28)), "Owner", reason)


def _other_terms(stage: Stage) -> None:
    plan, person = stage.last(Plan), stage.desk(Role.SUPERVISOR)
    stage.house.store.run(
        lambda s: plan_deciding.counter(
            s, person, plan.ref, digest=plan.terms_digest, parts=6, first_on=stage.today + timedelta(days=21),
            reason="Ten parts go beyond the season. Six would see us both through to spring.", now=stage.at,
        )
    )  # fmt: skip


def _two_parts(stage: Stage) -> None:
    agree(stage, Wish(2, stage.today + timedelta(days=14)), "Vezető")


def _pay_the_rest(stage: Stage) -> None:
    """Everything that is left of the plan at once, and a word on how easy it was."""
    ref = stage.last(Plan).ref
    with stage.house.store.read() as session:
        choice = plan_reads.choice(session, stage.debtor, ref, "rest", now=stage.at)
    page_open = start(stage.house, stage.player, stage.base_url, stage.at, choice=choice)
    pay_by_card(stage.house, stage.player, page_open, stage.at)
    with stage.house.store.read() as session:
        paid = session.scalars(select(Payment.ref).where(Payment.account_id == stage.account.id)).one()
    words = "Jó volt, hogy előbb is kifizethettük."
    stage.house.store.run(
        lambda s: surveys.answer(s, stage.debtor, paid, score=5, comment=words, now=stage.at)
    )


def _weekly_parts(stage: Stage) -> None:
    """Two of three parts were to come before today."""
    first_on = business_date(stage.now, stage.account.zone) - timedelta(days=13)
    agree(stage, Wish(3, first_on, Every.WEEK), "Директор")


def _plan_by_card(role: str) -> Callable[[Stage], object]:
    """Three parts by card, the first on the last business day until today; the card is named later."""

    def act(stage: Stage) -> None:
        first_on = _working_day(business_date(stage.now, stage.account.zone), stage.account.country)
        agree(stage, Wish(3, first_on, pays_by=PaysBy.CARD), role)

    return act


def _working_day(day: date, country: str) -> date:
    while not is_business_day(day, country):
        day -= timedelta(days=1)
    return day


def _charge(number: str, *, becomes: str = "") -> Callable[[Stage], object]:
    """The debtor names a card for his plan, and the part that is due is charged to it.

    Args:
        number: a test card that can be saved.
        becomes: what his bank thinks of it when it is charged, in the stand-in's words.
    """

    def act(stage: Stage) -> None:
        store, gateway, language = stage.house.store, stage.house.gateways[GATEWAY], stage.account.language
        agreed = stage.house.documents.card_words(stage.player.creditor, language)
        consent = Consent("\n".join(agreed), language, NETWORK, plan_ref=stage.last(Plan).ref)
        save_card(stage.house, stage.player, consent, number, stage.base_url, stage.at)
        if becomes:
            with store.read() as session:
                query = select(SavedCard.payment_method_id).where(SavedCard.account_id == stage.account.id)
                method = session.scalars(query).one()
            bank = stage.house.settings.AMICABLE_STRIPE_API_BASE
            pull(bank, "card", payment_method=method, becomes=becomes)
        charging.charge_due(store, gateway, stage.account.id, today=stage.today, now=stage.at)

    return act


# --------------------------------------------------------------------------- offers


def _offer_for(number: str, days: int, reason: str) -> Callable[[Stage], object]:
    """A collector offers to take nine tenths of one invoice within so many days."""

    def act(stage: Stage) -> None:
        person, row = stage.desk(Role.COLLECTOR), next(r for r in stage.rows() if r.number == number)
        stage.house.store.run(
            lambda s: offer_making.propose(
                s, person, stage.account.ref, invoice_refs=[row.ref], amount=part_of(row.balance, 92),
                pay_by_on=stage.business_day(days), reason=reason, now=stage.at,
            )
        )  # fmt: skip

    return act


def _decline_offer(stage: Stage) -> None:
    ref = stage.last(Offer).ref
    stage.house.store.run(lambda s: offers.decline(s, stage.debtor, ref, now=stage.at))


def _own_offer(stage: Stage) -> None:
    """Half of everything; beyond the rules, so a person answers."""
    amount = stage.part(50)
    stage.house.store.run(
        lambda s: offer_making.counter(
            s, stage.debtor, account_id=stage.account.id, currency=amount.currency, amount=amount,
            pay_by_on=stage.business_day(10), name=stage.player.contact.name, now=stage.at,
            reason="Half of it now, and we are done with the old season.",
        )
    )  # fmt: skip


def _refuse_own_offer(stage: Stage) -> None:
    offer, person = stage.last(Offer), stage.desk(Role.SUPERVISOR)
    reason = "Half is less than we can take. Paying in parts is open to you at any time."
    stage.house.store.run(
        lambda s: offer_deciding.refuse(
            s, person, offer.ref, digest=offer.content_digest, reason=reason, now=stage.at
        )
    )


def _credit_note(number: str, minor: int, reason: str) -> Callable[[Stage], object]:
    """The accountant credits a part; an offer over the old sum is void with it."""

    def act(stage: Stage) -> None:
        person, ref = stage.desk(Role.ACCOUNTANT), next(r.ref for r in stage.rows() if r.number == number)
        stage.house.store.run(
            lambda s: credit_notes.record_credit_note(
                s, person, ref, number=f"CN-{number}", amount=Money(minor, stage.player.currency),
                reason=reason, now=stage.at,
            )
        )  # fmt: skip

    return act


# --------------------------------------------------------------------------- promises and answers


def _promise_oldest(which: int) -> Callable[[Stage], object]:
    """Promise the oldest invoice for one of the days that the page offers."""

    def act(stage: Stage) -> None:
        with stage.house.store.read() as session:
            rules = current_policy(session, stage.at).promises
        on = promises.ready_days(stage.today, stage.account.country, rules)[which]
        give(stage, AnswerKind.ON_A_DATE, Facts(amount=stage.rows()[0].asked, on=on))

    return act


def _pay_oldest(stage: Stage) -> None:
    choice = Choice("chosen", stage.player.currency, stage.refs()[:1])
    page_open = start(stage.house, stage.player, stage.base_url, stage.at, choice=choice)
    pay_by_card(stage.house, stage.player, page_open, stage.at)


def _forward(stage: Stage) -> None:
    """The invoice that is not due yet goes to a colleague, who gets a link to it alone."""
    ref = stage.refs()[-1]
    stage.house.store.run(
        lambda s: forwarding.forward(
            s, stage.debtor, ref, name="Barnaby Fern", email="barnaby@hollyhock.example", now=stage.at
        )
    )


def _ask_copy(stage: Stage) -> None:
    facts = Facts(invoices=stage.refs(), what=DocumentKind.DELIVERY_NOTE)
    give(stage, AnswerKind.MISSING_DOCUMENT, facts)


def _send_document(stage: Stage) -> None:
    person = stage.desk(Role.COLLECTOR)
    lines = ("Delivery note 2026-1170", "Guest books 20, door labels 200", "Received: L. Vadasz")

    def unit(session: Session) -> None:
        asked = session.scalars(select(Request).where(Request.account_id == stage.account.id)).one()
        policy = current_policy(session, stage.at)
        paper = files.receive(stage.house.files, "delivery-note-2026-1170.pdf", page(lines), policy)
        requests.answer(
            session, person, asked.ref, reply="Itt van az aláírt szállítólevél.", document=paper, now=stage.at
        )

    stage.house.store.run(unit)


def _waits_for_approval(stage: Stage) -> None:
    facts = Facts(name="Csillag Ágota", on=stage.today + timedelta(days=9))
    give(stage, AnswerKind.NEEDS_APPROVAL, facts)


def _ring_me(stage: Stage) -> None:
    def unit(session: Session) -> None:
        at = callbacks.offered(session, stage.debtor, now=stage.at)[-2]
        number = callbacks.usual_number(session, stage.debtor)
        callbacks.ask(session, stage.debtor, at, number, now=stage.at)

    stage.house.store.run(unit)


def _says_paid(stage: Stage) -> None:
    day = stage.today - timedelta(days=4)
    give(stage, AnswerKind.HAVE_PAID, Facts(invoices=stage.refs()[:1], on=day, what=PaidBy.TRANSFER))


def _refuse_claim(stage: Stage) -> None:
    person = stage.desk(Role.COLLECTOR)
    reply = "No transfer of this sum has come. Could you ask your bank where it went?"

    def unit(session: Session) -> None:
        query = select(Request.ref).where(Request.account_id == stage.account.id)
        requests.refuse(session, person, session.scalars(query).one(), reply=reply, now=stage.at)

    stage.house.store.run(unit)


def _somebody_else(stage: Stage) -> None:
    facts = Facts(name="Клара Полевая", email="klara@klever.example", phone="+372 600 0199")
    give(stage, AnswerKind.SOMEONE_ELSE, facts)


def _not_us(stage: Stage) -> None:
    give(stage, AnswerKind.NOT_ME, Facts(words="We have never ordered from you. Is it another Foxglove?"))


def _hardship(stage: Stage) -> None:
    words = "My wife died in the autumn, and the savings went with the funeral. I need some months."
    give(stage, AnswerKind.HARDSHIP, Facts(words=words))


def _answer_hardship(stage: Stage) -> None:
    person = stage.desk(Role.SUPERVISOR)

    def unit(session: Session) -> None:
        query = select(HardshipCase.ref).where(HardshipCase.account_id == stage.account.id)
        hardship.answer(session, person, session.scalars(query).one(), now=stage.at)

    stage.house.store.run(unit)


def _ask_credit_back(stage: Stage) -> None:
    stage.house.store.run(
        lambda s: credits.ask_back(
            s, stage.debtor, stage.player.currency, account_id=stage.account.id, now=stage.at
        )
    )


SCENES = (
    Scene(14, _UPHELD, remind),
    Scene(
        10,
        _UPHELD,
        question(
            Claim(DisputeReason.WRONG_PRICE, (LineClaim(1),)), "These were to be printed free of charge.", 1
        ),
    ),
    Scene(8, _UPHELD, _take_back_question),
    Scene(
        7,
        _UPHELD,
        question(
            Claim(DisputeReason.NOT_DELIVERED, (LineClaim(2),)), "The backing paper has never come here."
        ),
    ),
    Scene(4, _UPHELD, uphold(100, "It came back to us unopened. We are sorry; all of it is credited.")),
    Scene(13, _OPENED, remind),
    Scene(
        5,
        _OPENED,
        question(Claim(DisputeReason.DAMAGED, (LineClaim(1),)), "הגלילים הגיעו רטובים ואי אפשר למכור אותם."),
    ),
    Scene(3, _OPENED, we_answer("אורי, אפשר לשלוח לנו תמונה של הגלילים ושל התווית על הארגז?")),
    Scene(
        1,
        _OPENED,
        question(Claim(DisputeReason.WRONG_QUANTITY, (LineClaim(1),)), "קיבלנו רק מחצית מהשקיות.", 1),
    ),
    Scene(1, _OPENED, _announce_cheque),
    Scene(12, _COUNTERED, remind),
    Scene(10, _COUNTERED, _promise_oldest(0)),
    Scene(9, _COUNTERED, _promise_oldest(-1)),
    Scene(7, _COUNTERED, _promise_taken_back),
    Scene(6, _COUNTERED, _beyond_the_band),
    Scene(2, _COUNTERED, _other_terms),
    Scene(9, _COMPLETED, remind),
    Scene(6, _COMPLETED, _two_parts),
    Scene(0, _COMPLETED, _pay_the_rest),
    Scene(24, _DEFAULTED, remind),
    Scene(22, _DEFAULTED, _weekly_parts),
    Scene(1, _DEFAULTED, days_pass(("plans",), 15)),
    Scene(12, "card declined", _plan_by_card("Director")),
    Scene(0, "card declined", _charge("4242424242424242", becomes="expired")),
    Scene(12, "card to be confirmed", _plan_by_card("בעלים")),
    Scene(0, "card to be confirmed", _charge("4000002760003184")),
    Scene(12, "card to be tried again", _plan_by_card("Директор")),
    Scene(0, "card to be tried again", _charge("4242424242424242", becomes="insufficient_funds")),
    Scene(20, _OFFERS, _offer_for("2026-0981", 7, "Over three months late; closing it is worth a tenth.")),
    Scene(19, _OFFERS, _offer_for("2026-0992", 6, "They asked for the same on the tide tables.")),
    Scene(17, _OFFERS, accept_offer("Owner")),
    Scene(8, _OFFERS, days_pass(("offer_ends",), 4)),
    Scene(7, _OFFERS, _offer_for("2026-1004", 12, "The last of the old season.")),
    Scene(6, _OFFERS, _credit_note("2026-1004", 3900, "Ten log books came with blank pages")),
    Scene(5, _OFFERS, _offer_for("2026-1011", 12, "The same for the knot cards.")),
    Scene(4, _OFFERS, _decline_offer),
    Scene(3, _OFFERS, _own_offer),
    Scene(1, _OFFERS, _refuse_own_offer),
    Scene(8, _KEPT, remind),
    Scene(3, _KEPT, _promise_oldest(-1)),
    Scene(1, _KEPT, _forward),
    Scene(0, _KEPT, _pay_oldest),
    Scene(9, _APPROVAL, remind),
    Scene(6, _APPROVAL, _ask_copy),
    Scene(3, _APPROVAL, _send_document),
    Scene(2, _APPROVAL, _waits_for_approval),
    Scene(1, _APPROVAL, _ring_me),
    Scene(6, "somebody else", remind),
    Scene(2, "somebody else", _somebody_else),
    Scene(6, "not us", remind),
    Scene(1, "not us", _not_us),
    Scene(10, "hardship answered", remind),
    Scene(6, "hardship answered", _hardship),
    Scene(4, "hardship answered", _answer_hardship),
    Scene(20, _INTEREST, remind),
    Scene(12, _INTEREST, _says_paid),
    Scene(9, _INTEREST, _refuse_claim),
    Scene(1, _INTEREST, _ask_credit_back),
)
