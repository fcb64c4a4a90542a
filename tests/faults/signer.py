"""Somebody who answers an offer, in a process of his own: a debtor's device, the desk, the day's work.

`python -m tests.faults.signer URL` says "ready", then does what each line of JSON asks, one after another,
and says in JSON how it ended. The line "go" after it is the moment at which it is done.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.arrangements import Offer
from models.staff import Staff
from models.store import Store
from receivables.arrangements import offer_deciding, offer_ends, offers
from receivables.errors import ReceivablesError
from receivables.payments import settling
from receivables.ports import RemoteCharge, RemoteState
from tests import factories as make
from tests.fakes import ToldGateway, a_truth
from tests.receivables.arrangements.offer_world import gbp

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Work as told until nobody tells anything more."""
    store = Store(sys.argv[1])
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        act = ACTS[asked.pop("act")]
        asked["now"] = datetime.fromisoformat(asked["now"])
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            told = act(store, **asked)
        except ReceivablesError as refused:
            told = f"refused {refused.code}"
        print(json.dumps(told), flush=True)
    store.dispose()


def accept(store: Store, *, ref: str, name: str, now: datetime) -> str:
    """A device accepts what it has read."""

    def unit(session: Session) -> str:
        offer = session.scalars(select(Offer).where(Offer.ref == ref)).one()
        account = session.get_one(Account, offer.account_id)
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).first()
        found = offers.accept(
            session, make.holder_actor(account, contact), ref, digest=offer.content_digest, name=name,
            role="Owner", binds=True, language="en", ip_prefix=None, now=now,
        )  # fmt: skip
        return found.status.value

    return store.run(unit)


def withdraw(store: Store, *, ref: str, staff_id: int, now: datetime) -> str:
    """Who approved it takes it back."""

    def unit(session: Session) -> str:
        person = make.staff_actor(session.get_one(Staff, staff_id))
        return offer_deciding.withdraw(session, person, ref, now=now).status.value

    return store.run(unit)


def end_day(store: Store, *, ref: str, now: datetime) -> str:
    """The day's work of the offer's account, on the day of `now`."""

    def unit(session: Session) -> str:
        account_id = session.execute(select(Offer.account_id).where(Offer.ref == ref)).scalar_one()
        account = session.get_one(Account, account_id, with_for_update=True)
        return f"{offer_ends.end_outlived(session, account, today=now.date(), now=now)} ended"

    return store.run(unit)


def pay(store: Store, *, attempt: str, minor: int, taken_at: str, now: datetime) -> str:
    """The gateway says that so much was taken for an attempt."""
    charge = RemoteCharge(
        charge_id=f"ch-{attempt}", amount=gbp(minor), taken_at=datetime.fromisoformat(taken_at),
        method="card", method_detail="visa 4242", fee=None, balance_transaction_id=None,
    )  # fmt: skip
    gateway = ToldGateway([a_truth(attempt, RemoteState.SUCCEEDED, charge)])
    return settling.settle(store, gateway, attempt, now=now).value


ACTS: dict[str, Callable[..., str]] = {
    "accept": accept, "end_day": end_day, "pay": pay, "withdraw": withdraw,
}  # fmt: skip


@dataclass
class Signer:
    """Such a process, seen from the test."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, url: str) -> Signer:
        command = [sys.executable, "-m", "tests.faults.signer", url]
        signer = cls(
            subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
        )
        assert signer.heard() == "ready"
        return signer

    def ask(self, act: str, **asked: Any) -> None:
        """Say what is to be done at the next `go`."""
        told = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in asked.items()}
        self._say(json.dumps({"act": act, **told}))
        assert self.heard() == "ready"

    def go(self) -> None:
        self._say("go")

    def told(self) -> str:
        """Wait for the end; how it ended."""
        ended: str = json.loads(self.heard())
        return ended

    def heard(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.wait()

    def _say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


if __name__ == "__main__":
    main()
