"""The demo shows the whole ladder at once: each case stands as it is named (decision 27; issue C).

The last run is that of the last working day of each place, so no test here counts steps of one rung: near
a holiday a document meets it some days later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest
from sqlalchemy import func, select

from assembly import House, assemble
from jobs import demo_ladder_customers as cases
from jobs import demo_paper_steps, demo_seed, demo_stage
from models.accounts import Account, Segment
from models.costs import Charge
from models.handovers import Handler, Handover, Remittance
from models.inbound import InboundKind, InboundMessage
from models.ladder import LadderMode, LadderPosition, LadderStep
from models.links import Channel
from models.messages import CallAttempt, Message
from models.post import PostLetter
from models.rules import RulesKind
from models.segments import EarlyWarning, SegmentProposal
from models.staff import Role
from models.states import ChargeStatus, HandoverStatus, MessageStatus, SegmentStatus, StepStatus
from models.work import Task, TaskKind
from receivables import bank_lines, rule_drafts, switches
from receivables.calendar_days import business_date
from receivables.costs import charges
from receivables.errors import Refused
from receivables.handovers import placing
from receivables.handovers import reads as handovers
from receivables.ladder import steps
from receivables.ladder.reads import batches
from receivables.ladder.rungs import preset, read_ladder
from receivables.permissions import SYSTEM, Actor
from receivables.segments import moving, sales
from tests.jobs.demo_played import Played
from tests.proof import check


def values(played: Played, column: Any, case: str) -> Sequence[Any]:
    """One column of the rows on the account of a case, the oldest first."""
    with played.house.store.read() as s:
        kind = column.class_
        return s.scalars(
            select(column).where(kind.account_id == played.account(s, case).id).order_by(kind.id)
        ).all()


def test_a_pilot_goes_by_itself_and_the_rest_is_proposed(played: Played) -> None:
    """Go-live without regret: several batches wait, what was done was done for the pilot or approved."""
    with played.house.store.read() as s:
        assert switches.in_force(s).mode is LadderMode.PILOT
        rungs = {(one.ladder, one.rung) for one in batches(s, SYSTEM)}
        by_itself = select(Account.in_pilot).join(LadderStep, LadderStep.account_id == Account.id)
        alone = s.scalars(
            by_itself.where(LadderStep.status == StepStatus.DONE, LadderStep.decided_by_id.is_(None))
        ).all()
    assert len(rungs) >= 5
    assert len(alone) > 10
    assert all(alone)


@pytest.mark.parametrize("case", [cases.RUNG_UP, cases.WAITING_LETTER, cases.ORDER])
def test_what_the_ladder_did_is_in_the_mailbox(played: Played, case: str) -> None:
    """A first reminder for each, told once; the order climbs the ladder of prepayments."""
    done = values(played, LadderStep.rung, case)
    assert done[:1] == ["courtesy"]
    assert done.count("first_reminder") == 1
    sent = values(played, Message.kind, case)
    assert ("prepayment_due" if case == cases.ORDER else "first_reminder") in sent
    assert set(values(played, LadderStep.ladder, case)) == {"prepayment" if case == cases.ORDER else "gentle"}


def test_who_did_not_answer_is_rung_again_today(played: Played) -> None:
    """C-01: the call is written down, its task waits for this afternoon."""
    assert values(played, CallAttempt.outcome, cases.RUNG_UP) == ["voicemail"]
    with played.house.store.read() as s:
        account = played.account(s, cases.RUNG_UP)
        task = s.scalars(
            select(Task).where(Task.account_id == account.id, Task.kind == TaskKind.LADDER_CALL)
        ).one()
        assert task.done_at is None
        assert business_date(task.due_at, account.zone) == business_date(played.now, account.zone)


@pytest.mark.parametrize(
    ("case", "letters"),
    [
        (cases.WAITING_LETTER, [("official_letter", "waiting")]),
        (cases.PRINTED_LETTER, [("official_letter", "printed")]),
        (cases.WARNED, [("formal_warning", "waiting")]),
        (cases.PROPOSED_CASE, [("formal_warning", "posted")]),
        (cases.HANDED_OVER, [("formal_warning", "posted"), ("handover_notice", "posted")]),
        (cases.CAME_BACK, [("official_letter", "returned")]),
    ],
)
def test_letters_stand_in_every_place_of_the_post(
    played: Played, case: str, letters: list[tuple[str, str]]
) -> None:
    """The paper of each is real: it was set in type where it was printed."""
    found = zip(values(played, PostLetter.kind, case), values(played, PostLetter.status, case), strict=True)
    assert [(kind, status.value) for kind, status in found] == letters
    for file_id, (_, status) in zip(values(played, PostLetter.file_id, case), letters, strict=True):
        assert (file_id is None) is (status == "waiting")


def test_most_accounts_get_post(played: Played) -> None:
    with played.house.store.read() as s:
        addresses = s.scalars(select(Account.postal_address)).all()
    lacking = [address for address in addresses if address is None]
    assert 0 < len(lacking) < len(addresses) / 5
    assert "{" not in "".join(filter(None, addresses))


def test_interest_of_a_contract_is_proposed_issued_and_waived(played: Played) -> None:
    """M-16: by the rate that was agreed with the account, on its three late invoices."""
    assert sorted(status.value for status in values(played, Charge.status, cases.INTEREST)) == [
        "issued", "proposed", "waived",
    ]  # fmt: skip
    assert set(values(played, Charge.percent, cases.INTEREST)) == {"12"}


def test_one_case_is_proposed_and_one_is_with_the_agency(played: Played) -> None:
    """The link of who was handed over names who asks for it now; the first money is posted."""
    assert [one.value for one in values(played, Handover.status, cases.PROPOSED_CASE)] == ["proposed"]
    placed = played.one(Handover, cases.HANDED_OVER)
    assert placed.status.value == "placed"
    assert placed.case_file_id is not None
    with played.house.store.read() as s:
        holder = played.holder(s, cases.HANDED_OVER)
        [now_with] = handovers.now_with(s, holder, account_id=holder.account_id or 0)
        assert now_with.name == demo_paper_steps.AGENCY
        sent = s.scalars(select(Remittance).where(Remittance.handover_id == placed.id)).one()
        assert sent.commission_minor * 100 == sent.collected_minor * 15
        assert set(s.scalars(select(Handler.name))) == {demo_paper_steps.AGENCY, demo_paper_steps.LAW_FIRM}


def test_each_kind_of_debtor_is_there_and_some_wait(played: Played) -> None:
    with played.house.store.read() as s:
        assert set(s.scalars(select(Account.segment))) == set(Segment)
        waiting = s.scalars(
            select(SegmentProposal.to_segment).where(SegmentProposal.status == SegmentStatus.PROPOSED)
        ).all()
    assert set(waiting) == {Segment.HARDSHIP, Segment.OPEN_PROBLEM}


def test_terms_and_ladders_of_their_own(played: Played) -> None:
    with played.house.store.read() as s:
        later, strict = (played.account(s, case) for case in (cases.LONGER_TERMS, cases.OWN_LADDER))
        assert (later.agreed_days, strict.ladder) == (30, "strict")
        positions = s.scalars(select(LadderPosition.ladder).where(LadderPosition.account_id == strict.id))
        assert set(positions) == {"strict"}


@pytest.mark.parametrize(
    ("case", "waits_for"), [("promise open", "paused:promise"), (cases.TALKING, "paused:sales_talk")]
)
def test_what_holds_the_ladder_back(played: Played, case: str, waits_for: str) -> None:
    with played.house.store.read() as s:
        theirs = LadderPosition.account_id == played.account(s, case).id
        assert set(s.scalars(select(LadderPosition.waits_for).where(theirs))) == {waits_for}


def test_sales_hears_first_and_speaks_up(played: Played) -> None:
    """A firm step waits for the salesperson's notice; he warned of one customer himself."""
    assert len(values(played, EarlyWarning.words, cases.WARNING)) == 1
    with played.house.store.read() as s:
        firm = s.execute(
            select(Account, LadderStep.rung)
            .join(LadderStep, LadderStep.account_id == Account.id)
            .where(LadderStep.status == StepStatus.PROPOSED, Account.salesperson_id.is_not(None))
        ).all()
        held = [row for row in firm if not sales.notice_given(s, *row, now=played.now)]
        seller = s.scalar(
            select(func.count()).where(Task.kind == TaskKind.SALES, Task.assigned_to_id.is_not(None))
        )
    assert seller
    # Around a weekend the day of notice may be over for all of them by now.
    assert firm
    assert len(held) <= len(firm)


