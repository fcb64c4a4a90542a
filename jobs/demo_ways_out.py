"""Play the demo's ways out: disputes, plans, offers, promises, answers, a hold; all by real actions.

Each scene is one act of a debtor, of a person of the desk or of the daily work, so many days ago at
ten in the morning of a working day there. Scenes are played in the order of time. What the stand-in
takes money for is played now, since it lives by the real clock. Source: decision 27; issue of the
portal, "Done when".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import daily
from jobs.demo_customers import WAYS_OUT
from jobs.demo_papers import page
from jobs.demo_players import Player, find_player, pay_by_card, remind, send_all, start
from jobs.demo_seed import working_moment
from jobs.house import House
from models.accounts import Account
from models.answers import AnswerKind
from models.arrangements import Every, Offer, PaysBy, Plan
from models.disputes import Dispute, DisputeReason
from models.money import Money, currency_row, total
from models.staff import Role, Staff
from receivables import credit_holds, files, invoices
from receivables.answers import giving
from receivables.answers.giving import DocumentKind, Facts, PaidBy
from receivables.arrangements import offer_making, offers, plan_reads, plans, promises
from receivables.arrangements.cards import Consent
from receivables.arrangements.plan_terms import Wish
from receivables.calendar_days import at_local, business_date
from receivables.disputes import opening, outcomes, threads
from receivables.disputes.claims import Claim, LineClaim
from receivables.payments.quotes import Choice
from receivables.permissions import Actor, ActorKind
from receivables.policy import current_policy
from receivables.ports import InvoiceRow

#: Where the debtors of the demo agree from: a network that is nobody's.
NETWORK = "198.51.100.0/24"


@dataclass(frozen=True, slots=True)
class Stage:
    """One scene being played: the house, the debtor, the moment."""

    house: House
    player: Player
    base_url: str
    at: datetime

    @property
    def account(self) -> Account:
        return self.player.account

    @property
    def today(self) -> date:
        return business_date(self.at, self.account.zone)

    @property
    def debtor(self) -> Actor:
        return self.player.actor

    def rows(self) -> list[InvoiceRow]:
        """What is open, oldest first."""
        with self.house.store.read() as session:
            return invoices.open_rows(session, self.account.id, self.today, currency=self.player.currency)

    def refs(self) -> tuple[str, ...]:
        return tuple(row.ref for row in self.rows())

    def part(self, percent: int) -> Money:
        """So many percent of what is open, rounded down to what can be paid."""
        currency = self.player.currency
        step = currency_row(currency).step
        whole = total([row.balance for row in self.rows()], currency)
        return Money(whole.minor * percent // 100 // step * step, currency)

    def desk(self, role: Role) -> Actor:
        """The person of a role who works in the debtor's language, else the first of that role."""
        with self.house.store.read() as session:
            people = session.scalars(select(Staff).where(Staff.role == role).order_by(Staff.id)).all()
        person = next((one for one in people if one.language == self.account.language), people[0])
        return Actor(ActorKind.STAFF, id=person.id, role=person.role, name=person.name)

    def last(self, kind: type[Dispute | Offer]) -> Any:
        """What of a kind was begun last for the account."""
        with self.house.store.read() as session:
            query = select(kind).where(kind.account_id == self.account.id).order_by(kind.id.desc())
            return session.scalars(query.limit(1)).one()


def _remind(stage: Stage) -> None:
    remind(stage.house, stage.player, stage.at)


# --------------------------------------------------------------------------- disputes


def _dispute(claim: Claim, words: str) -> Callable[[Stage], object]:
    """The debtor questions his oldest invoice."""

    def act(stage: Stage) -> None:
        ref = stage.refs()[0]
        stage.house.store.run(
            lambda s: opening.open_dispute(
                s, stage.debtor, ref, claim, words=words, shown_at=stage.at, now=stage.at
            )
        )

    return act


def _we_answer(words: str) -> Callable[[Stage], object]:
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


def _uphold(percent: int, finding: str) -> Callable[[Stage], object]:
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


def _refuse(finding: str) -> Callable[[Stage], object]:
    def act(stage: Stage) -> None:
        ref, person = stage.last(Dispute).ref, stage.desk(Role.COLLECTOR)
        stage.house.store.run(lambda s: outcomes.refuse(s, person, ref, finding=finding, now=stage.at))

    return act


# --------------------------------------------------------------------------- plans


