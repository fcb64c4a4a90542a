"""The worker: gateway notifications, outside effects, messages, stuck payments, daily work, in one loop.

Several workers may run at once; every piece of work is leased (P-10, P-25).
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import backfill, daily, inbound, staff_mails, worklist_run
from jobs import outbox as postbox
from jobs.house import House
from models import fault_points
from models.approvals import Refund
from models.arrangements import SavedCard
from models.payments import InboxEvent, PaymentAttempt
from models.states import JobStatus, advance
from models.work import Heartbeat, Job
from receivables import consequences, file_care, outbox, waking
from receivables.arrangements import card_setups, cards
from receivables.calendars import days
from receivables.errors import NotFound
from receivables.handovers import case_files
from receivables.payments import inbox, settling, sweeping
from receivables.policy import Policy, current_policy
from receivables.ports import GatewayUnreachable, ScannerDown
from receivables.reversals import card_refunds, chargebacks

log = logging.getLogger("amicable.worker")

#: Seconds between two looks while there is nothing to do.
PAUSE = 0.5
#: Lines that a worker keeps busy on PostgreSQL, to the gateway and of these to the relay: while one waits
#: for an answer, or for the database, another goes on. SQLite has one writer, so one line.
LINES, TO_RELAY = 6, 2
#: Notifications that one line takes up at a time, few, so that all lines have some; and how often it does
#: before anything else: what they tell decides what is sent.
EVENTS, ROUNDS = 4, 10
#: How often stuck attempts are looked for.
SWEEP_EVERY = timedelta(seconds=30)
#: Tries of one outside effect before a person is asked.
JOB_TRIES = 12


class SecondHost(Exception):
    """SQLite in production serves one host, and another one is alive (decision 17)."""


def worker_name() -> str:
    """Name of this process, for leases and logs."""
    return f"{socket.gethostname()}:{os.getpid()}"


def run(house: House, *, clock: Callable[[], datetime] | None = None) -> None:
    """Work until SIGTERM or SIGINT; a piece of work that was begun is ended first."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    tell = clock or _utc_now
    name = worker_name()
    begun = tell()
    looked, worked, called = begun - SWEEP_EVERY, begun - daily.EVERY, begun - inbound.EVERY
    postman = inbound.Postman()
    announce(house, name)
    with more_lines(house, name, stop=stop, clock=tell), backfill.beside(house, stop=stop, clock=tell):
        while not stop.is_set():
            now = tell()
            try:
                looks = now - looked >= SWEEP_EVERY
                if looks:
                    looked = now
                    beat(house, now=now)  # before any work: a second host must not touch the books
                    with house.store.read() as session:
                        days.refresh(session)
                done = run_once(house, worker=name, now=now) + worklist_run.follow(house, now=now)
                if looks:
                    sweep(house, now=now)
                if now - worked >= daily.EVERY:
                    worked = now
                    daily.run(house, now=now)
                if now - called >= inbound.EVERY:
                    called = now
                    postman.look(house, now=now)
            except SecondHost:
                raise
            except Exception:
                # The loop outlives one bad piece of work; the lease brings it back later.
                log.exception("worker stumbles")
                done = 0
            if not done:
                stop.wait(PAUSE)
    log.info("worker stops", extra={"facts": {"worker": name}})


@contextmanager
def more_lines(
    house: House, name: str, *, stop: threading.Event, clock: Callable[[], datetime]
) -> Iterator[None]:
    """Hear and send on further lines beside the loop of a worker; each leases for itself, none after `stop`.

    Args:
        name: the worker's; a line's own is made of it.
    """
    lines = [
        threading.Thread(target=_line, args=(house, name, number, stop, clock), name=f"line-{number}")
        for number in range(2, 1 if house.store.is_sqlite else LINES + 1)
    ]
    for line in lines:
        line.start()
    try:
        yield
    finally:
        stop.set()
        for line in lines:
            line.join()


def _line(house: House, name: str, number: int, stop: threading.Event, clock: Callable[[], datetime]) -> None:
    worker = f"{name}/{number}"
    while not stop.is_set():
        try:
            done = take_events(house, worker=worker, now=clock())
            if number <= TO_RELAY:
                done += postbox.send_due(house, worker=worker, now=clock())
        except Exception:
            log.exception("line stumbles")
            done = 0
        if not done:
            stop.wait(PAUSE)