def test_what_reached_us(played: Played) -> None:
    """C-07: a reply to be read, STOP obeyed, a dead address learned, a stranger's mail for a person."""
    with played.house.store.read() as s:
        rows = s.execute(
            select(InboundMessage.channel, InboundMessage.kind, InboundMessage.outcome,
                   InboundMessage.account_id)
        ).all()  # fmt: skip
        known = {r.outcome: r for r in rows}
        accounts = {
            case: played.account(s, case).id for case in (cases.STOPPED, cases.REPLIED, cases.CAME_BACK)
        }
    assert set(known) == {"task", "stop", "dead", "unknown_sender"}
    assert known["task"].account_id == accounts[cases.REPLIED]
    assert (known["stop"].channel, known["stop"].account_id) == (Channel.SMS, accounts[cases.STOPPED])
    assert (known["dead"].kind, known["dead"].account_id) == (InboundKind.BOUNCE, accounts[cases.CAME_BACK])
    assert known["unknown_sender"].account_id is None


@pytest.mark.parametrize(
    ("case", "reason"), [(cases.STOPPED, "opted_out"), (cases.CAME_BACK, "dead_address")]
)
def test_what_was_not_sent_says_why(played: Played, case: str, reason: str) -> None:
    with played.house.store.read() as s:
        [reasons] = s.scalars(
            select(Message.reasons).where(
                Message.account_id == played.account(s, case).id, Message.status == MessageStatus.SUPPRESSED
            )
        ).all()
    assert reasons == [reason]


