"""The demo's ladder: steps done and proposed, calls, other terms, what sales and debtors say.

Letters, charges and hand-overs are acts of demo_paper_steps.py. All of it by real actions, played between
the other stories; the run of the last working day comes after them. Source: decision 27; issue of the
ladder, "Done when".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import demo_ladder_customers as cases
from jobs import demo_paper_steps as paper_steps
from jobs.demo_players import send_all
from jobs.demo_stage import Scene, Stage, person_of, remind
from jobs.house import House
from models.accounts import Account, Segment
from models.creditors import Creditor
from models.ladder import LadderMode, LadderStep
from models.links import Channel
from models.messages import Message
from models.rules import RulesKind
from models.segments import SegmentProposal
from models.staff import Role
from models.states import MessageStatus, SegmentStatus, StepStatus
from models.work import Task, TaskKind
from receivables import bank_lines, policy, rule_drafts, switches
from receivables.calendar_days import at_local, business_date, is_business_day
from receivables.contact import inbound
from receivables.desk import called
from receivables.handovers import handlers
from receivables.ladder import own_ladders, steps
from receivables.ladder.choosing import ladders_in_force
from receivables.ladder.rungs import preset_body
from receivables.policy import current_policy
from receivables.ports import DeliveryWord, Fate, Incoming
from receivables.segments import moving, proposing, sales, terms

#: Since when the house of the demo has these rules, days.
SINCE = 100
#: From the run at ten to when nothing of its day waits for its hour any more.
AFTER_NOON = timedelta(hours=3)

# --------------------------------------------------------------------------- before any story


def open_house(house: House, now: datetime) -> None:
    """Put the rules in force: a pilot of some accounts, interest where a contract names it, two handlers."""
    then = now - timedelta(days=SINCE)

    def unit(session: Session) -> None:
        supervisor = person_of(session, Role.SUPERVISOR)
        body = policy.current_body(session, then).replace(
            "contract_interest = false", "contract_interest = true"
        )
        why = "Interest is asked for where it was agreed with the customer"
        policy.publish(session, body, reason=why, author_id=supervisor.id, now=then)
        switches.set_mode(
            session, supervisor, LadderMode.PILOT, daily_ceiling=200, now=then,
            reason="First weeks: the pilot accounts by themselves, every other step is looked at",
        )  # fmt: skip
        for facts in paper_steps.HANDLERS:
            handlers.add_handler(session, supervisor, facts, now=then)

    house.store.run(unit)


# --------------------------------------------------------------------------- the ladder itself


def _climb(days: int) -> Callable[[Stage], object]:
    """The ladder's run of each of so many days until the scene, and what left on them."""

    def act(stage: Stage) -> None:
        for ago in range(days, -1, -1):
            at = at_local(stage.today - timedelta(days=ago), time(10), stage.account.zone)
            _run(stage.house, [stage.account.id], at)
            if ago:  # what a rung says at noon
                send_all(stage.house, at + AFTER_NOON)

    return act


def _run(house: House, account_ids: list[int], at: datetime) -> None:
    def unit(session: Session) -> None:
        steps.climb(
            session, account_ids, ladders=ladders_in_force(session, at), policy=current_policy(session, at),
            now=at,
        )  # fmt: skip

    house.store.run(unit)
    send_all(house, at)


def _approve(role: Role) -> Callable[[Stage], object]:
    """Somebody lets the proposed steps of the account be done."""

    def act(stage: Stage) -> None:
        person = stage.desk(role)

        def unit(session: Session) -> None:
            query = select(LadderStep.ref).where(
                LadderStep.account_id == stage.account.id, LadderStep.status == StepStatus.PROPOSED
            )
            for ref in session.scalars(query).all():
                steps.decide(session, person, ref, approve=True, now=stage.at)

        stage.house.store.run(unit)

    return act


def _own_ladder(stage: Stage) -> None:
    person, reason = stage.desk(Role.COLLECTOR), "שתי הבטחות בטלפון לא קוימו; אין טעם להזכיר שוב בנימוס."

    def unit(session: Session) -> None:
        account = session.get_one(Account, stage.account.id)
        moving.move(session, person, account, Segment.NO_AGREEMENT, reason=reason, now=stage.at)
        own_ladders.choose_ladder(session, person, account, "strict", reason=reason, now=stage.at)

    stage.house.store.run(unit)


def _longer_terms(stage: Stage) -> None:
    supervisor, reason = stage.desk(Role.SUPERVISOR), "The school pays when the term's fees are in."

    def unit(session: Session) -> None:
        account = session.get_one(Account, stage.account.id)
        terms.agree_terms(session, supervisor, account, 30, reason=reason, now=stage.at)
        moving.move(session, supervisor, account, Segment.OWN_TERMS, reason=reason, now=stage.at)

    stage.house.store.run(unit)


