"""Claims, skips, assignments and bulk acts, and who comes too late."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from models.accounts import Account
from models.links import Channel
from models.messages import Message, Purpose
from models.staff import Role
from models.states import MessageStatus, PromiseStatus, advance
from models.worklist import Assignment, BulkKind, SkipReason, WorklistClaim, WorklistSkip
from receivables.contact import reminders, rules
from receivables.contact.rules import may_contact
from receivables.errors import NotAllowed, Refused
from receivables.permissions import Actor
from receivables.policy import current_policy
from receivables.worklist import assigning, bulk, claiming, going_on, skipping
from receivables.worklist.bulk import Chosen
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.races import together
from tests.receivables.worklist.test_refreshing import _promise
from tests.receivables.worklist.world import TODAY, World

DAY = timedelta(days=1)


def claim(world: World, actor: Actor, account: Account, *, now=NOON) -> WorklistClaim:  # type: ignore[no-untyped-def]
    return world.store.run(lambda s: claiming.claim(s, actor, account.ref, now=now))


def skip(world: World, actor: Actor, account: Account, until=TODAY + 4 * DAY, **more) -> WorklistSkip:  # type: ignore[no-untyped-def]
    chosen = {"reason": SkipReason.ASKED_LATER, "words": "", **more}
    return world.store.run(lambda s: skipping.skip(s, actor, account.ref, until_on=until, now=NOON, **chosen))


def collector(world: World, account: Account) -> int | None:
    with world.store.read() as session:
        return session.scalars(select(Account.collector_id).where(Account.id == account.id)).one()


def give(world: World, actor: Actor, accounts: list[Account], to: str, *, days: tuple[int, int | None],
         note: str = "pays on Fridays") -> list[Assignment]:  # fmt: skip
    def unit(session):  # type: ignore[no-untyped-def]
        rows = [claiming.locked(session, account.ref) for account in accounts]
        last = TODAY + days[1] * DAY if days[1] is not None else None
        return assigning.assign(session, actor, rows, assigning.person(session, world.refs[to]),
                                from_on=TODAY + days[0] * DAY, to_on=last, note=note, now=NOON)  # fmt: skip

    return world.store.run(unit)


# --------------------------------------------------------------------------- claims


@pytest.mark.parametrize("_", range(REPEATS))
def test_of_many_who_claim_one_wins(world: World, _: int) -> None:
    """One collector at a time, on both databases; the losers are told who was first."""
    account = world.account((10000, 40))
    actors = [world.priya, world.tom, world.ruth]
    outcomes = together(3, lambda n: claim(world, actors[n], account))
    won = [outcome for outcome in outcomes if isinstance(outcome, WorklistClaim)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert (len(won), [error.code for error in lost]) == (1, ["claimed_already"] * 2)


def test_the_database_holds_one_claim_an_account(world: World) -> None:
    account = world.account((10000, 40))
    claim(world, world.priya, account)
    with pytest.raises(IntegrityError), world.store.write() as session:
        session.connection().execute(
            WorklistClaim.__table__.insert(),
            {"account_id": account.id, "staff_id": world.tom.id, "claimed_at": NOON,
             "expires_at": NOON + DAY},
        )  # fmt: skip


def test_a_claim_is_renewed_and_times_out(world: World) -> None:
    account = world.account((10000, 40))
    claim(world, world.priya, account)
    half = NOON + timedelta(minutes=30)
    assert claim(world, world.priya, account, now=half).expires_at == half + timedelta(minutes=45)
    with pytest.raises(Refused, match="claimed_already"):
        claim(world, world.tom, account, now=NOON + timedelta(minutes=60))
    late = NOON + timedelta(minutes=75)
    assert claim(world, world.tom, account, now=late).staff_id == world.tom.id


def test_a_claim_ends_by_its_holder_or_a_supervisor(world: World) -> None:
    account = world.account((10000, 40))
    claim(world, world.priya, account)
    with pytest.raises(NotAllowed):
        world.store.run(lambda s: claiming.release(s, world.tom, account.ref, now=NOON))
    world.store.run(lambda s: claiming.release(s, world.ruth, account.ref, now=NOON))
    assert claim(world, world.tom, account).staff_id == world.tom.id


# --------------------------------------------------------------------------- skips


def test_a_skipped_account_comes_back_on_its_day(world: World) -> None:
    account = world.account((10000, 40))
    world.rank()
    claim(world, world.priya, account)
    skip(world, world.priya, account)
    assert world.lines() == []
    with world.store.read() as session:
        assert claiming.claimed(session, account.id, now=NOON) is None
    before, on = NOON + 3 * DAY, NOON + 4 * DAY
    world.rank(now=before)
    assert world.lines(now=before) == []
    world.rank(now=on)
    assert [line.ref for line in world.lines(now=on)] == [account.ref]


def test_news_brings_it_back_earlier(world: World) -> None:
    """Comes back when: on its day, or when a promise breaks, a reply comes, a dispute ends."""
    account = world.account((10000, 40))
    world.rank()
    skip(world, world.priya, account)
    broken = _promise(PromiseStatus.BROKEN, -3, judged_at=NOON + timedelta(minutes=1))
    world.store.run(lambda s: broken(s, world, account))
    world.again(account)
    assert [line.ref for line in world.lines()] == [account.ref]


def test_a_second_skip_takes_the_place_of_the_first(world: World) -> None:
    account = world.account((10000, 40))
    first, second = skip(world, world.priya, account), skip(world, world.tom, account, TODAY + 9 * DAY)
    with world.store.read() as session:
        ends = {row.id: row.ended_at for row in session.scalars(select(WorklistSkip))}
    assert ends == {first.id: NOON, second.id: None}
    with pytest.raises(NotAllowed):
        world.store.run(lambda s: skipping.undo(s, world.priya, second.ref, now=NOON))


@pytest.mark.parametrize(
    ("until", "more", "code"),
    [
        (TODAY, {}, "day_past"), (TODAY + 31 * DAY, {}, "day_too_late"),
        (TODAY + DAY, {"reason": SkipReason.OTHER}, "reason_missing"),
        (TODAY + DAY, {"words": "x" * 501}, "words_too_long"),
    ],
)  # fmt: skip
def test_skips_that_cannot_be(world: World, until, more, code: str) -> None:  # type: ignore[no-untyped-def]
    account = world.account((10000, 40))
    with pytest.raises(Refused, match=code):
        skip(world, world.priya, account, until, **more)


# --------------------------------------------------------------------------- assignments


def test_for_good(world: World) -> None:
    account = world.account((10000, 40))
    world.rank()
    give(world, world.ruth, [account], "Tom Okafor", days=(0, None))
    assert collector(world, account) == world.tom.id
    assert [line.ref for line in world.lines(world.tom, whose="mine")] == [account.ref]
    with world.store.read() as session:
        assert assigning.lent(session, world.ruth) == []


def test_for_the_days_of_an_absence(world: World) -> None:
    """Who, from, to, given back: by the daily job on the account's own date, once."""
    account = world.account((10000, 40))
    give(world, world.ruth, [account], "Tom Okafor", days=(0, None))
    give(world, world.tom, [account], "Priya Shah", days=(2, 5))
    turn = lambda day: world.store.run(lambda s: assigning.turn_over(s, now=NOON + day * DAY))  # noqa: E731
    assert (turn(1), collector(world, account)) == (0, world.tom.id)
    assert (turn(2), collector(world, account)) == (1, world.priya.id)
    assert (turn(5), collector(world, account)) == (0, world.priya.id)
    assert (turn(6), collector(world, account)) == (1, world.tom.id)
    assert turn(7) == 0


