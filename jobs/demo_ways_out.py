"""The demo's ways out: disputes, plans, offers, promises, answers, a hold; all by real actions.

How these end otherwise is played in demo_outcomes.py. Source: decision 27; issue of the portal, "Done when".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from jobs.demo_papers import page
from jobs.demo_players import pay_by_card, start
from jobs.demo_stage import NETWORK, Scene, Stage, days_pass, remind
from models.answers import AnswerKind
from models.arrangements import Every, HoldCause, Offer, PaysBy, Plan
from models.disputes import Dispute, DisputeReason
from models.money import Money
from models.staff import Role
from receivables import credit_holds, files
from receivables.answers import giving
from receivables.answers.giving import DocumentKind, Facts, PaidBy
from receivables.arrangements import offer_making, offers, plan_reads, plans, promises
from receivables.arrangements.cards import Consent
from receivables.arrangements.plan_terms import Wish
from receivables.disputes import opening, outcomes, threads
from receivables.disputes.claims import Claim, LineClaim
from receivables.payments.quotes import Choice
from receivables.policy import current_policy

# --------------------------------------------------------------------------- disputes


def question(claim: Claim, words: str, which: int = 0) -> Callable[[Stage], object]:
    """The debtor questions his oldest invoice, or another one, counted from it."""

    def act(stage: Stage) -> None:
        ref = stage.refs()[which]
        stage.house.store.run(
            lambda s: opening.open_dispute(
                s, stage.debtor, ref, claim, words=words, shown_at=stage.at, now=stage.at
            )
        )

    return act


def we_answer(words: str) -> Callable[[Stage], object]:
    def act(stage: Stage) -> None:
        ref, person = stage.last(Dispute).ref, stage.desk(Role.COLLECTOR)
        stage.house.store.run(lambda s: threads.answer(s, person, ref, words=words, now=stage.at))

    return act


def _they_add(words: str, name: str, *lines: str) -> Callable[[Stage], object]:
    """The debtor writes again, with a file."""

    def act(stage: Stage) -> None:
        ref = stage.last(Dispute).ref

        def unit(session: Session) -> None:
            kept = files.store_upload(
                session, stage.house.files, stage.debtor, account_id=stage.account.id, name=name,
                data=page(lines), policy=current_policy(session, stage.at), now=stage.at,
            )  # fmt: skip
            threads.add_words(session, stage.debtor, ref, words=words, files=[kept.ref], now=stage.at)

        stage.house.store.run(unit)

    return act


def uphold(percent: int, finding: str) -> Callable[[Stage], object]:
    """A supervisor credits so much of what was questioned."""

    def act(stage: Stage) -> None:
        dispute, person = stage.last(Dispute), stage.desk(Role.SUPERVISOR)
        credited = Money(dispute.contested_minor * percent // 100, dispute.currency)
        stage.house.store.run(
            lambda s: outcomes.uphold(
                s, person, dispute.ref, credited=credited, finding=finding, now=stage.at
            )
        )

    return act


def refuse(finding: str) -> Callable[[Stage], object]:
    def act(stage: Stage) -> None:
        ref, person = stage.last(Dispute).ref, stage.desk(Role.COLLECTOR)
        stage.house.store.run(lambda s: outcomes.refuse(s, person, ref, finding=finding, now=stage.at))

    return act


# --------------------------------------------------------------------------- plans


def agree(stage: Stage, wish: Wish, role: str, reason: str = "") -> Plan:
    """The debtor works out a plan over all that is open and signs it."""

    def unit(session: Session) -> Plan:
        plan = plans.propose(
            session, stage.debtor, account_id=stage.account.id, currency=stage.player.currency,
            invoice_refs=refs, wish=wish, now=stage.at,
        )  # fmt: skip
        words = stage.house.documents.plan_words(plan.terms, wish.pays_by.value, stage.account.language)
        signature = plans.Signature(stage.player.contact.name, role, True, stage.account.language, NETWORK)
        return plans.accept(
            session, stage.debtor, plan.ref, digest=plan.terms_digest, signature=signature, reason=reason,
            words=words, now=stage.at,
        )  # fmt: skip

    refs = stage.refs()
    return stage.house.store.run(unit)


def _plan_by_card(stage: Stage) -> None:
    """Three parts: the first is paid at once on the page that keeps the card for the others."""
    wish = Wish(3, stage.today, Every.MONTH, at_once=True, pays_by=PaysBy.CARD)
    plan = agree(stage, wish, "Owner")
    language = stage.account.language
    agreed = stage.house.documents.card_words(stage.player.creditor, language)
    consent = Consent("\n".join(agreed), language, NETWORK, plan_ref=plan.ref)
    with stage.house.store.read() as session:
        choice = plan_reads.choice(session, stage.debtor, plan.ref, "next", now=stage.at)
    page_open = start(stage.house, stage.player, stage.base_url, stage.at, choice=choice, consent=consent)
    pay_by_card(stage.house, stage.player, page_open, stage.at)


def _plan_by_link(stage: Stage) -> None:
    agree(stage, Wish(3, stage.today + timedelta(days=14)), "מנהל")


def _plan_beyond_the_band(stage: Stage) -> None:
    reason = "Главный заказчик платит нам помесячно до лета, поэтому просим девять частей."
    agree(stage, Wish(9, stage.today + timedelta(days=20)), "Директор", reason)


# --------------------------------------------------------------------------- offers


def _offer(percent: int, reason: str) -> Callable[[Stage], object]:
    """A collector offers to take so much for all that is open."""

    def act(stage: Stage) -> None:
        person, refs, amount = stage.desk(Role.COLLECTOR), stage.refs(), stage.part(percent)
        stage.house.store.run(
            lambda s: offer_making.propose(
                s, person, stage.account.ref, invoice_refs=refs, amount=amount,
                pay_by_on=stage.business_day(12), reason=reason, now=stage.at,
            )
        )  # fmt: skip

    return act


def _counter_offer(stage: Stage) -> None:
    amount = stage.part(60)
    stage.house.store.run(
        lambda s: offer_making.counter(
            s, stage.debtor, account_id=stage.account.id, currency=amount.currency, amount=amount,
            pay_by_on=stage.business_day(10), name=stage.player.contact.name, now=stage.at,
            reason="Кафе закрывается на зиму. Столько мы можем заплатить сразу, из последней выручки.",
        )
    )  # fmt: skip


def accept_offer(role: str) -> Callable[[Stage], object]:
    def act(stage: Stage) -> None:
        offer = stage.last(Offer)
        stage.house.store.run(
            lambda s: offers.accept(
                s, stage.debtor, offer.ref, digest=offer.content_digest, name=stage.player.contact.name,
                role=role, binds=True, language=stage.account.language, ip_prefix=NETWORK, now=stage.at,
            )
        )  # fmt: skip

    return act


def _pay_offer(stage: Stage) -> None:
    offer = stage.last(Offer)
    choice = Choice(
        "arranged",
        offer.currency,
        tuple(part["ref"] for part in offer.terms["invoices"]),
        Money(offer.amount_minor, offer.currency),
    )
    page_open = start(stage.house, stage.player, stage.base_url, stage.at, choice=choice)
    pay_by_card(stage.house, stage.player, page_open, stage.at)


# --------------------------------------------------------------------------- promises and answers


def give(stage: Stage, kind: AnswerKind, facts: Facts) -> None:
    stage.house.store.run(lambda s: giving.give(s, stage.debtor, kind, facts, now=stage.at))


def _promise(which: int) -> Callable[[Stage], object]:
    """Promise all that is asked, for one of the days that the page offers."""

    def act(stage: Stage) -> None:
        with stage.house.store.read() as session:
            rules = current_policy(session, stage.at).promises
        on = promises.ready_days(stage.today, stage.account.country, rules)[which]
        give(stage, AnswerKind.ON_A_DATE, Facts(amount=stage.part(100), on=on))

    return act


def _says_paid(stage: Stage) -> None:
    facts = Facts(
        invoices=stage.refs(),
        on=stage.today - timedelta(days=3),
        what=PaidBy.TRANSFER,
        reference="העברה 4471-0142",
        words="שולם בהעברה בנקאית מחשבון המכבסה.",
    )
    give(stage, AnswerKind.HAVE_PAID, facts)


def _document(stage: Stage) -> None:
    facts = Facts(
        invoices=stage.refs(),
        what=DocumentKind.DELIVERY_NOTE,
        words="A könyvelőnk a szállítólevelet is kéri a számla mellé.",
    )
    give(stage, AnswerKind.MISSING_DOCUMENT, facts)


def _tax_withheld(stage: Stage) -> None:
    amount = stage.part(5)
    with stage.house.store.read() as session:
        policy = current_policy(session, stage.at)
    certificate = page(("Certificate of tax withheld at source", "No. 0142/2026", f"Amount: {amount}"))
    facts = Facts(
        invoices=stage.refs()[:1],
        amount=amount,
        reference="אישור 0142/2026",
        received=(files.receive(stage.house.files, "certificate-0142.pdf", certificate, policy),),
    )
    give(stage, AnswerKind.TAX_WITHHELD, facts)


def _hardship(stage: Stage) -> None:
    words = (
        "I lost my work in September and look after my mother. I cannot pay this at once. Could somebody"
        " call me?"
    )
    give(stage, AnswerKind.HARDSHIP, Facts(words=words, amount=Money(2000, stage.player.currency)))


# --------------------------------------------------------------------------- the rest of the account


def _announce(stage: Stage) -> None:
    """Who sells hears of a hold before it comes."""
    person = stage.desk(Role.SUPERVISOR)
    stage.house.store.run(lambda s: credit_holds.announce(s, person, stage.account, now=stage.at))


def _hold(stage: Stage) -> None:
    """A supervisor stops new orders until the oldest invoice is paid, or a plan for it runs."""
    person, release = stage.desk(Role.SUPERVISOR), stage.rows()[0].asked
    reason = "Счёт просрочен больше чем на 40 дней. Новые заказы выполним, как только он будет оплачен."
    stage.house.store.run(
        lambda s: credit_holds.place(
            s, person, stage.account, reason, release,
            terms=credit_holds.HoldTerms(cause=HoldCause.OVERDUE, plan_releases=True), now=stage.at,
        )
    )  # fmt: skip


SCENES = (
    Scene(12, "dispute open", remind),
    Scene(
        4,
        "dispute open",
        question(
            Claim(DisputeReason.WRONG_QUANTITY, (LineClaim(1, accepted=Decimal(260)),)),
            "The third carton was 40 notebooks short. The driver wrote it on the delivery note.",
        ),
    ),
    Scene(
        3,
        "dispute open",
        we_answer("Thank you, Beatrix. Could you send me the delivery note? I have asked the warehouse."),
    ),
    Scene(
        2,
        "dispute open",
        _they_add(
            "Here it is. The other invoice is fine and will be paid.",
            "delivery-note-3316.pdf",
            "Delivery note 3316",
            "Notebooks, A5, ruled: 260 received, 40 missing",
        ),
    ),
    Scene(15, "dispute upheld in part", remind),
    Scene(
        9,
        "dispute upheld in part",
        question(
            Claim(DisputeReason.DAMAGED, (LineClaim(1, accepted=Decimal(380)),)),
            "120 קופסאות הגיעו מעוכות. אי אפשר למכור בהן עוגות.",
        ),
    ),
    Scene(7, "dispute upheld in part", we_answer("תודה, נועה. שאלנו את חברת ההובלות ונחזור אליך.")),
    Scene(
        3,
        "dispute upheld in part",
        uphold(60, "המוביל אישר נזק ב־72 קופסאות. עליהן נתנו זיכוי; השאר הגיעו שלמות."),
    ),
    Scene(16, "dispute refused", remind),
    Scene(
        10,
        "dispute refused",
        question(
            Claim(DisputeReason.WRONG_PRICE, (LineClaim(2, agreed=Decimal(55)),)),
            "A papírtáskát tavasszal még 55 forintért kaptuk.",
        ),
    ),
    Scene(
        5,
        "dispute refused",
        refuse("A tavaszi ajánlat májusig szólt; a szeptemberi rendelésen 64 forint szerepel."),
    ),
    Scene(6, "plan by saved card", remind),
    Scene(0, "plan by saved card", _plan_by_card),
    Scene(8, "plan by link", remind),
    Scene(3, "plan by link", _plan_by_link),
    Scene(5, "plan awaiting approval", remind),
    Scene(1, "plan awaiting approval", _plan_beyond_the_band),
    Scene(13, "offer open", remind),
    Scene(2, "offer open", _offer(92, "A cukrászda év végéig rendezné a régi számláját.")),
    Scene(13, "counter-offer to answer", remind),
    Scene(1, "counter-offer to answer", _counter_offer),
    Scene(14, "offer accepted", remind),
    Scene(5, "offer accepted", _offer(92, "The season is over; they asked to close the account's old part.")),
    Scene(2, "offer accepted", accept_offer("Owner")),
    Scene(17, "offer settled", remind),
    Scene(8, "offer settled", _offer(90, "חוב ישן; הסטודיו משלם מיד אם נוותר על עשירית.")),
    Scene(4, "offer settled", accept_offer("בעלים")),
    Scene(0, "offer settled", _pay_offer),
    Scene(7, "promise open", remind),
    Scene(2, "promise open", _promise(-1)),
    Scene(18, "promise broken", remind),
    Scene(16, "promise broken", _promise(0)),
    Scene(2, "promise broken", days_pass(("promise_tomorrow", "promise_broken"), 14)),
    Scene(9, "says paid", remind),
    Scene(1, "says paid", _says_paid),
    Scene(6, "document requested", remind),
    Scene(1, "document requested", _document),
    Scene(8, "tax withheld", remind),
    Scene(1, "tax withheld", _tax_withheld),
    Scene(9, "hardship", remind),
    Scene(1, "hardship", _hardship),
    Scene(14, "credit hold", remind),
    Scene(8, "credit hold", _announce),
    Scene(3, "credit hold", _hold),
    Scene(1, "early-payment discount", remind),
    Scene(4, "head office", remind),
    Scene(4, "branch, harbour", remind),
    Scene(4, "branch, mill", remind),
)
