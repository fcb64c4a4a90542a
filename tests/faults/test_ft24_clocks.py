"""FT-24: the clocks of web, worker and gateway differ by ten minutes or a year.

INV-9, INV-13, INV-14: a notification that was not signed now is refused for all to see, a link that is over
stays over, nobody is told twice or at a wrong hour, and no row takes its moment from the
database's own clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from assembly import House
from models.base import Base
from models.links import Link
from models.payments import InboxEvent
from models.work import Alert
from tests.faults import crowd
from tests.faults.climber import all_at_once
from tests.mailboxes import MailboxProcess
from tests.portal.conftest import Portal, portal_on
from tests.portal.test_webhooks import an_event, deliver
from tests.proof import prove
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
    """FT-24: a link is over by the clock of whoever is asked, ten minutes slow or a year fast."""
    account = portal.account(lambda s, a: portal.invoice(s, a, 57600, -5))
    token = portal.link(account)
    begun = portal.clock.at
    with portal.store.read() as session:
        ends = session.scalars(select(Link.expires_at).where(Link.account_id == account.id)).one()
    visitor = portal.visitor()
    for moment in (ends + timedelta(seconds=1), begun + timedelta(days=365)):
        portal.clock.at = moment
        assert visitor.get(f"/l/{token}").status_code == 410
        assert visitor.post(f"/l/{token}").status_code in (400, 410)


@pytest.mark.parametrize("skew", SKEWS[:2], ids=IDS[:2])
def test_workers_whose_clocks_differ(
    house: House, mailbox: MailboxProcess, database_url: str, tmp_path: Path, skew: timedelta
) -> None:
    """FT-24, INV-9: two workers climb and send, one ten minutes off: each step once, at no wrong hour."""
    crowd.settle(house.store, 12)
    sender = ["--send", mailbox.smtp_url, mailbox.sms_url, str(tmp_path)]
    for moment in (crowd.NIGHT, crowd.NIGHT + skew):
        all_at_once(database_url, moment, 1)
    for moment in (crowd.MORNING, crowd.MORNING + skew):
        all_at_once(database_url, moment, 1, *sender)
    crowd.assert_nothing_twice(house.store)
    assert mailbox.messages()
    prove(database_url, mailbox=mailbox, now=crowd.MORNING + timedelta(hours=1))


def test_no_moment_comes_from_the_database() -> None:
    """FT-24: no column takes its value from the clock of the database: `now` is always an argument."""
    for table in Base.metadata.tables.values():
        for column in table.columns:
            said = str(getattr(column.server_default, "arg", "")).lower()
            assert "now" not in said
            assert "current_timestamp" not in said