def test_the_bank_is_read_to_yesterday_and_rules_wait_for_a_second_person(played: Played) -> None:
    """A-02: the draft is a whole ladder, another than the shipped one, and nobody has decided it."""
    with played.house.store.read() as s:
        stands = bank_lines.stands(s, SYSTEM, now=played.now)
        [draft] = rule_drafts.views(s, SYSTEM, RulesKind.LADDER)
    assert len(stands) == 4
    assert all(one.up_to_on is not None and not one.behind for one in stands)
    assert draft.status.value == "proposed"
    assert read_ladder(draft.body).rung("official_letter").day != preset("gentle").rung("official_letter").day


def test_its_links_are_printed_in_a_room_of_their_own() -> None:
    assert demo_seed.ROOMS["The ladder"] == tuple(customer.case for customer in cases.LADDER)


def test_a_salesperson_can_log_in(played: Played) -> None:
    with played.house.store.read() as s:
        account = played.account(s, cases.WARNING)
    assert account.salesperson_id is not None
    assert Role.SALESPERSON in {role for _, _, role, _ in demo_seed.STAFF}


def test_the_books_stay_sound_when_somebody_presses_around(played: Played, tmp_path: Path) -> None:
    """`make check` on a copy of the books in which a supervisor approved and issued whatever he could."""
    copy = tmp_path / "copy.db"
    with connect(played.house.settings.DATABASE_URL.removeprefix("sqlite:///")) as ours, connect(copy) as new:
        ours.backup(new)
    house = assemble(played.house.settings.model_copy(update={"DATABASE_URL": f"sqlite:///{copy}"}))
    try:
        with house.store.read() as s:
            supervisor = demo_stage.person_of(s, Role.SUPERVISOR)
            rows = s.scalars(select(LadderStep.ref).where(LadderStep.status == StepStatus.PROPOSED)).all()
            kinds = s.scalars(
                select(SegmentProposal.ref).where(SegmentProposal.status == SegmentStatus.PROPOSED)
            ).all()
            issued = s.scalars(select(Charge.ref).where(Charge.status == ChargeStatus.PROPOSED)).all()
            case = s.scalars(select(Handover.ref).where(Handover.status == HandoverStatus.PROPOSED)).one()
            firm = s.scalars(select(Handler.ref).where(Handler.name == demo_paper_steps.LAW_FIRM)).one()
        done = [
            pressed(house, act, supervisor, *facts, now=played.now, **more)
            for act, facts, more in (
                *((steps.decide, (ref,), {"approve": True}) for ref in rows),
                *((moving.confirm, (ref,), {}) for ref in kinds),
                *((charges.issue, (ref,), {}) for ref in issued),
                (placing.prepare, (case, firm), {}),
            )
        ]
    finally:
        house.press.close()
        house.store.dispose()
    assert done.count(True) > len(done) / 2
    found = check(f"sqlite:///{copy}", stripe_log=played.stripe_log, mailbox=played.mailbox)
    assert found.returncode == 0, found.stdout + found.stderr


def pressed(house: House, act: Callable[..., Any], actor: Actor, *facts: Any, **more: Any) -> bool:
    """Do one act, or be refused by name."""
    try:
        house.store.run(lambda s: act(s, actor, *facts, **more))
    except Refused:
        return False
    return True
