"""The days that the dashboard reads, against sums done by hand (part 12)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.creditors import Creditor
from models.figures import FigureDay, FigureRun
from models.ledger import LedgerEntry
from models.money import Money
from models.staff import Role
from models.store import Store
from receivables import ledger
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.figures import dashboard, days, statements, targets
from receivables.figures.dashboard import Dashboard
from receivables.figures.facts import Facts, Span
from receivables.permissions import SYSTEM, Actor
from tests import factories as make
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.races import together
from tests.receivables.arrangements.offer_world import OfferWorld, a_late_account, gbp

TODAY = NOON.date()


def ago(number: int) -> date:
    return TODAY - timedelta(days=number)


@pytest.fixture
def world(store: Store) -> OfferWorld:
    """£576.00 issued 130 and due 100 days ago, £842.40 30 days later; settled today for £1,300.00."""
    world = a_late_account(store)
    with store.write() as session:
        account = session.get_one(Account, world.account.id)
        account.collector_id = world.collector.id
        account.salesperson_id = make.a_person(session, Role.SALESPERSON, name="Dan Ellis").id
    offer = world.propose(130000)
    world.accept(offer)
    world.pay_offer(offer)
    renew(store)
    return world


def renew(store: Store, last: date = TODAY, now: datetime = NOON) -> None:
    with store.write() as session:
        creditor = session.scalars(select(Creditor)).one()
        first = days.earliest(session, creditor)
        assert first is not None
        days.renew(session, creditor, first=first, last=last, now=now)


def facts(store: Store, first: date, last: date) -> Facts:
    with store.read() as session:
        creditor = session.scalars(select(Creditor)).one()
        return Facts(session, creditor.id, "GBP", Span(first, last))


def stood(store: Store, day: date) -> dict[str, int]:
    found = facts(store, day, day).ageing(day)
    assert found is not None
    return {bucket: minor for bucket, minor in found.items() if minor}


def test_what_stood_open_at_the_end_of_each_day(store: Store, world: OfferWorld) -> None:
    """Rolled forward from the postings: invoices come, grow old, and are paid."""
    assert stood(store, ago(130)) == {"not_due": 57600}
    assert stood(store, ago(101)) == {"not_due": 57600}
    assert stood(store, ago(100)) == {"not_due": 57600 + 84240}
    assert stood(store, ago(99)) == {"1_30": 57600, "not_due": 84240}
    assert stood(store, ago(70)) == {"1_30": 57600, "not_due": 84240}
    assert stood(store, ago(69)) == {"31_60": 57600, "1_30": 84240}
    assert stood(store, ago(1)) == {"91_120": 57600, "61_90": 84240}
    assert stood(store, TODAY) == {}
    assert facts(store, ago(131), TODAY).ageing(ago(131)) is None


def test_what_flowed_on_each_day(store: Store, world: OfferWorld) -> None:
    found = facts(store, ago(130), TODAY)
    assert found.day_flow("sales", Span(ago(130), TODAY)) == {ago(130): 57600, ago(100): 84240}
    today = Span(TODAY, TODAY)
    assert found.flow("collected", today, str(world.collector.id)) == (130000, 1)
    assert found.flow("ways", today, "page") == (130000, 1)
    assert found.flow("lost", today)[0] == 11840
    assert found.flow("rungs", today, "") == (130000, 2)
    assert found.flow("exceptions", today, f"{world.supervisor.id}:discount") == (11840, 1)
    assert found.flow("again", today, "closed") == (0, 1)
    assert found.flow("again", today, "again") == (0, 0)
    assert found.flow("due", Span(ago(100), ago(100))) == (57600, 1)
    assert found.flow("due_open", Span(ago(100), ago(70)))[0] == 57600 + 84240


def test_working_out_again_changes_nothing(store: Store, world: OfferWorld) -> None:
    """Rebuilt twice is rebuilt once; the run says since and up to when."""

    def kept() -> Sequence[tuple[object, ...]]:
        with store.read() as session:
            rows = session.execute(select(FigureDay.__table__).order_by(*FigureDay.__table__.primary_key))
            return [tuple(row) for row in rows]

    before = kept()
    renew(store)
    assert kept() == before
    with store.read() as session:
        run = session.scalars(select(FigureRun)).one()
        assert (run.first_on, run.last_on) == (ago(130), TODAY)


def test_two_nights_at_once_keep_one(store: Store) -> None:
    """FT-25: `amicable daily` twice at once, for the first time: neither stumbles over the other."""
    a_late_account(store)
    for _ in range(REPEATS):
        with store.write() as session:
            session.execute(delete(FigureRun))
        outcomes = together(2, lambda _: renew_in_turn(store))
        assert [o for o in outcomes if isinstance(o, Exception)] == []
        with store.read() as session:
            assert len(session.scalars(select(FigureRun)).all()) == 1
            assert session.scalars(select(FigureDay)).all()


def renew_in_turn(store: Store) -> None:
    """As the nightly job does it: a unit of work that is tried again where it must be."""

    def unit(session: Session) -> None:
        creditor = session.scalars(select(Creditor)).one()
        first = days.earliest(session, creditor)
        assert first is not None
        days.renew(session, creditor, first=first, last=TODAY, now=NOON)

    store.run(unit)


def test_a_gap_of_days_is_filled(store: Store, world: OfferWorld) -> None:
    """After nights without the work no day is missing."""
    with store.write() as session:
        creditor = session.scalars(select(Creditor)).one()
        later = TODAY + timedelta(days=9)
        assert days.renew(session, creditor, first=later, last=later, now=NOON) == 9


def board(store: Store, actor: Actor, span: Span, **more: object) -> Dashboard:
    with store.read() as session:
        asked = {"creditor_ref": None, "currency": None, "now": NOON} | more
        return dashboard.dashboard(session, actor, span=span, **asked)  # type: ignore[arg-type]


def test_the_key_figures_by_hand(store: Store, world: OfferWorld) -> None:
    """Over the 30 days to 99 days ago: sales 842.40, open 576.00 late and 842.40 not due.

    DSO = 1,418.40 ÷ 842.40 × 30 = 50.5; best possible 30; ADD = 576.00 ÷ 842.40 × 30 = 20.5;
    CEI = (576.00 + 842.40 − 1,418.40) ÷ (576.00 + 842.40 − 842.40) = 0 %.
    """
    found = board(store, world.supervisor, Span(ago(128), ago(99)))
    values = {k.code: (k.value, k.why) for k in found.key}
    assert values["dso"] == (Decimal("50.5"), None)
    assert values["add"] == (Decimal("20.5"), None)
    assert values["cei"] == (Decimal("0.0"), None)
    assert values["kept"] == (None, "none_judged")
    assert values["self_service"] == (None, "no_payments")
    assert values["cycle"] == (None, "none_resolved")
    last = board(store, world.supervisor, Span(ago(29), TODAY))
    values = {k.code: (k.value, k.why) for k in last.key}
    assert values["dso"] == (None, "no_sales")
    assert values["cei"] == (Decimal("100.0"), None)
    assert values["self_service"] == (Decimal("100.0"), None)


def test_tables_by_person(store: Store, world: OfferWorld) -> None:
    found = board(store, world.supervisor, Span(ago(130), TODAY))
    assert [list(row) for row in found.table("sold").rows] == [
        ["Dan Ellis", gbp(130000), gbp(0), gbp(130000)]
    ]
    (signed,) = found.table("signed").rows
    assert signed[0] == "Dan Ellis"
    assert signed[1:] == [gbp(141840), gbp(141840), Decimal("100.0"), gbp(11840), Decimal("8.3")]
    (given,) = found.table("exceptions").rows
    assert given[1:] == [0, 1, 0, 0, gbp(11840)]
    assert found.table("go_live").why == "no_go_live"


def test_a_collector_sees_himself_and_the_sum_of_all(store: Store, world: OfferWorld) -> None:
    """No league table: no table by person, and no colleague's figures."""
    found = board(store, world.collector, Span(ago(10), TODAY))
    assert not {"sold", "signed", "exceptions", "prepaid", "at_risk"} & {t.code for t in found.tables}
    own, team = found.table("team").rows
    assert own[1:3] == team[1:3] == [gbp(130000), 1]
    with store.write() as session:
        other = make.staff_actor(make.a_person(session, Role.COLLECTOR))
    own, team = board(store, other, Span(ago(10), TODAY)).table("team").rows
    assert (own[1], team[1]) == (gbp(0), gbp(130000))
    with pytest.raises(NotFound):
        found.table("exceptions")


