"""The worker: one bad piece of work holds up no other, hosts don't fight, and it stops when told."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from assembly import House, assemble
from config import Settings
from jobs import worker
from models.money import Money
from models.payments import InboxEvent, Payment
from models.states import AttemptStatus, InboxStatus, JobStatus
from models.store import Store
from models.work import Alert, Heartbeat, Job
from receivables import outbox
from receivables.payments import attempts, inbox
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from receivables.ports import GatewayUnreachable, RemoteState
from tests.conftest import NOON, Clock
from tests.databases import fresh_database
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.receivables.payments.test_settling import Books, at_once, hint, now, open_books
from tests.receivables.reversals.test_refunds import approved
from tests.receivables.reversals.world import a_paid_account

ROOT = Path(__file__).resolve().parents[2]
LEASE = default_policy().lease
PRODUCTION = {
    "AMICABLE_ENV": "production",
    "BASE_URL": "https://pay.northgate.example",
    "AMICABLE_SINGLE_HOST": "yes",
    "AMICABLE_TRUSTED_PROXIES": "1",
    "SECRET_KEY": "k" * 40,
}


def build(database_url: str, folder: Path, **more: Any) -> House:
    given = {"AMICABLE_ENV": "test", "SECRET_KEY": "k" * 40, "AMICABLE_DATA_DIR": folder, **more}
    return assemble(Settings.load(DATABASE_URL=database_url, **given))


@pytest.fixture
def gateway() -> ToldGateway:
    return ToldGateway()


@pytest.fixture
def house(database_url: str, tmp_path: Path, gateway: ToldGateway) -> Iterator[House]:
    """The House on each database, behind a gateway that says what the test tells it to."""
    house = replace(build(database_url, tmp_path), gateways={"default": gateway})
    yield house
    house.press.close()
    house.store.dispose()


@pytest.fixture
def books(house: House, gateway: ToldGateway) -> Books:
    return open_books(house.store, gateway, Money(5000, "GBP"))


def accept(
    store: Store, ref: str, event_id: str, account: str = "default", at: datetime | None = None
) -> None:
    event = hint(ref, event_id)
    store.run(lambda s: inbox.accept(s, event, gateway_account=account, now=at or now()))


def events(store: Store) -> dict[str, InboxStatus]:
    with store.read() as s:
        return {e.event_id: e.status for e in s.scalars(select(InboxEvent))}


def alerts(store: Store) -> list[str]:
    with store.read() as s:
        return list(s.scalars(select(Alert.code).order_by(Alert.id)))


def queue(store: Store, kind: str, key: str, payload: Any = None) -> None:
    store.run(lambda s: outbox.queue_job(s, kind=kind, key=key, payload=payload or {}, now=NOON))


def job(store: Store, key: str) -> Job:
    with store.read() as s:
        return s.scalars(select(Job).where(Job.key == key)).one()


class TestEvents:
    def test_a_poison_event_holds_up_no_other(self, house: House, books: Books, gateway: ToldGateway) -> None:
        """FT-08, P-10: three traces, then it works and is processed once; the other never waited."""
        poison = books.start()
        other = open_books(house.store, gateway, Money(7000, "GBP"))
        good = other.start("n2")
        accept(house.store, poison.ref, "evt_poison")
        accept(house.store, good.ref, "evt_good")
        trace = RuntimeError("a shape nobody knew")
        paid = a_truth(good.ref, RemoteState.SUCCEEDED, a_charge(good.ref, Money(7000, "GBP")))
        gateway.truths = [trace, paid]
        assert worker.take_events(house, worker="w", now=now()) == 2
        assert events(house.store) == {"evt_poison": InboxStatus.FAILED, "evt_good": InboxStatus.DONE}

        at = now()
        for _ in range(2):
            at += timedelta(minutes=2)
            gateway.truths = [trace]
            assert worker.take_events(house, worker="w", now=at) == 1
        assert other.count(Payment) == 1
        gateway.truths = [
            a_truth(poison.ref, RemoteState.SUCCEEDED, a_charge(poison.ref, Money(5000, "GBP")))
        ]
        assert worker.take_events(house, worker="w", now=at + timedelta(minutes=2)) == 1
        assert set(events(house.store).values()) == {InboxStatus.DONE}
        assert books.count(Payment) == 2
        assert worker.take_events(house, worker="w", now=at + timedelta(days=1)) == 0

    def test_poison_for_ever_is_parked(self, house: House, books: Books, gateway: ToldGateway) -> None:
        """FT-08: three days of traces, then a person has it."""
        started = books.start()
        accept(house.store, started.ref, "evt_poison")
        gateway.truths = [RuntimeError("never")]
        at = now()
        for _ in range(60):
            at += timedelta(hours=2)
            worker.take_events(house, worker="w", now=at)
        assert events(house.store) == {"evt_poison": InboxStatus.PARKED}
        assert alerts(house.store) == ["event_not_understood"]

    def test_an_account_without_keys_any_more(self, house: House, books: Books) -> None:
        """Decision 29: kept until its keys are back, never thrown away."""
        started = books.start()
        accept(house.store, started.ref, "evt_1", account="eu")
        worker.take_events(house, worker="w", now=now())
        assert events(house.store) == {"evt_1": InboxStatus.FAILED}


class TestJobs:
    def test_a_superseded_page_is_ended(self, house: House, books: Books, gateway: ToldGateway) -> None:
        """Decision 14: queued with the fact, done by the worker, once."""
        started = books.start()
        with house.store.write() as s:
            attempts.supersede(s, SYSTEM, [books.invoices[0].id], reason="test", now=now())
        gateway.truths = [a_truth(started.ref, RemoteState.EXPIRED)]
        assert worker.run_once(house, worker="w", now=now()) == 1
        assert worker.run_once(house, worker="w", now=now() + timedelta(days=1)) == 0
        assert books.attempt(started.ref).status is AttemptStatus.EXPIRED
        assert gateway.calls.count("expire") == 1

    def test_a_job_that_fails_waits_longer_each_time_and_dies_loudly(
        self, house: House, books: Books, gateway: ToldGateway
    ) -> None:
        """P-25, INV-13: twelve tries, then an alert."""
        started = books.start()
        queue(house.store, "expire_session", "e1", {"attempt_ref": started.ref})
        gateway.truths = [GatewayUnreachable("rate_limit")]
        at, pauses = NOON, []
        while job(house.store, "e1").status is not JobStatus.DEAD:
            at = job(house.store, "e1").run_at
            assert worker.take_jobs(house, worker="w", now=at) == 1
            pauses.append(job(house.store, "e1").run_at - at)
        assert len(pauses) == worker.JOB_TRIES
        assert pauses[:-1] == sorted(pauses[:-1])
        assert alerts(house.store) == ["job_dead"]
        assert job(house.store, "e1").error == "rate_limit"
        assert worker.take_jobs(house, worker="w", now=at + timedelta(days=9)) == 0

    @pytest.mark.parametrize(
        ("kind", "payload"),
        [("no_such_kind", {}), ("expire_session", {}), ("expire_session", {"attempt_ref": "nobody"})],
    )
    def test_a_bad_job_holds_up_no_other(
        self, house: House, books: Books, gateway: ToldGateway, kind: str, payload: dict[str, str]
    ) -> None:
        started = books.start()
        queue(house.store, kind, "bad", payload)
        queue(house.store, "expire_session", "good", {"attempt_ref": started.ref})
        gateway.truths = [a_truth(started.ref, RemoteState.EXPIRED)]
        assert worker.take_jobs(house, worker="w", now=NOON) == 2
        assert (job(house.store, "bad").status, job(house.store, "good").status) == (
            JobStatus.QUEUED, JobStatus.DONE
        )  # fmt: skip

    def test_a_job_that_kills_its_worker(self, house: House, books: Books, gateway: ToldGateway) -> None:
        """P-25: taken up again after the lease, and not for ever."""

        class Killed(BaseException):
            """kill -9, as far as Python can play it."""

        started = books.start()
        queue(house.store, "expire_session", "e1", {"attempt_ref": started.ref})

        def die() -> Any:
            raise Killed

        gateway.truths = [die]
        at = NOON
        for _ in range(worker.JOB_TRIES):
            with pytest.raises(Killed):
                worker.take_jobs(house, worker="w", now=at)
            assert worker.take_jobs(house, worker="w2", now=at + LEASE - timedelta(seconds=1)) == 0
            at += LEASE
        assert worker.take_jobs(house, worker="w2", now=at) == 0
        assert job(house.store, "e1").status is JobStatus.DEAD
        assert alerts(house.store) == ["job_dead"]

    def test_two_workers_do_each_job_once(self, house: House, books: Books, gateway: ToldGateway) -> None:
        """P-25 on both databases."""
        started = books.start()
        for number in range(30):
            queue(house.store, "expire_session", f"e{number}", {"attempt_ref": started.ref})
        gateway.truths = [a_truth(started.ref, RemoteState.OPEN)]
        counts: list[int] = []

        def work(name: str) -> None:
            counts.append(worker.take_jobs(house, worker=name, now=NOON))

        at_once([lambda: work("w1"), lambda: work("w2")])
        while left := worker.take_jobs(house, worker="w9", now=NOON):
            counts.append(left)
        assert sum(counts) == gateway.calls.count("expire") == 30


class TestSweeping:
    def test_each_gateway_asks_about_its_own(self, house: House, books: Books, gateway: ToldGateway) -> None:
        """Decision 29, P-16."""
        started = books.start()
        gateway.truths = [a_truth(started.ref, RemoteState.EXPIRED)]
        eu = ToldGateway()
        both = replace(house, gateways={"eu": eu, "default": gateway})
        assert worker.sweep(both, now=now() + timedelta(minutes=31)) == 1
        assert (eu.calls, books.attempt(started.ref).status) == ([], AttemptStatus.EXPIRED)


class TestHosts:
    """Decision 17: production on SQLite is for one host."""

    @pytest.fixture
    def alone(self, tmp_path: Path) -> Iterator[House]:
        with fresh_database("sqlite", tmp_path) as url:
            house = build(url, tmp_path, **PRODUCTION)
            yield house
            house.store.dispose()

    def other(self, house: House, seen_at: datetime) -> None:
        with house.store.write() as s:
            s.add(Heartbeat(host="other-host", started_at=NOON, seen_at=seen_at))

    def test_a_second_live_host_is_refused(self, alone: House) -> None:
        self.other(alone, NOON - timedelta(seconds=119))
        with pytest.raises(worker.SecondHost, match="other-host"):
            worker.beat(alone, now=NOON)
        with alone.store.read() as s:
            assert s.scalars(select(Heartbeat.host)).all() == ["other-host"]

    def test_a_host_that_is_gone_is_followed(self, alone: House) -> None:
        self.other(alone, NOON - timedelta(minutes=2))
        worker.beat(alone, now=NOON)
        worker.beat(alone, now=NOON + timedelta(seconds=30))
        with alone.store.read() as s:
            mine = s.get_one(Heartbeat, socket.gethostname())
        assert (mine.started_at, mine.seen_at) == (NOON, NOON + timedelta(seconds=30))

    def test_elsewhere_hosts_share(self, house: House) -> None:
        """PostgreSQL, and SQLite outside production."""
        self.other(house, NOON)
        worker.beat(house, now=NOON)
        with house.store.read() as s:
            assert s.scalar(select(func.count()).select_from(Heartbeat)) == 2

    def test_the_second_does_no_work_at_all(self, alone: House, tmp_path: Path) -> None:
        """It says why in one line and ends; what was queued stays untouched."""
        self.other(alone, datetime.now(UTC))
        accept(alone.store, "nobody", "evt_1")
        done = subprocess.run(
            [sys.executable, "-m", "jobs.commands", "worker"], cwd=ROOT, capture_output=True, text=True,
            check=False, timeout=60, env=environment(alone, tmp_path),
        )  # fmt: skip
        assert done.returncode == 1
        last = done.stderr.splitlines()[-1]
        assert last == "amicable: AMICABLE_SINGLE_HOST: other-host is using this SQLite database too"
        assert events(alone.store) == {"evt_1": InboxStatus.RECEIVED}


class TestTheLoop:
    @pytest.fixture
    def _signals(self) -> Iterator[None]:
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        yield
        for number, handler in before.items():
            signal.signal(number, handler)

    @pytest.mark.usefixtures("_signals")
    def test_it_outlives_bad_work(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """A database that is away: it says so and looks again; then it stops when told."""
        house = build(f"sqlite:///{tmp_path}/empty.db", tmp_path)
        looks = []

        def clock() -> datetime:
            # The gateways are looked after on a thread beside the loop, which asks it too.
            if threading.current_thread() is threading.main_thread():
                looks.append(NOON)
                if len(looks) == 3:
                    os.kill(os.getpid(), signal.SIGTERM)
            return NOON

        worker.run(house, clock=clock)
        assert len(looks) == 3
        assert "worker stumbles" in caplog.text
        house.store.dispose()

    @pytest.mark.usefixtures("_signals")
    def test_it_looks_for_stuck_attempts_now_and_again(
        self, sqlite_store: Store, tmp_path: Path, gateway: ToldGateway
    ) -> None:
        """P-16: at the start and every half minute, not at every turn; one that stays open more seldom."""
        house = replace(
            build(str(sqlite_store.url), tmp_path), store=sqlite_store, gateways={"default": gateway}
        )
        books = open_books(sqlite_store, gateway, Money(5000, "GBP"))
        started = books.start()
        gateway.truths = [a_truth(started.ref, RemoteState.OPEN)]
        clock = Clock(now() + timedelta(minutes=31))
        turns = []

        def tick() -> datetime:
            turns.append(clock.forward(seconds=10))
            if len(turns) == 8:
                os.kill(os.getpid(), signal.SIGTERM)
            return clock.at

        accept(sqlite_store, "nobody", "evt_1", at=clock.at)
        worker.run(house, clock=tick)
        assert gateway.calls.count("retrieve") == 2
        with sqlite_store.read() as s:
            assert s.scalar(select(func.count()).select_from(Heartbeat)) == 1

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_it_stops_when_told(self, tmp_path: Path, number: signal.Signals) -> None:
        """A real process, a real signal, a clean end."""
        with fresh_database("sqlite", tmp_path) as url:
            house = build(url, tmp_path)
            process = subprocess.Popen(
                [sys.executable, "-m", "jobs.commands", "worker"], cwd=ROOT, stderr=subprocess.PIPE,
                text=True, env=environment(house, tmp_path),
            )  # fmt: skip
            assert process.stderr is not None
            guard = threading.Timer(60, process.kill)
            guard.start()
            try:
                first = process.stderr.readline()
                process.send_signal(number)
                rest = process.stderr.read()
                assert "worker starts" in first
                assert rest.count("\n") == 1
                assert "worker stops" in rest
                assert process.wait(30) == 0
            finally:
                guard.cancel()
                process.stderr.close()
                house.store.dispose()


def environment(house: House, folder: Path) -> dict[str, str]:
    settings = house.settings
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": settings.DATABASE_URL,
        "AMICABLE_ENV": settings.AMICABLE_ENV.value,
        "AMICABLE_DATA_DIR": str(folder),
        "SECRET_KEY": settings.SECRET_KEY,
        "BASE_URL": settings.BASE_URL,
        "AMICABLE_SINGLE_HOST": "yes" if settings.AMICABLE_SINGLE_HOST else "no",
        "AMICABLE_TRUSTED_PROXIES": str(settings.AMICABLE_TRUSTED_PROXIES or 0),
    }


def test_a_refund_whose_gateway_account_is_not_here_calls_a_person(
    house: House, gateway: ToldGateway
) -> None:
    """P-16, INV-13: nobody can ask for it; it waits, a person hears of it in time and not hours later."""
    paid = a_paid_account(house.store, came=13000)
    approved(paid, 3000)
    elsewhere, at = replace(house, gateways={"other": gateway}), NOON + default_policy().alert_after
    for now_ in (at, at + timedelta(minutes=1), at + timedelta(minutes=2)):
        worker.take_jobs(elsewhere, worker="a", now=now_)
        worker.sweep(elsewhere, now=now_)
    with house.store.read() as s:
        found = s.scalars(select(Alert).where(Alert.code == "refund_unresolved")).all()
        assert [alert.raised_at for alert in found] == [at + timedelta(minutes=1)]
