"""FT-24: the clocks of web, worker and gateway differ by ten minutes or a year.

INV-8, INV-9, INV-13, INV-14: a notification that was not signed now is refused for all to see, a link that
is over by the clock of the web stays over, nobody is told twice or at an hour that is wrong by every clock,
and no row takes its moment from the database's own clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from assembly import House
from jobs import ladder_run
from models.accounts import Account
from models.base import Base
from models.links import Link
from models.messages import Message
from models.payments import InboxEvent
from models.work import Alert
from tests.faults import crowd
from tests.jobs.test_outbox import build
from tests.mailboxes import MailboxProcess
from tests.portal.conftest import Portal, portal_on
from tests.portal.test_webhooks import an_event, deliver
from tests.proof import prove
from tests.races import together
from tests.standins import StandIn

SKEWS = [timedelta(minutes=-10), timedelta(minutes=10), timedelta(days=365)]
IDS = ["10 minutes slow", "10 minutes fast", "a year fast"]


@pytest.fixture
def portal(tmp_path: Path, stripe: StandIn, database: str) -> Iterator[Portal]:
    yield from portal_on(tmp_path, stripe, database=database)


@pytest.mark.parametrize("skew", SKEWS, ids=IDS)
def test_the_web_clock_is_wrong(portal: Portal, skew: timedelta) -> None:
    """FT-24: what the gateway signs now is refused visibly: 400, no row, one alert; later it is kept."""
    signed = portal.clock.at
    portal.clock.at = signed + skew
    event = an_event(id="evt_skewed")
    for _ in range(3):
        age = int(skew.total_seconds())
        assert deliver(portal, event, age=age).status_code == 400
    with portal.store.read() as session:
        assert session.scalar(select(func.count()).select_from(InboxEvent)) == 0
        assert [a.key for a in session.scalars(select(Alert).where(Alert.code == "clock_differs"))] == [
            "gateway:default"
        ]
    portal.clock.at = signed
    assert deliver(portal, event).status_code == 200


def test_a_forged_one_raises_no_alert(portal: Portal) -> None:
    """FT-24: only what was signed with our secret says anything of clocks."""
    assert deliver(portal, an_event(), secret="whsec_of_nobody", age=86400).status_code == 400  # noqa: S106
    with portal.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Alert)) == 0


def test_no_link_that_is_over_is_taken(portal: Portal) -> None:
    """FT-24: a link is over by the clock of the web that is asked: at its end, and a year later.

    Whose clock is ten minutes slow takes it for ten minutes more, and no longer: it cannot know better.
    """
    account = portal.account(lambda s, a: portal.invoice(s, a, 57600, -5))
    token = portal.link(account)
    begun = portal.clock.at
    with portal.store.read() as session:
        ends = session.scalars(select(Link.expires_at).where(Link.account_id == account.id)).one()
    slow, visitor = SKEWS[0], portal.visitor()
    for true, answer in ((ends - slow - timedelta(seconds=1), 200), (ends - slow, 410)):
        portal.clock.at = true + slow
        assert visitor.get(f"/l/{token}").status_code == answer
    for moment in (ends, ends + timedelta(seconds=1), begun + timedelta(days=365)):
        portal.clock.at = moment
        assert visitor.get(f"/l/{token}").status_code == 410
        assert visitor.post(f"/l/{token}").status_code in (400, 410)


#: A worker's clock is wrong by so much; two true moments. In London the first is 15 minutes outside the hours
#: of contact, by both clocks, the second 5 minutes, which the wrong clock takes for inside.
MORNINGS = (crowd.NIGHT.replace(hour=7, minute=45), crowd.NIGHT.replace(hour=7, minute=55))
EVENINGS = (crowd.NIGHT.replace(hour=20, minute=15), crowd.NIGHT.replace(day=20, hour=20, minute=5))
WORKERS = list(zip(SKEWS, (EVENINGS, MORNINGS, MORNINGS), strict=True))
DEBTORS = 15


@pytest.fixture
def other(database_url: str, mailbox: MailboxProcess, tmp_path: Path) -> Iterator[House]:
    """Another worker's way into the same database."""
    other = build(database_url, mailbox, tmp_path / "other")
    yield other
    other.press.close()
    other.store.dispose()


@pytest.mark.parametrize(("skew", "moments"), WORKERS, ids=IDS)
def test_workers_whose_clocks_differ(
    house: House,
    other: House,
    mailbox: MailboxProcess,
    database_url: str,
    skew: timedelta,
    moments: tuple[datetime, datetime],
) -> None:
    """FT-24, INV-8, INV-9: a worker whose clock is wrong beside one whose clock is right, at once.

    By true time a message leaves only at an hour that is right by one of the two clocks. So a clock that is
    ten minutes wrong costs at most those ten minutes outside the hours: nothing here knows whose clock is
    right. A clock that is a year fast has the right hour; what it puts off to its next morning waits a year.
    """
    crowd.settle(house.store, DEBTORS)
    both = ((house, timedelta(0)), (other, skew))

    def at_once(act: Callable[[House, datetime], object], true: datetime) -> None:
        ended = together(2, lambda n: act(both[n][0], true + both[n][1]))
        assert not [one for one in ended if isinstance(one, Exception)], ended

    at_once(lambda h, now: ladder_run.run(h, now=now), crowd.NIGHT)
    sent: set[tuple[str, str]] = set()
    for true in moments:
        at_once(lambda h, now: crowd.drain(h, now, worker=str(now)), true)
        left, sent = _left(house, mailbox) - sent, _left(house, mailbox)
        wrong = {zone for _, zone in left if not (_is_day(true, zone) or _is_day(true + skew, zone))}
        assert wrong == set()
    assert sent
    end = crowd.MORNING + max(skew, timedelta(0)) + timedelta(days=2)
    crowd.drain(house, end)
    crowd.assert_nothing_twice(house.store)
    crowd.assert_sink_agrees(house, mailbox)
    prove(database_url, mailbox=mailbox, now=end + timedelta(hours=1))


def _left(house: House, mailbox: MailboxProcess) -> set[tuple[str, str]]:
    """Every message that is in the sink, and the zone of whom it is for."""
    kept = {mail["message_id"] for mail in mailbox.messages()}
    with house.store.read() as session:
        rows = session.execute(
            select(Message.wire_id, Account.zone).join(Account, Account.id == Message.account_id)
        )
        return {(row.wire_id, row.zone) for row in rows if row.wire_id in kept}


def _is_day(moment: datetime, zone: str) -> bool:
    """Whether people may be written to at a moment, where they are."""
    return time(8) <= moment.astimezone(ZoneInfo(zone)).time() < time(20)


def test_no_moment_comes_from_the_database() -> None:
    """FT-24: no column takes its value from the clock of the database: `now` is always an argument."""
    for table in Base.metadata.tables.values():
        for column in table.columns:
            said = str(getattr(column.server_default, "arg", "")).lower()
            assert "now" not in said
            assert "current_timestamp" not in said
