"""Daily work of each account, once for each of its business days (decision 22).

Run hourly, since accounts have zones: an account whose day has begun gets that day's work, all
others are passed over. What reads and writes our books only is done in the unit of work that claims
the day, so that a second run, a second worker or a run after missed days does it neither twice nor
by halves. What speaks to a gateway claims its own rows and is asked at every run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import figures, ladder_run, worklist_run
from jobs.house import House
from models.accounts import Account
from models.arrangements import DailyRun
from models.creditors import Creditor
from receivables import credit_holds, file_care
from receivables.approvals import ageing
from receivables.arrangements import card_changes, charging, offer_ends, plan_days, promise_ends
from receivables.calendar_days import business_date
from receivables.calendars import days
from receivables.disputes import drafts, statements
from receivables.lessons import cases
from receivables.segments import proposing

log = logging.getLogger("amicable.daily")

#: How often the worker looks whether somebody's day has begun.
EVERY = timedelta(hours=1)
#: The zone farthest ahead: nobody's today is later than its date.
FARTHEST = "Pacific/Kiritimati"


class Work(NamedTuple):
    """One piece of daily work on our own books.

    name: names its claims; at most 40 characters, never given to other work.
    concerns: `concerns(session, latest) -> account ids` that may have something to do on a day not
        after `latest`; a cheap question, asked at every run.
    do: `do(session, account, *, today, now)`; the account is locked, `today` is its business date.
    """

    name: str
    concerns: Callable[[Session, date], Iterable[int]]
    do: Callable[..., object]


class GatewayWork(NamedTuple):
    """One piece of daily work that speaks to a gateway between units of work of its own.

    name, concerns: as of `Work`; it is not claimed here, so a repeated call must find its work done.
    do: `do(store, gateway, account_id, *, today, now)`.
    """

    name: str
    concerns: Callable[[Session, date], Iterable[int]]
    do: Callable[..., object]


#: In this order; one line each.
DAILY: tuple[Work, ...] = (
    Work("offer_ends", offer_ends.concerned, offer_ends.end_outlived),
    Work("plans", plan_days.concerned, plan_days.daily),
    Work("cards_that_end", card_changes.concerned, card_changes.warn),
    Work("promise_tomorrow", promise_ends.concerned_tomorrow, promise_ends.remind_tomorrow),
    Work("promise_broken", promise_ends.concerned_late, promise_ends.break_late),
    Work("dispute_drafts", drafts.concerned, drafts.forget_old),
    Work("statements", statements.concerned, statements.remind),
    Work("hold_reviews", credit_holds.concerned_reviews, credit_holds.ask_review),
    Work("segments", proposing.concerned, proposing.propose_segments),
    Work("arrears_cases", cases.concerned, cases.look),
)
#: After DAILY; one line each.
WITH_GATEWAY: tuple[GatewayWork, ...] = (
    GatewayWork("plan_charges", plan_days.concerned_by_charges, charging.charge_due),
)


def run(house: House, *, now: datetime, on: date | None = None) -> dict[str, int]:
    """Do what the day asks for at every account whose day has begun.

    Args:
        on: the business date to work for, whatever the clock says; None for each account's own.
    Returns:
        Name of the work -> accounts it was done for; `ladder` -> steps done or proposed; `approvals` ->
        mails and alerts about decisions that wait; `files_erased` -> files that nobody had sent and whose
        bytes went; `trouble` -> accounts where something failed, which are tried again at the next run and
        hold up nobody else.
    """
    with house.store.read() as session:
        days.refresh(session)
    names = [work.name for work in DAILY] + [work.name for work in WITH_GATEWAY]
    done = dict.fromkeys([*names, "ladder", "approvals", "files_erased", "trouble"], 0)

    def attempt(name: str, account_id: int, act: Callable[[], bool]) -> None:
        try:
            done[name] += act()
        except Exception:
            log.exception("daily work fails", extra={"facts": {"work": name, "account": account_id}})
            done["trouble"] += 1

    for work in DAILY:
        for account_id in _waiting(house, work, now=now, on=on):

            def unit(session: Session, work: Work = work, account_id: int = account_id) -> bool:
                return once(session, work, account_id, now=now, on=on)

            attempt(work.name, account_id, lambda unit=unit: house.store.run(unit))  # type: ignore[misc]
    for asking in WITH_GATEWAY:
        for account_id, today, gateway in _behind_gateways(house, asking, now=now, on=on):

            def ask(
                do: Callable[..., object] = asking.do,
                account_id: int = account_id,
                today: date = today,
                gateway: Any = gateway,
            ) -> bool:
                return bool(do(house.store, gateway, account_id, today=today, now=now))

            attempt(asking.name, account_id, ask)
    climbed = ladder_run.run(house, now=now)
    done["ladder"] = climbed.climbed.done + climbed.climbed.proposed
    done["trouble"] += climbed.trouble
    done["trouble"] += worklist_run.run(house, now=now)[1]
    try:
        figures.nightly(house, now=now)
    except Exception:
        log.exception("daily work fails", extra={"facts": {"work": "figures"}})
        done["trouble"] += 1
    try:
        done["approvals"] = house.store.run(lambda s: ageing.escalate(s, now=now))
    except Exception:
        log.exception("daily work fails", extra={"facts": {"work": "approvals"}})
        done["trouble"] += 1
    try:
        done["files_erased"] = file_care.sweep_bytes(house.store, house.files, now=now)
    except Exception:
        log.exception("daily work fails", extra={"facts": {"work": "files_erased"}})
        done["trouble"] += 1
    return done


def once(session: Session, work: Work, account_id: int, *, now: datetime, on: date | None = None) -> bool:
    """Claim the account's day for a piece of work and do it, unless it was done.

    The account is locked first, as everywhere, so that two workers cannot both find the day free.
    """
    account = session.get_one(Account, account_id, with_for_update=True, populate_existing=True)
    today = on or business_date(now, account.zone)
    if session.get(DailyRun, (work.name, account_id, today)) is not None:
        return False
    session.add(DailyRun(work=work.name, account_id=account_id, business_on=today, done_at=now))
    work.do(session, account, today=today, now=now)
    return True


def _days(session: Session, ids: Sequence[int], *, now: datetime, on: date | None) -> Mapping[int, date]:
    """Return each account's business date, in ascending order of ids."""
    zones: list[tuple[int, str]] = []
    for first in range(0, len(ids), 500):
        part = ids[first : first + 500]
        rows = session.execute(select(Account.id, Account.zone).where(Account.id.in_(part)))
        zones += [(row.id, row.zone) for row in rows]
    return {account_id: on or business_date(now, zone) for account_id, zone in sorted(zones)}