def test_who_reads_figures(store: Store, world: OfferWorld) -> None:
    """A-01."""
    with store.write() as session:
        seller = make.staff_actor(make.a_person(session, Role.SALESPERSON))
    with pytest.raises(NotAllowed):
        board(store, seller, Span(TODAY, TODAY))
    for wrong in ({"currency": "EUR"}, {"creditor_ref": "nobody"}):
        with pytest.raises(NotFound):
            board(store, world.supervisor, Span(TODAY, TODAY), **wrong)


def test_a_payment_that_went_back_is_taken_off(store: Store, world: OfferWorld) -> None:
    """The statement and the dashboard have the same sums; the reversal stands on its own day."""
    with store.write() as session:
        (payment,) = world.payments()
        entry = session.get_one(LedgerEntry, payment.entry_id)
        tomorrow = TODAY + timedelta(days=1)
        ledger.reverse(session, SYSTEM, entry, effective_on=tomorrow, now=NOON + timedelta(days=1))
        seller = session.get_one(Account, world.account.id).salesperson_id
    renew(store, tomorrow, NOON + timedelta(days=1))
    span = Span(TODAY, tomorrow)
    actor = Actor(world.collector.kind, id=seller, role=Role.SALESPERSON)
    with store.read() as session:
        own = statements.statement(session, actor, staff_ref=None, span=span)
        seen = statements.statement(session, world.supervisor, staff_ref=own.ref, span=span)
    assert own.table == seen.table
    assert own.sums == [(gbp(130000), gbp(130000), gbp(0))]
    assert [row[4] for row in own.table.rows] == [gbp(-130000), gbp(130000)]
    sold = board(store, world.supervisor, span).table("sold")
    assert [list(row) for row in sold.rows] == [["Dan Ellis", gbp(130000), gbp(130000), gbp(0)]]
    assert stood(store, tomorrow)["91_120"] + stood(store, tomorrow)["61_90"] == 130000


def test_targets_keep_their_history(store: Store, world: OfferWorld) -> None:
    """The last word for a month counts; nobody but who may sets one, and none of nothing."""

    def aim(actor: Actor, minor: int, day: date = TODAY) -> None:
        with store.write() as session:
            ref = session.scalars(select(Creditor.ref)).one()
            targets.set_target(
                session, actor, ref, month_on=day, amount=Money(minor, "GBP"), reason="as planned", now=NOON
            )

    aim(world.supervisor, 100000)
    aim(world.supervisor, 200000)
    with pytest.raises(NotAllowed):
        aim(world.collector, 1)
    with pytest.raises(Refused, match="target_zero"):
        aim(world.supervisor, 0)
    found = board(store, world.supervisor, Span(TODAY.replace(day=1), TODAY))
    (row,) = found.table("collected").rows
    assert row[1:] == [gbp(130000), gbp(200000), gbp(-70000)]
    assert found.course is not None
    # 19 of 30 days of 2,000.00 are 1,266.66.
    assert found.course.ahead == gbp(130000 - 126666)