def announce(house: House, name: str) -> None:
    """Say in the log that the worker starts, and whether files of debtors are checked for viruses."""
    scanner = "set" if house.files.has_scanner else "none"
    log.info("worker starts", extra={"facts": {"worker": name, "scanner": scanner}})
    if house.settings.is_production and not house.files.has_scanner:
        log.warning("files of debtors are not checked for viruses: AMICABLE_SCANNER is not set")


def _utc_now() -> datetime:
    return datetime.now(UTC)


def run_once(house: House, *, worker: str, now: datetime) -> int:
    """Do what is due now, a lease of each kind; returns how many pieces were taken up."""
    heard = 0
    for _ in range(ROUNDS):
        more = take_events(house, worker=worker, now=now)
        heard += more
        if not more:
            break
    return heard + take_jobs(house, worker=worker, now=now) + postbox.send_due(house, worker=worker, now=now)


def take_events(house: House, *, worker: str, now: datetime) -> int:
    """Process a lease of gateway notifications, after those that tell nothing new."""
    ended = house.store.run(lambda s: inbox.end_needless(s, now=now))
    with house.store.read() as session:
        policy = current_policy(session, now)
    taken = house.store.run(lambda s: inbox.claim(s, worker=worker, policy=policy, now=now, limit=EVENTS))
    fault_points.reach("event.after_lease")
    for row_id in taken:
        with house.store.read() as session:
            account = session.execute(
                select(InboxEvent.gateway_account).where(InboxEvent.id == row_id)
            ).scalar_one()
        gateway = house.gateways.get(account)
        try:
            if gateway is None:
                inbox.fail(house.store, row_id, "no_gateway", now=now)
            else:
                inbox.process(house.store, gateway, row_id, now=now)
        except Exception as error:
            # One poison event must not hold up the others (FT-08).
            log.exception("event not understood", extra={"facts": {"row": row_id}})
            inbox.fail(house.store, row_id, type(error).__name__, now=now)
    return ended + len(taken)


def take_jobs(house: House, *, worker: str, now: datetime) -> int:
    """Do a lease of outside effects."""
    with house.store.read() as session:
        policy = current_policy(session, now)
    taken = house.store.run(lambda s: _lease(s, worker=worker, policy=policy, now=now))
    fault_points.reach("job.after_lease")
    for job_id, kind, payload in taken:
        try:
            HANDLERS[kind](house, payload, now)
            fault_points.reach("job.before_done")
            error = None
        except (GatewayUnreachable, NotFound, ScannerDown) as problem:
            error = str(problem)
        except Exception as problem:
            log.exception("job fails", extra={"facts": {"job": job_id, "kind": kind}})
            error = type(problem).__name__
        house.store.run(lambda s, job_id=job_id, error=error: _end(s, job_id, error, now=now))  # type: ignore[misc]
    return len(taken)


def _lease(session: Session, *, worker: str, policy: Policy, now: datetime) -> list[tuple[int, str, Any]]:
    rows = session.scalars(
        select(Job)
        .where(Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING]), Job.run_at <= now)
        .order_by(Job.run_at, Job.id)
        .limit(20)
        .with_for_update(skip_locked=True)
    ).all()
    taken = []
    for job in rows:
        if job.status is JobStatus.QUEUED:
            advance(job, JobStatus.RUNNING)
        elif job.attempts >= JOB_TRIES:
            _bury(session, job, "worker_died", now=now)
            continue
        job.worker = worker
        # Not looked at again before its lease is over.
        job.locked_until = job.run_at = now + policy.lease
        job.attempts += 1
        taken.append((job.id, job.kind, job.payload))
    return taken


def _bury(session: Session, job: Job, error: str, *, now: datetime) -> None:
    advance(job, JobStatus.DEAD)
    job.error, job.locked_until = error, None
    facts = {"kind": job.kind, "error": error}
    outbox.raise_alert(session, "job_dead", f"job:{job.id}", now=now, facts=facts)


def _end(session: Session, job_id: int, error: str | None, *, now: datetime) -> None:
    job = session.get_one(Job, job_id, with_for_update=True)
    if job.status is not JobStatus.RUNNING:
        return
    job.locked_until, job.error = None, error
    if error is None:
        advance(job, JobStatus.DONE)
        job.done_at = now
    elif job.attempts >= JOB_TRIES:
        _bury(session, job, error, now=now)
    else:
        advance(job, JobStatus.QUEUED)
        job.run_at = now + min(timedelta(seconds=5 * 2**job.attempts), timedelta(hours=1))