def _agree(stage: Stage, wish: Wish, role: str, reason: str = "") -> Plan:
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
    plan = _agree(stage, wish, "Owner")
    language = stage.account.language
    agreed = stage.house.documents.card_words(stage.player.creditor, language)
    consent = Consent("\n".join(agreed), language, NETWORK, plan_ref=plan.ref)
    with stage.house.store.read() as session:
        choice = plan_reads.choice(session, stage.debtor, plan.ref, "next", now=stage.at)
    page_open = start(stage.house, stage.player, stage.base_url, stage.at, choice=choice, consent=consent)
    pay_by_card(stage.house, stage.player, page_open, stage.at)


def _plan_by_link(stage: Stage) -> None:
    _agree(stage, Wish(3, stage.today + timedelta(days=14)), "מנהל")


def _plan_beyond_the_band(stage: Stage) -> None:
    reason = "Главный заказчик платит нам помесячно до лета, поэтому просим девять частей."
    _agree(stage, Wish(9, stage.today + timedelta(days=20)), "Директор", reason)


# --------------------------------------------------------------------------- offers


def _offer(percent: int, reason: str) -> Callable[[Stage], object]:
    """A collector offers to take so much for all that is open."""

    def act(stage: Stage) -> None:
        person, refs, amount = stage.desk(Role.COLLECTOR), stage.refs(), stage.part(percent)
        stage.house.store.run(
            lambda s: offer_making.propose(
                s, person, stage.account.ref, invoice_refs=refs, amount=amount,
                pay_by_on=stage.today + timedelta(days=12), reason=reason, now=stage.at,
            )
        )  # fmt: skip

    return act


def _counter_offer(stage: Stage) -> None:
    amount = stage.part(60)
    stage.house.store.run(
        lambda s: offer_making.counter(
            s, stage.debtor, account_id=stage.account.id, currency=amount.currency, amount=amount,
            pay_by_on=stage.today + timedelta(days=10), name=stage.player.contact.name, now=stage.at,
            reason="Кафе закрывается на зиму. Столько мы можем заплатить сразу, из последней выручки.",
        )
    )  # fmt: skip


def _accept_offer(role: str) -> Callable[[Stage], object]:
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


def _give(stage: Stage, kind: AnswerKind, facts: Facts) -> None:
    stage.house.store.run(lambda s: giving.give(s, stage.debtor, kind, facts, now=stage.at))


def _promise(which: int) -> Callable[[Stage], object]:
    """Promise all that is asked, for one of the days that the page offers."""

    def act(stage: Stage) -> None:
        with stage.house.store.read() as session:
            rules = current_policy(session, stage.at).promises
        on = promises.ready_days(stage.today, stage.account.country, rules)[which]
        _give(stage, AnswerKind.ON_A_DATE, Facts(amount=stage.part(100), on=on))

    return act


def _days_pass(stage: Stage) -> None:
    """The daily work of the days until now: the note before the promised day, then its end."""
    works = [work for work in daily.DAILY if work.name.startswith("promise")]
    for ago in range(14, -1, -1):
        at = at_local(stage.today - timedelta(days=ago), time(10), stage.account.zone)
        for work in works:
            stage.house.store.run(lambda s, w=work, a=at: daily.once(s, w, stage.account.id, now=a))  # type: ignore[misc]
        send_all(stage.house, at)


def _says_paid(stage: Stage) -> None:
    facts = Facts(
        invoices=stage.refs(),
        on=stage.today - timedelta(days=3),
        what=PaidBy.TRANSFER,
        reference="העברה 4471-0142",
        words="שולם בהעברה בנקאית מחשבון המכבסה.",
    )
    _give(stage, AnswerKind.HAVE_PAID, facts)


def _document(stage: Stage) -> None:
    facts = Facts(
        invoices=stage.refs(),
        what=DocumentKind.DELIVERY_NOTE,
        words="A könyvelőnk a szállítólevelet is kéri a számla mellé.",
    )
    _give(stage, AnswerKind.MISSING_DOCUMENT, facts)


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
    _give(stage, AnswerKind.TAX_WITHHELD, facts)


def _hardship(stage: Stage) -> None:
    words = (
        "I lost my work in September and look after my mother. I cannot pay this at once. Could somebody"
        " call me?"
    )
    _give(stage, AnswerKind.HARDSHIP, Facts(words=words, amount=Money(2000, stage.player.currency)))


# --------------------------------------------------------------------------- the rest of the account


def _hold(stage: Stage) -> None:
    """A supervisor stops new orders until the oldest invoice is paid."""
    person, release = stage.desk(Role.SUPERVISOR), stage.rows()[0].asked
    reason = "Счёт просрочен больше чем на 40 дней. Новые заказы выполним, как только он будет оплачен."
    stage.house.store.run(
        lambda s: credit_holds.place(s, person, stage.account, reason, release, now=stage.at)
    )


