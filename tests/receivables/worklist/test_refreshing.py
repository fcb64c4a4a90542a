"""The ranking's rows: worked out from the books, once a day and after every act."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.accounts import Account, FlagKind, Segment
from models.arrangements import Promise
from models.bank_lines import BankLines
from models.messages import CallAttempt
from models.money import Money
from models.pauses import PauseReason
from models.states import MessageStatus, PromiseStatus, advance
from models.work import TaskKind
from models.worklist import WorklistRow
from receivables import bank_lines, credit_holds, flags, outbox, pauses
from receivables.desk import alerts
from receivables.permissions import SYSTEM
from receivables.worklist import refreshing
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.worklist.world import TODAY, World

DAY = timedelta(days=1)


def codes(world: World, account: Account) -> list[str]:
    return [said["code"] for said in world.line(account).why]


def factor(world: World, account: Account, code: str) -> str | None:
    return next((str(percent) for named, percent in world.line(account).factors if named == code), None)


def test_rows_are_what_the_debtor_is_asked_for(world: World) -> None:
    """One row an account and currency; what is not due is not in it, and no currency is mixed."""
    account = world.account((10000, 40), (5000, 12), (7000, 0), (9000, -5))
    world.store.run(
        lambda s: make.an_invoice(s, s.get_one(Account, account.id), total=2000, currency="EUR",
                                  due_on=TODAY - 3 * DAY)
    )  # fmt: skip
    world.rank()
    with world.store.read() as session:
        rows = {r.currency: r for r in session.scalars(select(WorklistRow))}
    assert set(rows) == {"GBP", "EUR"}
    gbp = rows["GBP"]
    assert (gbp.collectable_minor, gbp.oldest_on) == (15000, TODAY - 40 * DAY)
    assert gbp.at_risk_minor == 58  # 100.00 x 0.45 % + 50.00 x 0.25 % = 0.575
    assert gbp.bands == [[10000, "0.45"], [5000, "0.25"]]
    assert gbp.ranked_on == TODAY


def test_agreed_longer_terms_count(world: World) -> None:
    """Domain: follow-up is planned by agreed terms; 30 days more make 40 days late 10."""
    account = world.account((10000, 40), (5000, 12))
    with world.store.write() as session:
        session.get_one(Account, account.id).agreed_days = 30
    world.rank()
    line = world.line(account)
    assert (line.collectable.minor, line.days_late) == (10000, 10)


def test_what_is_paid_leaves_the_list(world: World) -> None:
    account = world.account((10000, 40))
    world.rank()
    assert world.rows() == 1
    with world.store.write() as session:
        session.execute(delete(WorklistRow))
    world.again(account)
    assert world.rows() == 1
    later = NOON - 60 * DAY
    world.again(account, now=later)  # on a day on which it was not late yet
    assert world.rows() == 0


def _promise(status: PromiseStatus, on: int, **more: Any) -> Any:
    def act(session: Session, world: World, account: Account) -> None:
        row = Promise(
            account_id=account.id, amount_minor=900, currency="GBP", promised_on=TODAY + timedelta(days=on),
            status=PromiseStatus.OPEN, made_at=NOON - 20 * DAY, **more,
        )  # fmt: skip
        session.add(row)
        if status is not PromiseStatus.OPEN:
            advance(row, status)

    return act


def _task(kind: TaskKind, due: timedelta = timedelta()) -> Any:
    def act(session: Session, world: World, account: Account) -> None:
        outbox.ask_person(session, kind, f"t:{kind}", account_id=account.id, facts={}, now=NOON + due)

    return act


def _call(talked: bool, ago: timedelta) -> Any:
    def act(session: Session, world: World, account: Account) -> None:
        session.add(
            CallAttempt(account_id=account.id, contact_id=world.contact(session, account).id,
                        staff_id=world.priya.id, talked=talked, outcome="talked" if talked else "no_answer",
                        made_at=NOON - ago)
        )  # fmt: skip

    return act


def _says_paid(session: Session, world: World, account: Account) -> None:
    pauses.pause(session, SYSTEM, session.get_one(Account, account.id), PauseReason.SAYS_PAID, key="p:1",
                 now=NOON, to_on=TODAY + 5 * DAY)  # fmt: skip


def _held(session: Session, world: World, account: Account) -> None:
    credit_holds.place(session, world.ruth, session.get_one(Account, account.id), "late", Money(100, "GBP"),
                       now=NOON)  # fmt: skip


def _flagged(session: Session, world: World, account: Account) -> None:
    flags.raise_flag(session, world.ruth, session.get_one(Account, account.id), FlagKind.ATTORNEY,
                     from_on=TODAY, to_on=None, source="letter", now=NOON)  # fmt: skip


def _bounced(session: Session, world: World, account: Account) -> None:
    row = session.get_one(Account, account.id)
    contact = world.contact(session, account)
    message = outbox.enqueue(
        session, SYSTEM, account=row, contact=contact, channel=outbox.Channel.EMAIL,
        purpose=outbox.Purpose.REMINDER, kind="first_reminder", facts={}, dedupe_key="m:1", now=NOON,
    )  # fmt: skip
    for status in (MessageStatus.SENDING, MessageStatus.SENT, MessageStatus.BOUNCED):
        advance(message, status)
    message.sent_at = NOON - DAY


def _behind(session: Session, world: World, account: Account) -> None:
    session.add(BankLines(creditor_id=world.creditor_id, up_to_on=TODAY - 30 * DAY, staff_id=None,
                          recorded_at=NOON - 30 * DAY))  # fmt: skip
    session.flush()
    assert bank_lines.creditors_behind(session, now=NOON)


@pytest.mark.parametrize(
    ("code", "act"),
    [
        ("promise_open", _promise(PromiseStatus.OPEN, 3)),
        ("promise_due", _promise(PromiseStatus.OPEN, 0)),
        ("promise_broken", _promise(PromiseStatus.BROKEN, -6, judged_at=NOON - DAY)),
        ("call_back", _task(TaskKind.CALL_BACK)),
        ("reply", _task(TaskKind.READ_REPLY)),
        ("spoken_lately", _call(True, DAY)),
        ("tried_lately", _call(False, timedelta(hours=2))),
        ("says_paid", _says_paid),
        ("bound", _flagged),
        ("bounced", _bounced),
        ("on_hold", _held),
        ("bank_behind", _behind),
    ],
)
def test_what_happened_is_a_factor_and_a_reason(world: World, code: str, act: Any) -> None:
    """Promise, dispute, bounce, proof, hold, call: each multiplies, says why, and stands first."""
    account = world.account((400000, 40))
    world.rank()
    before = world.line(account)
    assert [said["code"] for said in before.why] == ["late"]
    world.store.run(lambda s: act(s, world, account))
    world.again(account)
    after = world.line(account)
    percent = factor(world, account, code)
    assert percent is not None
    beside = code in ("bank_behind", "on_hold")
    assert codes(world, account)[-1 if beside else 0] == code
    assert after.at_risk.minor == round(before.at_risk.minor * float(percent))


@pytest.mark.parametrize(
    ("code", "act"),
    [
        ("promise_broken", _promise(PromiseStatus.BROKEN, -40, judged_at=NOON - 15 * DAY)),
        ("call_back", _task(TaskKind.CALL_BACK, DAY)),
        ("spoken_lately", _call(True, 4 * DAY)),
        ("tried_lately", _call(False, timedelta(hours=30))),
    ],
)
def test_what_is_old_or_to_come_is_no_factor(world: World, code: str, act: Any) -> None:
    account = world.account((100000, 40))
    world.store.run(lambda s: act(s, world, account))
    world.rank()
    assert factor(world, account, code) is None


def test_a_pause_that_waits_for_us_takes_the_document_out(world: World) -> None:
    """Nobody is rung about what waits for our own answer."""
    account = world.account((10000, 40))
    world.store.run(
        lambda s: pauses.pause(s, SYSTEM, s.get_one(Account, account.id), PauseReason.AWAITING_OUR_ANSWER,
                               key="a:1", now=NOON)
    )  # fmt: skip
    world.rank()
    assert world.lines() == []
    assert world.rows() == 1


def test_next_is_the_earliest_task_or_rung(world: World) -> None:
    account = world.account((10000, 40))
    with world.store.write() as session:
        outbox.ask_person(session, TaskKind.LADDER_CALL, "t:1", account_id=account.id, facts={}, now=NOON)
        ref = outbox.ask_person(session, TaskKind.CALL_BACK, "t:2", account_id=account.id, facts={},
                                now=NOON - DAY).ref  # fmt: skip
    world.rank()
    line = world.line(account)
    assert (line.next_code, line.next_on) == ("task:call_back", TODAY - DAY)
    world.store.run(lambda s: alerts.finish_task(s, world.priya, ref, reason="rung", now=NOON))
    world.again(account)
    assert world.line(account).next_code == "task:ladder_call"


def test_touched_accounts_are_not_lifted(world: World) -> None:
    """The floor counts from what a person did; what the worklist notes itself is no work."""
    account = world.account((2000, 97))
    world.rank()
    assert codes(world, account) == ["lifted", "late"]
    lifted = world.line(account)
    assert (lifted.at_risk.minor, lifted.lifted_from and lifted.lifted_from.minor) == (670, 4)
    world.store.run(
        lambda s: outbox.note(s, account.id, "worklist.skipped", now=NOON, staff_id=world.priya.id)
    )
    world.again(account)
    assert world.line(account).lifted_from is not None
    world.store.run(lambda s: outbox.note(s, account.id, "call.made", now=NOON, staff_id=world.priya.id))
    world.again(account)
    assert world.line(account).lifted_from is None


def test_a_new_day_is_ranked_once(world: World) -> None:
    """The daily job looks at rows of other days and at what fell due since; a second run at nothing."""
    account = world.account((10000, 10), (5000, -1))
    other = world.account((7000, 0))
    assert world.rank() == [account.id]
    assert world.rank() == []
    tomorrow = NOON + DAY
    assert world.rank(now=tomorrow) == [account.id, other.id]
    assert world.line(account, now=tomorrow).days_late == 11
    assert world.rank(now=tomorrow + DAY) == [account.id, other.id]
    assert world.line(account, now=tomorrow + DAY).collectable.minor == 15000


def test_the_ranking_follows_every_act(world: World) -> None:
    """Decision 16: whatever is done about an account is chained, and ranked anew after it."""
    quiet, account = world.account((10000, 40)), world.account((10000, 40))
    world.rank()
    assert world.store.run(lambda s: refreshing.follow(s, now=NOON)) == 0  # begins at the head
    with world.store.read() as session:
        assert not refreshing.is_behind(session)
    world.store.run(lambda s: _flagged(s, world, account))
    with world.store.read() as session:
        assert refreshing.is_behind(session)
    moment = NOON + timedelta(minutes=1)
    assert world.store.run(lambda s: refreshing.follow(s, now=moment)) == 1
    assert codes(world, account)[0] == "bound"
    with world.store.read() as session:
        at = {r.account_id: r.ranked_at for r in session.scalars(select(WorklistRow))}
        assert not refreshing.is_behind(session)
    assert at == {quiet.id: NOON, account.id: moment}
    assert world.store.run(lambda s: refreshing.follow(s, now=moment)) == 0


def test_following_takes_turns(world: World) -> None:
    accounts = [world.account((10000, 40)) for _ in range(3)]
    world.rank()
    world.store.run(lambda s: refreshing.follow(s, now=NOON))
    for account in accounts:
        world.store.run(lambda s, a=account: _flagged(s, world, a))  # type: ignore[misc]
    looked = []
    while True:
        count = world.store.run(lambda s: refreshing.follow(s, now=NOON, most=2))
        with world.store.read() as session:
            behind = refreshing.is_behind(session)
        looked.append(count)
        if not behind:
            break
    assert len(looked) > 1
    assert {code for account in accounts for code in codes(world, account)} >= {"bound"}


def test_segments_and_collectors_are_those_of_the_account(world: World) -> None:
    account = world.account((10000, 40))
    with world.store.write() as session:
        row = session.get_one(Account, account.id)
        row.segment, row.collector_id = Segment.NO_AGREEMENT, world.tom.id
    world.rank()
    assert factor(world, account, "segment:no_agreement") == "1.4"
    assert [line.ref for line in world.lines(world.tom, whose="mine")] == [account.ref]
    assert world.lines(world.priya, whose="mine") == []