def _expire_session(house: House, payload: Any, now: datetime) -> None:
    """End the hosted page of a superseded attempt (decision 14)."""
    ref = payload["attempt_ref"]
    with house.store.read() as session:
        account = session.scalar(select(PaymentAttempt.gateway_account).where(PaymentAttempt.ref == ref))
    gateway = house.gateways.get(account or "")
    if gateway is None:
        raise NotFound("no_gateway")
    settling.end_superseded(house.store, gateway, ref, now=now)


def _check_file(house: House, payload: Any, now: datetime) -> None:
    """Ask the virus scanner about a file that waits for it (X-03)."""
    file_care.check(house.store, house.files, payload["file_ref"], now=now)


def _detach_card(house: House, payload: Any, now: datetime) -> None:
    """Let the gateway forget a card that was removed here (decision 11)."""
    ref = payload["card_ref"]
    with house.store.read() as session:
        account = session.scalar(select(SavedCard.gateway_account).where(SavedCard.ref == ref))
    gateway = house.gateways.get(account or "")
    if gateway is None:
        raise NotFound("no_gateway")
    cards.detach(house.store, gateway, ref)


def _follow_payment(house: House, payload: Any, now: datetime) -> None:
    """Let one consequence of a booked payment follow that failed when it was booked."""
    house.store.run(
        lambda session: consequences.follow_again(
            session, payload["payment_id"], payload["follower"], now=now
        )
    )


def _case_file(house: House, payload: Any, now: datetime) -> None:
    """Make the case file of a hand-over; a newer preparation of it is another job."""
    case_files.make(
        house.store, house.press, house.documents, house.exports, house.files, payload["handover_ref"],
        at=payload["at"], now=now,
    )  # fmt: skip


def _ladder_look_again(house: House, payload: Any, now: datetime) -> None:
    """Rules of the ladder came into force: the next run looks at all that climbs."""
    after: int | None = 0
    while after is not None:
        after = house.store.run(lambda s, done=after: waking.wake_part(s, done, most=2000, now=now))  # type: ignore[misc]


def _send_refund(house: House, payload: Any, now: datetime) -> None:
    """Send approved credit back to the card that paid; without an answer the sweeper asks again."""
    ref = payload["refund_ref"]
    with house.store.read() as session:
        account = session.scalar(select(Refund.gateway_account).where(Refund.ref == ref))
    gateway = house.gateways.get(account or "")
    if gateway is None:
        raise NotFound("no_gateway")
    card_refunds.send(house.store, gateway, ref, now=now)


HANDLERS: dict[str, Callable[[House, Any, datetime], None]] = {
    "case_file": _case_file,
    "check_file": _check_file,
    "detach_card": _detach_card,
    "expire_session": _expire_session,
    "follow_payment": _follow_payment,
    "ladder_look_again": _ladder_look_again,
    "send_refund": _send_refund,
    "staff_mail": staff_mails.send,
    "text_trial": staff_mails.send_trial,
}


def sweep(house: House, *, now: datetime) -> int:
    """Look at attempts, card pages, refunds and chargebacks that should have ended (P-16)."""
    looked = sum(
        look(house.store, gateway, gateway_account=name, now=now)
        for name, gateway in house.gateways.items()
        for look in (sweeping.sweep, card_setups.sweep_setups, card_refunds.sweep, chargebacks.sweep)
    )
    house.store.run(lambda session: card_refunds.call_people(session, now=now))
    return looked


def beat(house: House, *, now: datetime) -> None:
    """Say that this host is alive; on production SQLite refuse a second live one (decision 17).

    Raises: SecondHost.
    """
    host = socket.gethostname()
    alone = house.settings.is_production and house.store.is_sqlite

    def unit(session: Session) -> None:
        others = session.scalars(
            select(Heartbeat.host).where(
                Heartbeat.host != host, Heartbeat.seen_at > now - timedelta(minutes=2)
            )
        ).all()
        if alone and others:
            raise SecondHost(f"AMICABLE_SINGLE_HOST: {others[0]} is using this SQLite database too")
        row = session.get(Heartbeat, host)
        if row is None:
            session.add(Heartbeat(host=host, started_at=now, seen_at=now))
        else:
            row.seen_at = now

    house.store.run(unit)
