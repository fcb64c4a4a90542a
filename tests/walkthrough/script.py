"""What each debtor does on which day, and what people of the house decide beside their routine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, time
from typing import Any

from sqlalchemy import select

from models.accounts import Contact, Segment
from models.answers import HardshipCase
from models.arrangements import Offer, Plan
from models.disputes import Dispute, DisputeReason
from models.handovers import Handler, Handover
from models.inbound import ReachEventKind
from models.ladder import LadderMode
from models.links import Channel
from models.messages import Message
from models.money import Money
from models.post import PostLetter
from models.segments import SegmentProposal
from models.states import PostStatus, SegmentStatus
from models.work import Task, TaskKind
from receivables import arrivals, switches
from receivables.answers import hardship
from receivables.arrangements import offer_deciding, offer_making, plan_reads, plans, promises
from receivables.arrangements.plan_terms import Wish
from receivables.contact import reach
from receivables.disputes import opening, outcomes, threads
from receivables.disputes.claims import Claim, LineClaim
from receivables.errors import Refused
from receivables.handovers import placing, remittances
from receivables.payments.quotes import Choice
from receivables.ports import DeliveryWord, Fate, Incoming
from receivables.post import printing
from receivables.segments import moving, sales, terms
from tests.receivables.paying import pay
from tests.walkthrough.cast import AGENCY, DEBTORS, day
from tests.walkthrough.world import Act, World

Do = Callable[[World, str], object]
NETWORK = "198.51.100.0/24"

# --------------------------------------------------------------------------- what a debtor does


def pays(kind: str = "overdue", minor: int | None = None) -> Do:
    """He pays what is overdue, all, or so much, by card behind his link."""

    def do(world: World, who: str) -> None:
        currency = _currency(who)
        amount = Money(minor, currency) if minor else None
        pay(world.house.store, world.account(who), Choice("amount" if minor else kind, currency, (), amount),
            at=world.at)  # fmt: skip

    return do


def promises_to_pay(on: str, minor: int) -> Do:
    def do(world: World, who: str) -> None:
        world.do(
            promises.promise, world.debtor(who), world.account(who), Money(minor, _currency(who)), day(on)
        )

    return do


def disputes_line(number: str, position: int, words: str) -> Do:
    def do(world: World, who: str) -> None:
        ref = next(row.ref for row in world.rows(who) if row.number == number)
        world.do(
            opening.open_dispute, world.debtor(who), ref,
            Claim(DisputeReason.DAMAGED, (LineClaim(position),)), words=words, shown_at=world.at,
        )  # fmt: skip

    return do


def tells_of_difficulty(words: str, could_pay: int) -> Do:
    def do(world: World, who: str) -> None:
        world.do(
            hardship.tell, world.debtor(who), world.account(who), words, Money(could_pay, _currency(who))
        )

    return do


def agrees_to_parts(parts: int, first: str) -> Do:
    """He works a plan out over all that is open and signs it."""

    def do(world: World, who: str) -> None:
        debtor, account = world.debtor(who), world.account(who)
        plan = world.do(
            plans.propose, debtor, account_id=account.id, currency=_currency(who),
            invoice_refs=tuple(row.ref for row in world.rows(who)), wish=Wish(parts, day(first)),
        )  # fmt: skip
        words = world.house.documents.plan_words(plan.terms, "link", account.language)
        signature = plans.Signature(_person(who), "Owner", True, account.language, NETWORK)
        world.do(plans.accept, debtor, plan.ref, digest=plan.terms_digest, signature=signature, words=words)

    return do


def pays_part(world: World, who: str) -> None:
    """He pays the next part of his plan behind its link."""
    (plan,) = world.all(select(Plan).where(Plan.account_id == world.ids[who]))
    choice = world.do(plan_reads.choice, world.debtor(who), plan.ref, "next")
    pay(world.house.store, world.account(who), choice, at=world.at)


def writes(channel: Channel, text: str) -> Do:
    """A reply reaches us by the channel of our last message there."""

    def do(world: World, who: str) -> None:
        world.do(arrivals.take, _incoming(world, who, channel, text))

    return do


def comes_back(code: str = "5.1.1") -> Do:
    """The last mail to him comes back: there is no such address."""

    def do(world: World, who: str) -> None:
        last = _last(world, who, Channel.EMAIL)
        word = DeliveryWord(Fate.DEAD, last.wire_id, _cast(who).email, code)
        world.do(
            arrivals.take,
            Incoming("email", f"<bounce-{who}@mx.example>", "", None, "", automatic=True, words=(word,)),
        )

    return do


# --------------------------------------------------------------------------- what the house does


def goes_live(world: World, who: str) -> None:
    world.do(
        switches.set_mode, world.people["supervisor"], LadderMode.LIVE, daily_ceiling=200,
        reason="Four days of proposals read and found right",
    )  # fmt: skip


def moves_to(segment: Segment, reason: str) -> Do:
    """The collector says which kind of debtor it is, or confirms what the rules propose."""

    def do(world: World, who: str) -> None:
        waiting = world.all(
            select(SegmentProposal).where(
                SegmentProposal.account_id == world.ids[who],
                SegmentProposal.status == SegmentStatus.PROPOSED,
                SegmentProposal.to_segment == segment,
            )
        )
        person = world.people["supervisor"]
        if waiting:
            world.do(moving.confirm, person, waiting[0].ref)
        else:
            world.do(moving.move, person, world.account(who), segment, reason=reason)

    return do


def agrees_terms(days: int, reason: str) -> Do:
    def do(world: World, who: str) -> None:
        world.do(terms.agree_terms, world.people["supervisor"], world.account(who), days, reason=reason)

    return do


def answers_dispute(words: str) -> Do:
    def do(world: World, who: str) -> None:
        dispute = _dispute(world, who)
        world.do(outcomes.take, world.people["collector"], dispute.ref)
        world.do(threads.answer, world.people["collector"], dispute.ref, words=words)

    return do


def upholds_part(minor: int, finding: str) -> Do:
    def do(world: World, who: str) -> None:
        world.do(
            outcomes.uphold, world.people["supervisor"], _dispute(world, who).ref,
            credited=Money(minor, _currency(who)), finding=finding,
        )  # fmt: skip

    return do


def answers_difficulty(world: World, who: str) -> None:
    (case,) = world.all(select(HardshipCase).where(HardshipCase.account_id == world.ids[who]))
    world.do(hardship.answer, world.people["supervisor"], case.ref)


def reads_reply(words: str) -> Do:
    def do(world: World, who: str) -> None:
        _finish(world, who, TaskKind.READ_REPLY, words)

    return do


def finishes(kind: TaskKind, words: str) -> Do:
    def do(world: World, who: str) -> None:
        _finish(world, who, kind, words)

    return do


def warns_early(words: str) -> Do:
    def do(world: World, who: str) -> None:
        world.do(sales.early_warning, world.people["salesperson"], world.account(who), words)

    return do


def asks_48_hours(world: World, who: str) -> None:
    world.do(sales.ask_for_time, world.people["salesperson"], world.account(who))


def learns_wrong_number(world: World, who: str) -> None:
    """The number is somebody else's: nobody rings it again."""
    (contact,) = world.all(select(Contact).where(Contact.account_id == world.ids[who]))
    world.do(reach.learn, contact, Channel.SMS, ReachEventKind.DEAD, why="call:wrong_number")