def _ring_up(stage: Stage) -> None:
    """Nobody answers; he is to be rung again today at four."""
    person, again = stage.desk(Role.COLLECTOR), at_local(_today(stage), time(16), stage.account.zone)

    def unit(session: Session) -> None:
        asked = session.scalar(
            select(Task.ref).where(
                Task.account_id == stage.account.id, Task.kind == TaskKind.LADDER_CALL, Task.done_at.is_(None)
            )
        )
        ref, contact, task = stage.account.ref, stage.player.contact.ref, asked or ""
        decision = called.ask(session, person, ref, contact=contact, task=task, now=stage.at)
        if decision.allowed:
            called.write_down(
                session, person, ref, contact=contact, task=task, talked=False, outcome="voicemail",
                follows=called.Next("call", again), words="Voicemail; the shop opens again in the afternoon.",
                now=stage.at,
            )  # fmt: skip

    stage.house.store.run(unit)


def _today(stage: Stage) -> date:
    return business_date(stage.now, stage.account.zone)


# --------------------------------------------------------------------------- sales, kinds, answers


def _warn_early(stage: Stage) -> None:
    seller, words = stage.desk(Role.SALESPERSON), "Their shop in York is closing; ask before the next order."
    stage.house.store.run(
        lambda s: sales.early_warning(s, seller, s.get_one(Account, stage.account.id), words, now=stage.at)
    )


def _ask_for_time(stage: Stage) -> None:
    seller = stage.desk(Role.SALESPERSON)
    stage.house.store.run(
        lambda s: sales.ask_for_time(s, seller, s.get_one(Account, stage.account.id), now=stage.at)
    )


def _judge_kind(stage: Stage) -> None:
    """The books speak for another kind of debtor; a person decides."""

    def unit(session: Session) -> None:
        account = session.get_one(Account, stage.account.id, with_for_update=True)
        proposing.propose_segments(session, account, today=stage.today, now=stage.at)

    stage.house.store.run(unit)


def _confirm_kind(stage: Stage) -> None:
    supervisor = stage.desk(Role.SUPERVISOR)
    _judge_kind(stage)

    def unit(session: Session) -> None:
        waiting = select(SegmentProposal.ref).where(
            SegmentProposal.account_id == stage.account.id, SegmentProposal.status == SegmentStatus.PROPOSED
        )
        moving.confirm(session, supervisor, session.scalars(waiting).one(), now=stage.at)

    stage.house.store.run(unit)


def _arrives(stage: Stage, incoming: Incoming) -> None:
    stage.house.store.run(lambda s: inbound.receive(s, incoming, now=stage.at))


def _last_mail(stage: Stage) -> str:
    with stage.house.store.read() as session:
        query = select(Message.wire_id).where(
            Message.account_id == stage.account.id, Message.channel == Channel.EMAIL,
            Message.status == MessageStatus.SENT,
        )  # fmt: skip
        return session.scalars(query.order_by(Message.id.desc()).limit(1)).one() or ""


def _replies(stage: Stage) -> None:
    words = "Köszönöm az emlékeztetőt. A számlát pénteken utaljuk, de kérek egy másolatot a szállítólevélről."
    address = stage.player.contact.email or ""
    _arrives(
        stage,
        Incoming("email", "<reply-10864@borostyan.example>", address, "Re: Számla", words,
                 answers=(_last_mail(stage),)),
    )  # fmt: skip


def _says_stop(stage: Stage) -> None:
    _arrives(stage, Incoming("sms", "sms-20022-1", stage.player.contact.phone or "", None, "STOP"))


def _bounces(stage: Stage) -> None:
    word = DeliveryWord(Fate.DEAD, _last_mail(stage), stage.player.contact.email, "5.1.1")
    _arrives(
        stage,
        Incoming("email", "<dsn-10858@mx.example>", "mailer-daemon@mx.example", "Undelivered mail", "",
                 automatic=True, words=(word,)),
    )  # fmt: skip


# --------------------------------------------------------------------------- after all stories


