"""The nightly work on figures: the last days of each creditor anew, or all of them on request."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.house import House
from models.creditors import Creditor
from models.figures import FigureRun
from receivables.calendar_days import business_date
from receivables.figures import days
from receivables.policy import current_policy

#: Days worked out in one unit of work, so that nobody waits long for the books.
_AT_ONCE = 400


def nightly(house: House, *, now: datetime) -> int:
    """Renew the days that late facts may still change, once a day for each creditor; returns how many."""
    renewed = 0
    with house.store.read() as session:
        creditors = [(c.id, business_date(now, c.zone)) for c in session.scalars(select(Creditor))]
        runs = {run.creditor_id: run for run in session.scalars(select(FigureRun))}
        back = current_policy(session, now).figures.renewed_days
    for creditor_id, today in creditors:
        run = runs.get(creditor_id)
        if run is None:
            renewed += _whole(house, creditor_id, today, now=now)
        elif run.last_on < today:
            first = max(run.first_on, min(today - timedelta(days=back), run.last_on))
            renewed += _renew(house, creditor_id, first, today, now=now)
    return renewed


def rebuild(house: House, *, now: datetime) -> int:
    """Work out every day there is anew; returns how many."""
    with house.store.read() as session:
        creditors = [(c.id, business_date(now, c.zone)) for c in session.scalars(select(Creditor))]
    return sum(_whole(house, creditor_id, today, now=now) for creditor_id, today in creditors)


def _whole(house: House, creditor_id: int, today: date, *, now: datetime) -> int:
    with house.store.read() as session:
        creditor = session.get_one(Creditor, creditor_id)
        most = current_policy(session, now).figures.history_days
        begin = days.earliest(session, creditor)
    if begin is None:
        return 0
    return _renew(house, creditor_id, max(begin, today - timedelta(days=most)), today, now=now)


def _renew(house: House, creditor_id: int, first: date, last: date, *, now: datetime) -> int:
    renewed, begin = 0, first
    while begin <= last:
        end = min(begin + timedelta(days=_AT_ONCE - 1), last)

        def unit(session: Session, begin: date = begin, end: date = end) -> int:
            creditor = session.get_one(Creditor, creditor_id)
            return days.renew(session, creditor, first=begin, last=end, now=now)

        renewed += house.store.run(unit)
        begin = end + timedelta(days=1)
    return renewed