class Scene(NamedTuple):
    """So many days ago something was done on the account of a case; on day 0 it is done now."""

    days_ago: int
    case: str
    act: Callable[[Stage], object]


SCENES = (
    Scene(12, "dispute open", _remind),
    Scene(
        4,
        "dispute open",
        _dispute(
            Claim(DisputeReason.WRONG_QUANTITY, (LineClaim(1, accepted=Decimal(260)),)),
            "The third carton was 40 notebooks short. The driver wrote it on the delivery note.",
        ),
    ),
    Scene(
        3,
        "dispute open",
        _we_answer("Thank you, Beatrix. Could you send me the delivery note? I have asked the warehouse."),
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
    Scene(15, "dispute upheld in part", _remind),
    Scene(
        9,
        "dispute upheld in part",
        _dispute(
            Claim(DisputeReason.DAMAGED, (LineClaim(1, accepted=Decimal(380)),)),
            "120 קופסאות הגיעו מעוכות. אי אפשר למכור בהן עוגות.",
        ),
    ),
    Scene(7, "dispute upheld in part", _we_answer("תודה, נועה. שאלנו את חברת ההובלות ונחזור אליך.")),
    Scene(
        3,
        "dispute upheld in part",
        _uphold(60, "המוביל אישר נזק ב־72 קופסאות. עליהן נתנו זיכוי; השאר הגיעו שלמות."),
    ),
    Scene(16, "dispute refused", _remind),
    Scene(
        10,
        "dispute refused",
        _dispute(
            Claim(DisputeReason.WRONG_PRICE, (LineClaim(2, agreed=Decimal(55)),)),
            "A papírtáskát tavasszal még 55 forintért kaptuk.",
        ),
    ),
    Scene(
        5,
        "dispute refused",
        _refuse("A tavaszi ajánlat májusig szólt; a szeptemberi rendelésen 64 forint szerepel."),
    ),
    Scene(6, "plan by saved card", _remind),
    Scene(0, "plan by saved card", _plan_by_card),
    Scene(8, "plan by link", _remind),
    Scene(3, "plan by link", _plan_by_link),
    Scene(5, "plan awaiting approval", _remind),
    Scene(1, "plan awaiting approval", _plan_beyond_the_band),
    Scene(13, "offer open", _remind),
    Scene(2, "offer open", _offer(92, "A cukrászda év végéig rendezné a régi számláját.")),
    Scene(13, "counter-offer to answer", _remind),
    Scene(1, "counter-offer to answer", _counter_offer),
    Scene(14, "offer accepted", _remind),
    Scene(5, "offer accepted", _offer(92, "The season is over; they asked to close the account's old part.")),
    Scene(2, "offer accepted", _accept_offer("Owner")),
    Scene(17, "offer settled", _remind),
    Scene(8, "offer settled", _offer(90, "חוב ישן; הסטודיו משלם מיד אם נוותר על עשירית.")),
    Scene(4, "offer settled", _accept_offer("בעלים")),
    Scene(0, "offer settled", _pay_offer),
    Scene(7, "promise open", _remind),
    Scene(2, "promise open", _promise(-1)),
    Scene(18, "promise broken", _remind),
    Scene(16, "promise broken", _promise(0)),
    Scene(2, "promise broken", _days_pass),
    Scene(9, "says paid", _remind),
    Scene(1, "says paid", _says_paid),
    Scene(6, "document requested", _remind),
    Scene(1, "document requested", _document),
    Scene(8, "tax withheld", _remind),
    Scene(1, "tax withheld", _tax_withheld),
    Scene(9, "hardship", _remind),
    Scene(1, "hardship", _hardship),
    Scene(14, "credit hold", _remind),
    Scene(3, "credit hold", _hold),
    Scene(1, "early-payment discount", _remind),
    Scene(4, "head office", _remind),
    Scene(4, "branch, harbour", _remind),
    Scene(4, "branch, mill", _remind),
)


def play(house: House, *, base_url: str, now: datetime) -> None:
    """Play every scene, the oldest first, and send what each brings."""
    with house.store.read() as session:
        cast = {customer.case: find_player(session, customer) for customer in WAYS_OUT}
    latest: dict[str, datetime] = {}
    for scene in sorted(SCENES, key=lambda scene: -scene.days_ago):
        player = cast[scene.case]
        at = working_moment(now - timedelta(days=scene.days_ago), player.account.zone)
        if scene.case in latest:  # around a weekend two acts can fall on one day
            at = max(at, latest[scene.case] + timedelta(hours=2))
        latest[scene.case] = at
        stage = Stage(house, player, base_url, at if scene.days_ago else now)
        scene.act(stage)
        send_all(house, stage.at)