def close_day(house: House, now: datetime) -> None:
    """Let everybody climb on his last working day; the bank's lines, a stranger's mail, a draft of rules."""
    for account_ids, at in _towns(house, now):
        _run(house, account_ids, at)

    def unit(session: Session) -> None:
        accountant, collector = person_of(session, Role.ACCOUNTANT), person_of(session, Role.COLLECTOR)
        for creditor in session.scalars(select(Creditor).order_by(Creditor.id)).all():
            yesterday = business_date(now, creditor.zone) - timedelta(days=1)
            bank_lines.record_lines(session, accountant, creditor.code, yesterday, now=now)
        inbound.receive(
            session,
            Incoming("email", "<unknown-1@heron.example>", "office@heron.example", "Your letter",
                     "We have moved. Who is this invoice for, and where did you send it?"),
            now=now,
        )  # fmt: skip
        rule_drafts.put_forward(
            session, collector, RulesKind.LADDER, name="gentle",
            body=preset_body("gentle").replace("day = 7\n", "day = 10\n"), effective_on=None,
            zone="Europe/London", reason="A week was too soon: half of them pay before the tenth day",
            now=now,
        )  # fmt: skip

    house.store.run(unit)


def _towns(house: House, now: datetime) -> Iterator[tuple[list[int], datetime]]:
    """The accounts of each creditor, and ten in the morning of its last working day."""
    with house.store.read() as session:
        creditors = session.scalars(select(Creditor).order_by(Creditor.id)).all()
        theirs = {
            creditor.id: list(
                session.scalars(
                    select(Account.id).where(Account.creditor_id == creditor.id).order_by(Account.id)
                )
            )
            for creditor in creditors
        }
    for creditor in creditors:
        day = business_date(now, creditor.zone)
        if at_local(day, time(10), creditor.zone) > now:
            day -= timedelta(days=1)
        while not is_business_day(day, creditor.country):
            day -= timedelta(days=1)
        yield theirs[creditor.id], at_local(day, time(10), creditor.zone)


SCENES = (
    Scene(1, cases.RUNG_UP, _climb(9)),
    Scene(1, cases.RUNG_UP, _ring_up),
    Scene(1, cases.WAITING_LETTER, _climb(14)),
    Scene(2, cases.PRINTED_LETTER, _climb(14)),
    Scene(1, cases.PRINTED_LETTER, paper_steps.print_letters),
    Scene(12, cases.WARNED, remind),
    Scene(2, cases.WARNED, _climb(3)),
    Scene(1, cases.WARNED, _approve(Role.SUPERVISOR)),
    Scene(20, cases.INTEREST, paper_steps.agree_interest),
    Scene(20, cases.INTEREST, remind),
    Scene(0, cases.INTEREST, paper_steps.charge),
    Scene(40, cases.PROPOSED_CASE, remind),
    Scene(23, cases.PROPOSED_CASE, paper_steps.letter("formal_warning")),
    Scene(22, cases.PROPOSED_CASE, paper_steps.post_letters),
    Scene(1, cases.PROPOSED_CASE, paper_steps.propose_case("Three calls and two letters without an answer.")),
    Scene(70, cases.HANDED_OVER, remind),
    Scene(52, cases.HANDED_OVER, paper_steps.letter("formal_warning")),
    Scene(51, cases.HANDED_OVER, paper_steps.post_letters),
    Scene(30, cases.HANDED_OVER, paper_steps.propose_case("They order elsewhere now and answer nobody.")),
    Scene(29, cases.HANDED_OVER, paper_steps.prepare_case),
    Scene(28, cases.HANDED_OVER, paper_steps.post_letters),
    Scene(13, cases.HANDED_OVER, paper_steps.place_case),
    Scene(3, cases.HANDED_OVER, paper_steps.remit),
    Scene(25, cases.CAME_BACK, remind),
    Scene(24, cases.CAME_BACK, _bounces),
    Scene(14, cases.CAME_BACK, paper_steps.letter("official_letter")),
    Scene(13, cases.CAME_BACK, paper_steps.post_letters),
    Scene(2, cases.CAME_BACK, paper_steps.came_back),
    Scene(6, cases.LONGER_TERMS, _longer_terms),
    Scene(8, cases.OWN_LADDER, remind),
    Scene(5, cases.OWN_LADDER, _own_ladder),
    Scene(1, cases.ORDER, _climb(13)),
    Scene(12, cases.TALKING, remind),
    Scene(1, cases.TALKING, _ask_for_time),
    Scene(2, cases.WARNING, _warn_early),
    Scene(9, cases.STOPPED, remind),
    Scene(7, cases.STOPPED, _says_stop),
    Scene(3, cases.STOPPED, remind),
    Scene(3, cases.REPLIED, remind),
    Scene(2, cases.REPLIED, _replies),
    # Kinds of debtor: two confirmed, two that wait.
    Scene(1, "dispute open", _confirm_kind),
    Scene(1, "hardship answered", _confirm_kind),
    Scene(1, "hardship", _judge_kind),
    Scene(1, "dispute just opened, another to answer, cheque", _judge_kind),
)