def _waiting(house: House, work: Work, *, now: datetime, on: date | None) -> list[int]:
    """Return the accounts that a piece of work concerns and whose day is not done yet."""
    with house.store.read() as session:
        latest = on or business_date(now, FARTHEST)
        days = _days(session, sorted(set(work.concerns(session, latest))), now=now, on=on)
        if not days:
            return []
        claimed = session.execute(
            select(DailyRun.account_id, DailyRun.business_on).where(
                DailyRun.work == work.name, DailyRun.business_on.in_(set(days.values()))
            )
        )
        done = {(row.account_id, row.business_on) for row in claimed}
    return [account_id for account_id, today in days.items() if (account_id, today) not in done]


def _behind_gateways(
    house: House, work: GatewayWork, *, now: datetime, on: date | None
) -> list[tuple[int, date, Any]]:
    """Return the accounts that a piece of work concerns, with their day and their gateway."""
    with house.store.read() as session:
        latest = on or business_date(now, FARTHEST)
        ids = sorted(set(work.concerns(session, latest)))
        days = _days(session, ids, now=now, on=on)
        names: dict[int, str] = {}
        for first in range(0, len(ids), 500):
            rows = session.execute(
                select(Account.id, Creditor.gateway_account)
                .join(Creditor, Creditor.id == Account.creditor_id)
                .where(Account.id.in_(ids[first : first + 500]))
            )
            names |= {row.id: row.gateway_account for row in rows}
    found = []
    for account_id, today in days.items():
        gateway = house.gateways.get(names[account_id])
        if gateway is not None:  # without keys nobody is charged (decision 24)
            found.append((account_id, today, gateway))
    return found