def test_given_back_early_by_those_it_is_about(world: World) -> None:
    account, other = world.account((10000, 40)), world.account((5000, 40))
    give(world, world.ruth, [account, other], "Tom Okafor", days=(0, None))
    batch = give(world, world.tom, [account, other], "Priya Shah", days=(0, 5))[0].batch
    with world.store.read() as session:
        shown = assigning.lent(session, world.priya)
    assert [(one.from_name, one.to_name, one.accounts, one.begun) for one in shown] == [
        ("Tom Okafor", "Priya Shah", 2, True)
    ]
    assert world.store.run(lambda s: assigning.give_back(s, world.priya, batch, now=NOON)) == 2
    assert collector(world, account) == world.tom.id
    assert world.store.run(lambda s: assigning.give_back(s, world.priya, batch, now=NOON)) == 0


def test_nobody_gives_away_what_is_anothers(world: World) -> None:
    account = world.account((10000, 40))
    give(world, world.ruth, [account], "Tom Okafor", days=(0, None))
    with pytest.raises(NotAllowed):
        give(world, world.priya, [account], "Priya Shah", days=(0, None))
    with pytest.raises(Refused, match="same_collector"):
        give(world, world.ruth, [account], "Tom Okafor", days=(0, None))
    with pytest.raises(Refused, match="note_missing"):
        give(world, world.ruth, [account], "Priya Shah", days=(0, None), note=" ")
    with pytest.raises(Refused, match="days_reversed"):
        give(world, world.ruth, [account], "Priya Shah", days=(3, 1))
    give(world, world.ruth, [account], "Priya Shah", days=(0, 3))
    with pytest.raises(Refused, match="lent_already"):
        give(world, world.ruth, [account], "Ruth Adler", days=(0, None))


# --------------------------------------------------------------------------- on to the next