def letter_returns(world: World, who: str) -> None:
    letters = world.all(
        select(PostLetter)
        .where(PostLetter.account_id == world.ids[who], PostLetter.status == PostStatus.POSTED)
        .order_by(PostLetter.id)
    )

    def unit(s: Any, *, now: Any) -> None:
        printing.mark_returned(s, world.people["collector"], s.get_one(PostLetter, letters[-1].id), now=now)

    world.do(unit)


def makes_offer(percent: int, pay_by: str, reason: str) -> Do:
    def do(world: World, who: str) -> None:
        rows = [row for row in world.rows(who) if row.days_late]
        whole = sum(row.asked.minor for row in rows)
        account = world.account(who)
        world.do(
            offer_making.propose, world.people["collector"], account.ref,
            invoice_refs=[row.ref for row in rows], amount=Money(whole * percent // 100, _currency(who)),
            pay_by_on=day(pay_by), reason=reason,
        )  # fmt: skip
        _finish(world, who, TaskKind.MAKE_OFFER, "Offer made")

    return do


def approves_offer(world: World, who: str) -> None:
    """A supervisor lets an offer go out that is beyond what a collector may give alone."""
    (offer,) = world.all(select(Offer).where(Offer.account_id == world.ids[who]))
    world.do(offer_deciding.approve, world.people["supervisor"], offer.ref, digest=offer.content_digest)


def proposes_handover(reason: str) -> Do:
    """The collector puts the case forward; a refusal is written down by its name."""

    def do(world: World, who: str) -> None:
        try:
            world.do(
                placing.propose, world.people["collector"], world.account(who), _currency(who), reason=reason
            )
        except Refused as refused:
            world.refused.append((who, world.at, "hand-over", refused))

    return do


def prepares_handover(world: World, who: str) -> None:
    """A second person approves the case and chooses who gets it; the worker makes the case file."""
    (handler,) = world.all(select(Handler).where(Handler.name == AGENCY.name))
    world.do(placing.prepare, world.people["second"], _case(world, who).ref, handler.ref)


def places_handover(world: World, who: str) -> None:
    world.do(placing.place, world.people["second"], _case(world, who).ref, world.today(who))


def agency_remits(minor: int) -> Do:
    def do(world: World, who: str) -> None:
        world.do(
            remittances.record_remittance, world.people["supervisor"], _case(world, who).ref,
            reference="HR-7001", collected=Money(minor, _currency(who)), valued_on=world.today(who),
        )  # fmt: skip

    return do


# --------------------------------------------------------------------------- the days


def acts() -> list[Act]:
    """Return everything that happens beside the routine."""
    return [
        *_opening(),
        *_forgetful(),
        *_own_terms(),
        *_problem(),
        *_hardship(),
        *_refuser(),
        *_untraceable(),
    ]


def answers() -> dict[tuple[str, date], str]:
    """What came of ringing somebody up on a day."""
    return {
        ("refuser", day("5 Nov")): "refused",
        ("hardship", day("5 Nov")): "hardship",
        ("problem", day("11 Nov")): "talked",
        ("untraceable", day("16 Nov")): "wrong_number",
        ("forgetful", day("15 Feb")): "talked",
    }


def talks() -> dict[tuple[str, TaskKind], tuple[str, str]]:
    return {("refuser", TaskKind.SALES): ("refuses", "He says business is good and he pays when he likes.")}


def refusals() -> dict[tuple[str, str], str]:
    """Rungs that are refused the first time, and why."""
    return {("untraceable", "freeze_review"): "He orders nothing and nobody finds him: trace him first."}


def _at(who: str, *days: tuple[str, str, Do]) -> Iterable[Act]:
    return [Act(day(on), time.fromisoformat(clock), who, do) for on, clock, do in days]


def _opening() -> Iterable[Act]:
    return _at("forgetful", ("6 Nov", "08:00", goes_live))


def _forgetful() -> Iterable[Act]:
    return _at(
        "forgetful",
        ("9 Nov", "11:00", pays()),
        ("1 Dec", "14:00", pays(minor=30000)),
        ("1 Dec", "14:05", promises_to_pay("10 Dec", 32000)),
        ("10 Dec", "12:00", pays()),
        ("30 Dec", "10:00", pays()),
        ("27 Jan", "12:00", writes(Channel.SMS, "STOP")),
        ("29 Jan", "10:00", pays()),
        ("16 Feb", "10:00", pays("all")),
    )


def _own_terms() -> Iterable[Act]:
    return _at(
        "own-terms",
        ("2 Nov", "16:00", warns_early("Their new hall is late; they stretch everybody to sixty days.")),
        ("3 Nov", "14:00", writes(Channel.EMAIL, "Mi 60 napra fizetünk, november 19-én utalunk.")),
        ("3 Nov", "15:00", reads_reply("They pay on the sixtieth day; terms to be agreed.")),
        ("3 Nov", "15:10", agrees_terms(30, "They have paid on day 60 for years; sales agrees.")),
        ("3 Nov", "15:20", moves_to(Segment.OWN_TERMS, "Pays on his own terms, reliably.")),
        ("19 Nov", "10:00", pays("overdue")),
        ("21 Dec", "10:00", pays("overdue")),
        ("27 Jan", "10:00", pays("overdue")),
    )


def _problem() -> Iterable[Act]:
    return _at(
        "problem",
        ("9 Nov", "13:00", disputes_line("J-301", 2, "שליש מהמשלוח הגיע רטוב")),
        ("10 Nov", "11:00", moves_to(Segment.OPEN_PROBLEM, "Pays once the wet boxes are answered.")),
        ("12 Nov", "11:00", answers_dispute("תודה על התמונות, אנו בודקים עם המחסן")),
        ("22 Nov", "12:00", upholds_part(200000, "מחצית הארגזים הגיעו רטובים")),
        ("23 Nov", "11:00", moves_to(Segment.REMINDER, "Answered; nothing is open but the rest.")),
        ("24 Nov", "12:00", pays("all")),
        ("11 Jan", "13:00", promises_to_pay("20 Jan", 515000)),
        ("20 Jan", "10:00", pays()),
    )


def _hardship() -> Iterable[Act]:
    return _at(
        "hardship",
        ("5 Nov", "14:00", tells_of_difficulty("Главный заказчик разорился, зимой заказов нет.", 50000)),
        ("6 Nov", "11:00", moves_to(Segment.HARDSHIP, "Told us of difficulty; plan to be offered.")),
        ("9 Nov", "11:00", answers_difficulty),
        ("12 Nov", "15:00", agrees_to_parts(4, "26 Nov")),
        ("26 Nov", "15:00", pays_part),
        ("4 Jan", "15:00", pays_part),
        ("26 Jan", "15:00", pays_part),
        ("26 Feb", "15:00", pays_part),
    )


def _refuser() -> Iterable[Act]:
    return _at(
        "refuser",
        ("10 Nov", "18:00", promises_to_pay("17 Nov", 520000)),
        ("24 Nov", "11:00", moves_to(Segment.NO_AGREEMENT, "Promise broken, says he pays when he likes.")),
        ("27 Nov", "12:00", asks_48_hours),
        ("5 Jan", "12:00", proposes_handover("Nobody pays and nothing is disputed.")),
        ("15 Jan", "15:00", makes_offer(85, "29 Jan", "Full and final; saves both sides the agency.")),
        ("15 Jan", "16:00", approves_offer),
        ("3 Feb", "12:00", prepares_handover),
        ("15 Feb", "12:00", places_handover),
        ("26 Feb", "11:00", agency_remits(80000)),
    )


def _untraceable() -> Iterable[Act]:
    return _at(
        "untraceable",
        ("9 Nov", "15:00", comes_back()),
        ("16 Nov", "16:30", learns_wrong_number),
        ("4 Dec", "10:00", letter_returns),
        ("7 Dec", "10:00", moves_to(Segment.UNTRACEABLE, "Mail, telephone and letter all fail.")),
        ("8 Dec", "10:00", finishes(TaskKind.TRACE, "Register: dissolved office, no other address.")),
        ("8 Dec", "11:00", proposes_handover("Cannot be found at any address; the agency traces.")),
        ("9 Dec", "10:00", prepares_handover),
        ("10 Dec", "10:00", places_handover),
    )


# --------------------------------------------------------------------------- parts


def _cast(who: str) -> Any:
    return next(debtor for debtor in DEBTORS if debtor.key == who)


def _currency(who: str) -> str:
    return str(_cast(who).currency)


def _person(who: str) -> str:
    return str(_cast(who).person)


def _dispute(world: World, who: str) -> Dispute:
    return world.all(select(Dispute).where(Dispute.account_id == world.ids[who]))[-1]


def _case(world: World, who: str) -> Handover:
    return world.all(select(Handover).where(Handover.account_id == world.ids[who]).order_by(Handover.id))[-1]


def _last(world: World, who: str, channel: Channel) -> Message:
    return world.all(
        select(Message)
        .where(Message.account_id == world.ids[who], Message.channel == channel, Message.sent_at.is_not(None))
        .order_by(Message.id)
    )[-1]


def _incoming(world: World, who: str, channel: Channel, text: str) -> Incoming:
    sender = _cast(who).email if channel is Channel.EMAIL else _cast(who).phone
    last = _last(world, who, channel)
    answers = (last.wire_id,) if channel is Channel.EMAIL else ()
    name = f"<{who}-{world.at:%Y%m%d%H%M}-{channel.value}@arrivals.example>"
    return Incoming(channel.value, name, sender, None, text, answers=answers)


def _finish(world: World, who: str, kind: TaskKind, words: str) -> None:
    query = select(Task).where(Task.account_id == world.ids[who], Task.kind == kind, Task.done_at.is_(None))
    for task in world.all(query):
        world.finish(task, "collector", words)
