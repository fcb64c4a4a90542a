"""A promise: made, changed once, waited for, kept by money of its time, or broken and one rung on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from jobs.daily import DAILY, once
from models.accounts import Account, Contact
from models.arrangements import Promise
from models.ledger import LedgerCode
from models.links import Channel, LinkScope
from models.messages import Message, Purpose
from models.money import Money
from models.pauses import Pause, PauseReason
from models.payments import Payment, PaymentMethod
from models.reversals import ReversalCause
from models.states import MessageStatus, PromiseStatus
from models.store import Store
from models.work import Interaction, Task
from receivables import consequences, ledger, letters, pauses
from receivables.arrangements import promises
from receivables.contact import reminders, rules
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import SYSTEM, Actor
from receivables.policy import default_policy
from receivables.reversals import taking
from tests import factories as make
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.races import together

#: A Thursday; the next Thursday is a working day in Britain, and two of grace end on Monday.
TODAY = date(2026, 11, 19)
THURSDAY, MONDAY = date(2026, 11, 26), date(2026, 11, 30)
FULL = Money(10000, "GBP")


@dataclass
class World:
    """One account that owes £100.00, and the person behind its link."""

    store: Store
    account: Account
    actor: Actor

    def promise(
        self, amount: Money = FULL, on: date = THURSDAY, *, now: datetime = NOON, actor: Actor | None = None
    ) -> Promise:
        return self.act(lambda s, a: promises.promise(s, actor or self.actor, a, amount, on, now=now))

    def act(self, unit: Callable[[Session, Account], Promise]) -> Promise:
        return self.store.run(lambda s: unit(s, s.get_one(Account, self.account.id)))

    def pay(self, minor: int, *, valued_on: date, now: datetime) -> Payment:
        """Money that came, with its entry, followed by everything that waits for it."""

        def unit(s: Session) -> Payment:
            account = s.get_one(Account, self.account.id, with_for_update=True)
            amount = Money(minor, "GBP")
            entry = ledger.post(
                s, SYSTEM,
                ledger.Draft(
                    creditor_id=account.creditor_id, reference=f"payment:{now.isoformat()}:{minor}",
                    kind="payment", currency="GBP", effective_on=valued_on,
                    sides=[
                        ledger.debit(LedgerCode.BANK, amount),
                        ledger.credit(LedgerCode.UNAPPLIED_CREDIT, amount, account_id=account.id),
                    ],
                ),
                now=now,
            )  # fmt: skip
            payment = Payment(
                number=f"PC-{entry.id}", account_id=account.id, method=PaymentMethod.BANK_TRANSFER,
                amount_minor=minor, currency="GBP", received_at=now, valued_on=valued_on, entry_id=entry.id,
            )  # fmt: skip
            s.add(payment)
            s.flush()
            consequences.follow_payment(s, payment, now=now)
            return payment

        return self.store.run(unit)

    def daily(self, day: date) -> None:
        """All the work of a day for this account, at eight in the morning."""
        moment = datetime.combine(day, NOON.timetz()) - timedelta(hours=2)
        for work in DAILY:
            if self.account.id in self.store.run(lambda s, w=work: list(w.concerns(s, day))):  # type: ignore[misc]
                self.store.run(lambda s, w=work: once(s, w, self.account.id, now=moment))  # type: ignore[misc]

    def row(self) -> Promise:
        with self.store.read() as s:
            return s.scalars(select(Promise).order_by(Promise.id.desc())).first() or pytest.fail("none")

    def messages(self) -> list[tuple[str, str]]:
        with self.store.read() as s:
            rows = s.scalars(select(Message).order_by(Message.id))
            return [(m.kind, m.channel.value) for m in rows if m.purpose is not Purpose.REMINDER]

    def held(self, day: date) -> list[PauseReason]:
        with self.store.read() as s:
            return pauses.paused_by(pauses.standing(s, self.account.id, day), currency="GBP")


def world_on(store: Store, **more: object) -> World:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s), phone="+441134960142", **more)  # type: ignore[arg-type]
        make.an_invoice(s, account, total=10000)
        contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).one()
    return World(store, account, make.holder_actor(account, contact))


@pytest.fixture
def world(store: Store) -> World:
    return world_on(store)


@pytest.fixture
def sqlite_world(sqlite_store: Store) -> World:
    return world_on(sqlite_store)


def refusal(act: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as error:
        act()
    return error.value


# --------------------------------------------------------------------------- made


def test_made_it_stands_still_and_is_told(world: World) -> None:
    """domain.md, C-05: pause to date and grace, noted for collectors at once, confirmed by mail."""
    made = world.promise()
    assert (made.status, made.amount_minor, made.promised_on) == (PromiseStatus.OPEN, 10000, THURSDAY)
    assert world.held(MONDAY) == [PauseReason.PROMISE]
    assert world.held(MONDAY + timedelta(days=1)) == []
    assert world.messages() == [("promise_recorded", "email")]
    with world.store.read() as s:
        noted = s.scalars(select(Interaction).where(Interaction.kind == "promise.made")).one()
    assert noted.facts == {"amount_minor": 10000, "currency": "GBP", "on": "2026-11-26"}


def test_the_reminder_is_refused_and_a_queued_one_held_back(world: World) -> None:
    """C-05: reminders honour the pause when they are asked for and when they would leave."""
    with world.store.write() as s:
        queued = reminders.remind(s, SYSTEM, s.get_one(Account, world.account.id), now=NOON)[0]
    world.promise()
    with world.store.write() as s:
        account, contact = s.get_one(Account, world.account.id), s.get_one(Contact, queued.contact_id)
        decision = rules.may_contact(
            s, account, contact, channel=Channel.EMAIL, purpose=Purpose.REMINDER, currency="GBP",
            policy=default_policy(), now=NOON, message_id=queued.id,
        )  # fmt: skip
        assert decision.reasons == ("paused:promise",)
        assert not letters.is_still_true(s, s.get_one(Message, queued.id), account, now=NOON)
        with pytest.raises(Refused, match="paused"):
            reminders.remind(s, SYSTEM, account, now=NOON + timedelta(days=1))


@pytest.mark.parametrize(
    ("on", "code", "facts"),
    [
        (TODAY, "day_past", {"first": date(2026, 11, 20)}),
        (date(2026, 11, 1), "day_past", {"first": date(2026, 11, 20)}),
        (date(2026, 12, 4), "day_beyond", {"last": date(2026, 12, 3)}),
        (date(2026, 11, 28), "day_off", {"near": MONDAY}),
    ],
)
def test_days_that_cannot_be_promised(
    sqlite_world: World, on: date, code: str, facts: dict[str, date]
) -> None:
    """Issue B, bad input: past, today, beyond the horizon, a Saturday; each says what can be."""
    error = refusal(lambda: sqlite_world.promise(on=on))
    assert (error.code, error.facts) == (code, facts)


def test_holidays_are_those_of_the_account(sqlite_store: Store) -> None:
    """Issue B: Christmas is a working day where it is one; the last days of the horizon look back."""
    before_christmas = datetime(2026, 12, 16, 10, tzinfo=NOON.tzinfo)
    british = world_on(sqlite_store)
    error = refusal(lambda: british.promise(on=date(2026, 12, 25), now=before_christmas))
    assert (error.code, error.facts) == ("day_off", {"near": date(2026, 12, 29)})
    israeli = world_on(sqlite_store)
    with sqlite_store.write() as s:
        s.get_one(Account, israeli.account.id).country = "IL"
    assert israeli.promise(on=date(2026, 12, 24), now=before_christmas).status is PromiseStatus.OPEN
    assert promises.ready_days(date(2026, 12, 11), "GB", default_policy().promises)[-1] == date(2026, 12, 24)


@pytest.mark.parametrize(
    ("minor", "code"), [(0, "amount_zero"), (-1, "amount_negative"), (10001, "amount_above_balance")]
)
def test_amounts_that_cannot_be_promised(sqlite_world: World, minor: int, code: str) -> None:
    """Issue B, bad input: nothing, less than nothing, more than is asked for."""
    assert refusal(lambda: sqlite_world.promise(Money(minor, "GBP"))).code == code


def test_nothing_is_asked_in_that_currency(sqlite_world: World) -> None:
    assert refusal(lambda: sqlite_world.promise(Money(100, "EUR"))).code == "nothing_to_promise"


def test_who_may_promise(sqlite_world: World) -> None:
    """Decision 6, L-15: not by a link that staff hold, not for another account."""
    taken = replace(sqlite_world.actor, scope=LinkScope.VIEW_AND_PAY)
    with pytest.raises(NotAllowed):
        sqlite_world.promise(actor=taken)
    stranger = world_on(sqlite_world.store)
    with pytest.raises(NotFound):
        sqlite_world.promise(actor=stranger.actor)
    ref = sqlite_world.promise().ref
    for read in (promises.view, promises.withdraw):
        with pytest.raises(NotFound), sqlite_world.store.write() as s:
            read(s, stranger.actor, ref, now=NOON)


# --------------------------------------------------------------------------- changed, taken back


def test_the_same_promise_again_is_the_first(sqlite_world: World) -> None:
    """A form sent twice is one promise and one message."""
    assert sqlite_world.promise().id == sqlite_world.promise(now=NOON + timedelta(minutes=1)).id
    assert sqlite_world.messages() == [("promise_recorded", "email")]


def test_changed_once(world: World) -> None:
    """Issue B, part 5: another day takes its place and its pause; a third one is refused by name."""
    first = world.promise()
    second = world.promise(on=date(2026, 12, 2), now=NOON + timedelta(days=1))
    assert second.changes_id == first.id
    with world.store.read() as s:
        assert s.get_one(Promise, first.id).status is PromiseStatus.SUPERSEDED
        view = promises.view(s, world.actor, second.ref, now=NOON)
    assert (view.may_change, view.waited_until) == (False, date(2026, 12, 4))
    assert world.held(date(2026, 12, 4)) == [PauseReason.PROMISE]
    error = refusal(lambda: world.promise(on=MONDAY, now=NOON + timedelta(days=2)))
    assert (error.code, error.facts) == ("promise_changed_before", {"on": date(2026, 12, 2)})


def test_taken_back_reminders_go_on_and_it_counts_as_a_change(world: World) -> None:
    """Promise, withdrawal, promise: no way to push the day on for ever."""
    first = world.promise()
    later = NOON + timedelta(days=1)
    for _ in range(2):
        world.act(lambda s, _a: promises.withdraw(s, world.actor, first.ref, now=later))
    assert world.row().status is PromiseStatus.WITHDRAWN
    assert world.held(later.date()) == []
    again = world.promise(on=date(2026, 12, 2), now=later)
    assert again.changes_id == first.id
    world.act(lambda s, _a: promises.withdraw(s, world.actor, again.ref, now=later))
    assert refusal(lambda: world.promise(on=MONDAY, now=later)).code == "promise_changed_before"
    much_later = later + timedelta(days=15)
    assert world.promise(on=much_later.date() + timedelta(days=3), now=much_later).changes_id is None


def test_one_open_for_each_currency(world: World) -> None:
    """domain.md: one an account and currency; the database holds it too."""
    with world.store.write() as s:
        make.an_invoice(s, s.get_one(Account, world.account.id), total=500, currency="EUR")
    world.promise()
    world.promise(Money(500, "EUR"))
    with world.store.read() as s:
        assert s.execute(text("SELECT count(*) FROM promise WHERE status = 'open'")).scalar() == 2


def test_two_devices_at_once_leave_one_promise(world: World) -> None:
    """Issue B, bad input: opposite things on two devices; one stands, the other changed it or is told."""
    for number in range(REPEATS):
        now = NOON + timedelta(days=40 * number)
        days = [promises.ready_days(now.date(), "GB", default_policy().promises)[n] for n in (0, 1)]
        outcomes = together(4, lambda n, now=now, days=days: world.promise(on=days[n % 2], now=now))  # type: ignore[misc]
        with world.store.read() as s:
            rows = s.scalars(select(Promise).where(Promise.made_at == now).order_by(Promise.id)).all()
            assert [r.status for r in rows] == [PromiseStatus.SUPERSEDED, PromiseStatus.OPEN], outcomes
            standing = s.scalars(select(Pause).where(Pause.ended_at.is_(None), Pause.started_at == now)).all()
            assert len(standing) == 1
        world.act(lambda s, _a, r=rows[-1].ref, n=now: promises.withdraw(s, world.actor, r, now=n))  # type: ignore[misc]


def test_promise_and_reminder_at_once(world: World) -> None:
    """C-05, race: whichever comes first, no reminder may leave once the promise stands."""

    def owner(s: Session) -> Account:
        return s.get_one(Account, world.account.id)

    for number in range(REPEATS):
        now = NOON + timedelta(days=40 * number)
        day = promises.ready_days(now.date(), "GB", default_policy().promises)[1]

        def remind(now: datetime = now) -> object:
            def unit(s: Session) -> list[int]:
                return [m.id for m in reminders.remind(s, SYSTEM, owner(s), now=now)]

            return world.store.run(unit)

        acts: list[Callable[[], object]] = [
            remind, lambda now=now, day=day: world.promise(on=day, now=now), remind,  # type: ignore[misc]
        ]  # fmt: skip
        for outcome in together(3, lambda n, acts=acts: acts[n]()):  # type: ignore[misc]
            assert not isinstance(outcome, Exception) or str(outcome) == "paused", outcome
        with world.store.read() as s:
            queued = s.scalars(select(Message).where(Message.status == MessageStatus.QUEUED)).all()
            chasing = [m for m in queued if m.purpose is Purpose.REMINDER]
            assert not any(letters.is_still_true(s, m, owner(s), now=now) for m in chasing)
        ref = world.row().ref
        world.act(lambda s, _a, ref=ref, now=now: promises.withdraw(s, world.actor, ref, now=now))  # type: ignore[misc]


# --------------------------------------------------------------------------- kept


@pytest.mark.parametrize(("parts", "kept"), [((9000,), True), ((8999,), False), ((4000, 5000), True)])
def test_kept_at_ninety_percent(world: World, parts: tuple[int, ...], kept: bool) -> None:
    """domain.md: at 90 % of the amount, in one payment or several, the pause ends with it."""
    world.promise()
    for number, minor in enumerate(parts):
        world.pay(minor, valued_on=TODAY, now=NOON + timedelta(minutes=number + 1))
    row = world.row()
    assert row.status is (PromiseStatus.KEPT if kept else PromiseStatus.OPEN)
    assert row.received_minor == sum(parts)
    assert world.held(TODAY) == ([] if kept else [PauseReason.PROMISE])


def test_money_counts_by_when_it_was_initiated(sqlite_world: World) -> None:
    """domain.md: learned of late, but valued within the grace, it keeps; valued after, it does not."""
    sqlite_world.promise()
    sqlite_world.pay(5000, valued_on=MONDAY + timedelta(days=1), now=NOON + timedelta(days=12))
    assert (sqlite_world.row().status, sqlite_world.row().received_minor) == (PromiseStatus.OPEN, 0)
    sqlite_world.pay(9500, valued_on=MONDAY, now=NOON + timedelta(days=13))
    assert sqlite_world.row().status is PromiseStatus.KEPT


def test_money_of_before_the_promise_does_not_count(sqlite_world: World) -> None:
    sqlite_world.pay(9500, valued_on=TODAY, now=NOON - timedelta(hours=1))
    sqlite_world.promise()
    sqlite_world.pay(1, valued_on=TODAY, now=NOON + timedelta(hours=1))
    assert sqlite_world.row().received_minor == 1


def test_a_reversed_payment_breaks_what_it_kept(sqlite_world: World) -> None:
    """domain.md: kept→broken (payment reversed); one that was not needed changes nothing."""
    sqlite_world.promise()
    small = sqlite_world.pay(500, valued_on=TODAY, now=NOON + timedelta(minutes=1))
    large = sqlite_world.pay(9000, valued_on=TODAY, now=NOON + timedelta(minutes=2))
    for payment, status in ((small, PromiseStatus.KEPT), (large, PromiseStatus.BROKEN)):

        def reverse(s: Session, payment: Payment = payment) -> None:
            taking.take_back(
                s, SYSTEM, taking.lock_payment(s, payment.id), Money(payment.amount_minor, "GBP"),
                cause=ReversalCause.MISTAKE, source=f"test:{payment.id}", at=NOON,
                now=NOON + timedelta(days=1),
            )  # fmt: skip

        sqlite_world.store.run(reverse)
        assert sqlite_world.row().status is status
    assert sqlite_world.row().received_minor == 0


# --------------------------------------------------------------------------- the days of it


def test_a_note_the_day_before_once(world: World) -> None:
    """Issue B, part 5: mail and SMS, on the day before and no other, and only while it is open."""
    world.promise()
    for ahead in (7, 2, 1, 1):
        world.daily(THURSDAY - timedelta(days=ahead))
    notes = [m for m in world.messages() if m[0] == "promise_due_tomorrow"]
    assert notes == [("promise_due_tomorrow", "email"), ("promise_due_tomorrow", "sms")]
    with world.store.read() as s:
        note = s.scalars(select(Message).where(Message.kind == "promise_due_tomorrow")).first()
        assert note is not None
        assert note.purpose is Purpose.ARRANGEMENT
        account = s.get_one(Account, world.account.id)
        assert letters.is_still_true(s, note, account, now=NOON)
    world.pay(10000, valued_on=TODAY, now=NOON + timedelta(minutes=1))
    with world.store.read() as s:
        assert not letters.is_still_true(s, note, account, now=NOON)


def test_broken_after_date_and_grace_by_the_daily_work(world: World) -> None:
    """domain.md: not a day early; a notice and a task, one rung and not a jump."""
    world.promise()
    world.daily(MONDAY)
    assert world.row().status is PromiseStatus.OPEN
    for _ in range(2):
        world.daily(MONDAY + timedelta(days=1))
    assert world.row().status is PromiseStatus.BROKEN
    assert world.messages()[-1] == ("promise_broken", "email")
    with world.store.read() as s:
        assert [t.kind.value for t in s.scalars(select(Task))] == ["promise_broken"]
        noted = [i.kind for i in s.scalars(select(Interaction).order_by(Interaction.id))]
    assert noted == ["promise.made", "promise.broken"]
    assert world.promise(on=date(2026, 12, 9), now=NOON + timedelta(days=13)).changes_id is None


def test_nothing_breaks_while_something_else_stands_still(sqlite_world: World) -> None:
    """C-05: whoever has said "I have paid" is not told that he has not."""
    sqlite_world.promise()
    with sqlite_world.store.write() as s:
        account = s.get_one(Account, sqlite_world.account.id)
        pauses.pause(s, SYSTEM, account, PauseReason.SAYS_PAID, key="claim:1", now=NOON,
                     to_on=MONDAY + timedelta(days=3))  # fmt: skip
    sqlite_world.daily(MONDAY + timedelta(days=1))
    assert sqlite_world.row().status is PromiseStatus.OPEN
    sqlite_world.daily(MONDAY + timedelta(days=3))
    assert sqlite_world.row().status is PromiseStatus.BROKEN


def test_let_go_when_nothing_is_asked_any_more(sqlite_world: World) -> None:
    """A plan, a dispute or a credit note took it all: there is nothing left to break."""
    sqlite_world.promise()
    with sqlite_world.store.write() as s:
        s.execute(text("UPDATE invoice SET balance_minor = 0"))
    sqlite_world.daily(MONDAY + timedelta(days=1))
    assert sqlite_world.row().status is PromiseStatus.WITHDRAWN
    assert [m for m in sqlite_world.messages() if m[0] == "promise_broken"] == []