def on(world: World, actor: Actor, account: Account, *, now=NOON) -> str | None:  # type: ignore[no-untyped-def]
    return world.store.run(lambda s: going_on.next_after(s, actor, account.ref, now=now))


def holders(world: World) -> dict[int, int]:
    with world.store.read() as session:
        return {row.account_id: row.staff_id for row in session.scalars(select(WorklistClaim))}


def test_the_next_is_the_first_that_nobody_works_on(world: World) -> None:
    """One at a time: what is done is let go, a colleague's account and a claim of his stay his."""
    big, middle, small, his = (world.account((total, 40)) for total in (90000, 50000, 10000, 80000))
    give(world, world.ruth, [his], "Tom Okafor", days=(0, None))
    world.rank()
    claim(world, world.priya, big)
    claim(world, world.tom, middle)
    assert on(world, world.priya, big) == small.ref
    assert holders(world) == {middle.id: world.tom.id, small.id: world.priya.id}
    claim(world, world.tom, big)
    assert on(world, world.priya, small) is None
    assert holders(world) == {middle.id: world.tom.id, big.id: world.tom.id}


def test_going_on_leaves_somebody_elses_claim(world: World) -> None:
    """Not even who may assign ends a colleague's claim by going on."""
    account, other = world.account((90000, 40)), world.account((10000, 40))
    world.rank()
    claim(world, world.tom, account)
    assert on(world, world.ruth, account) == other.ref
    assert holders(world) == {account.id: world.tom.id, other.id: world.ruth.id}
    with pytest.raises(NotAllowed):
        on(world, replace(world.priya, role=Role.AUDITOR), account)


@pytest.mark.parametrize("_", range(REPEATS))
def test_two_who_go_on_at_once_get_different_accounts(world: World, _: int) -> None:
    accounts = [world.account((total, 40)) for total in (90000, 80000, 70000, 60000)]
    world.rank()
    claim(world, world.priya, accounts[0])
    claim(world, world.tom, accounts[1])
    actors = [world.priya, world.tom]
    got = together(2, lambda n: on(world, actors[n], accounts[n]))
    assert len(set(got)) == 2
    assert set(holders(world).values()) == {world.priya.id, world.tom.id}


# --------------------------------------------------------------------------- many at once


def do(world: World, actor: Actor, chosen: Chosen, accounts: list[Account], *, now=NOON) -> str:  # type: ignore[no-untyped-def]
    refs = [account.ref for account in accounts]
    return world.store.run(lambda s: bulk.do(s, actor, chosen, refs, now=now)).ref


def made(world: World, ref: str) -> bulk.Made:
    with world.store.read() as session:
        return bulk.made(session, world.ruth, ref)


def undo(world: World, ref: str, *, now=NOON) -> None:  # type: ignore[no-untyped-def]
    world.store.run(lambda s: bulk.undo(s, world.ruth, ref, now=now))


def test_reminders_wait_and_are_undone_while_unsent(world: World) -> None:
    """Bulk acts with preview and undo while unsent: what left is named, what waits is stopped."""
    accounts = [world.account((10000, 40)) for _ in range(3)]
    accounts.append(world.account((10000, -5), with_contact=False))
    refs = [account.ref for account in accounts]
    with world.store.read() as session:
        planned = bulk.preview(session, world.ruth, BulkKind.REMIND, refs, now=NOON)
    assert [(line.outcome, line.messages) for line in planned] == [("done", 1)] * 3 + [("nothing_open", 0)]
    ref = do(world, world.ruth, Chosen(BulkKind.REMIND), accounts)
    shown = made(world, ref)
    assert sorted(line.outcome for line in shown.lines) == ["done", "done", "done", "no_contact"]
    assert shown.leaves_at == NOON + timedelta(minutes=10)
    with world.store.write() as session:
        first = session.scalars(select(Message).order_by(Message.id)).first()
        assert first is not None
        advance(first, MessageStatus.SENDING)
    undo(world, ref)
    undone = {line.ref: line.undone for line in made(world, ref).lines}
    assert list(undone.values()).count("undone") == 2
    assert undone[accounts[0].ref] == "left"
    with world.store.read() as session:
        statuses = [message.status for message in session.scalars(select(Message).order_by(Message.id))]
    assert statuses == [MessageStatus.SENDING, MessageStatus.STOPPED, MessageStatus.STOPPED]


def test_what_was_undone_can_be_sent_again_the_same_day(world: World) -> None:
    """Undoing gives the day back; a reminder that waits or has left keeps it (INV-8)."""
    account = world.account((10000, 40))
    undo(world, do(world, world.ruth, Chosen(BulkKind.REMIND), [account]))
    later = NOON + timedelta(hours=1)
    again = do(world, world.ruth, Chosen(BulkKind.REMIND), [account], now=later)
    assert [(line.outcome, line.messages) for line in made(world, again).lines] == [("done", 1)]
    third = do(world, world.priya, Chosen(BulkKind.REMIND), [account], now=later + timedelta(minutes=1))
    assert [line.outcome for line in made(world, third).lines] == ["reminded_already"]
    undo(world, again, now=later)
    world.store.run(lambda s: reminders.remind(s, world.priya, s.get_one(Account, account.id), now=later))
    with world.store.write() as session:
        first, second, last = session.scalars(select(Message).order_by(Message.id))
        assert [first.status, second.status, last.status] == [
            MessageStatus.STOPPED, MessageStatus.STOPPED, MessageStatus.QUEUED,
        ]  # fmt: skip
        advance(last, MessageStatus.SENDING)
    fourth = do(world, world.ruth, Chosen(BulkKind.REMIND), [account], now=later + timedelta(minutes=2))
    assert [line.outcome for line in made(world, fourth).lines] == ["reminded_already"]


def test_a_day_that_was_claimed_before_it_was_undone_stays_claimed(world: World) -> None:
    """What tried to leave once has used the day, whatever becomes of it (C-02, INV-8)."""
    account = world.account((10000, 40))
    ref = do(world, world.ruth, Chosen(BulkKind.REMIND), [account])
    with world.store.write() as session:
        message = session.scalars(select(Message)).one()
        contact = world.contact(session, account)
        held = session.get_one(Account, account.id)
        decision = may_contact(
            session, held, contact, channel=message.channel, purpose=message.purpose,
            currency=message.currency, policy=current_policy(session, NOON), now=NOON,
        )  # fmt: skip
        assert decision.allowed
        rules.claim(session, message, decision, now=NOON)
    undo(world, ref)
    do(world, world.ruth, Chosen(BulkKind.REMIND), [account], now=NOON + timedelta(hours=1))
    with world.store.read() as session:
        held = session.get_one(Account, account.id)
        later = may_contact(
            session, held, world.contact(session, account), channel=Channel.EMAIL,
            purpose=Purpose.REMINDER, currency="GBP", policy=current_policy(session, NOON),
            now=NOON + timedelta(hours=1),
        )  # fmt: skip
    assert not later.allowed
    assert "already_today" in later.reasons


def test_reassigned_and_put_off_together_and_back(world: World) -> None:
    accounts = [world.account((10000, 40)) for _ in range(2)]
    world.rank()
    claim(world, world.priya, accounts[0])
    to = Chosen(BulkKind.REASSIGN, to=world.refs["Tom Okafor"], from_on=TODAY, words="on holiday")
    ref = do(world, world.ruth, to, accounts)
    outcomes = {line.ref: line.outcome for line in made(world, ref).lines}
    assert outcomes == {accounts[0].ref: "claimed_already", accounts[1].ref: "done"}
    assert [collector(world, account) for account in accounts] == [None, world.tom.id]
    undo(world, ref)
    assert collector(world, accounts[1]) is None
    off = Chosen(BulkKind.PUT_OFF, from_on=TODAY + 2 * DAY, words="bank holiday")
    ref = do(world, world.priya, off, accounts)
    assert world.lines() == []
    undo(world, ref)
    assert len(world.lines()) == 2


def test_what_is_anothers_stays_his(world: World) -> None:
    """The preview and the act say the same of an account that is not one's own."""
    account = world.account((10000, 40))
    give(world, world.ruth, [account], "Tom Okafor", days=(0, None))
    with world.store.read() as session:
        planned = bulk.preview(session, world.priya, BulkKind.REASSIGN, [account.ref], now=NOON)
    chosen = Chosen(BulkKind.REASSIGN, to=world.refs["Priya Shah"], from_on=TODAY, words="mine")
    ref = do(world, world.priya, chosen, [account])
    assert [line.outcome for line in planned] == ["not_yours"]
    assert [line.outcome for line in made(world, ref).lines] == ["not_yours"]
    assert collector(world, account) == world.tom.id


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        (Chosen(BulkKind.PUT_OFF, words="x"), "day_missing"),
        (Chosen(BulkKind.PUT_OFF, from_on=TODAY, words="x"), "day_past"),
        (Chosen(BulkKind.PUT_OFF, from_on=TODAY + DAY), "reason_missing"),
        (Chosen(BulkKind.REASSIGN, to="nobody", from_on=TODAY, words="x"), "not_chasing"),
    ],
)
def test_what_is_wrong_for_all_is_done_for_none(world: World, chosen: Chosen, code: str) -> None:
    account = world.account((10000, 40))
    with pytest.raises(Refused, match=code):
        do(world, world.ruth, chosen, [account])
    with pytest.raises(Refused, match="nothing_chosen"):
        do(world, world.ruth, chosen, [])
