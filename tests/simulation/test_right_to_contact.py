"""INV-8 and INV-9 over a town of accounts and 120 days: nothing twice, nothing against the rules.

The ladder and the sending run for real, at all hours of the day, while invoices come, debtors pay, promise,
dispute and say no, courts and doctors write, people move, clocks are set back and the house changes its
hours and its role. Then two judges who share no code with it read what arrived: the oracle, from what the
simulation did, and the checker, from the books and the mailbox.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from models.accounts import FlagKind
from models.messages import ContactLedger, Message
from models.pauses import PauseReason
from models.store import Store
from receivables.contact import rules
from receivables.contact.rules import Decision
from tests.databases import fresh_database
from tests.effort import LONG
from tests.proof import check
from tests.simulation import town
from tests.simulation.lives import BUSY
from tests.simulation.town import Town

SEED = 20261005
ACCOUNTS = 150
#: Of the long run: accounts in all, of one database, and databases that are played at once.
MANY, TOGETHER, PROCESSES = 10_000, 500, 2
#: Every rung of the ladders that ship.
RUNGS = (
    "courtesy", "due_today", "first_reminder", "call", "official_letter", "sales", "freeze_review",
    "formal_warning", "last_offer", "hand_over",
)  # fmt: skip
#: Reasons for which a reminder must have been held back at least once in a town of any size.
HELD_BACK = (
    "opted_out", "nothing_due", "paused:promise", "cap:all", "needs_opt_in",
)  # fmt: skip
#: Of a dispute its part has left what is asked for; of hardship nobody reads.
UNSPOKEN = (PauseReason.DISPUTE, PauseReason.HARDSHIP)
#: And among many, often: every fact that silences, and every pause that the simulation makes.
HELD_BACK_BY_MANY = (
    *HELD_BACK, "cap:email", "cap:sms", *(f"flag:{kind}" for kind in FlagKind if kind != FlagKind.LEGAL_HOLD),
    *(f"paused:{reason}" for reason in PauseReason if reason not in UNSPOKEN),
)  # fmt: skip


@contextmanager
def a_town(url: str, folder: Path, accounts: range, *, busy: float = BUSY) -> Iterator[Town]:
    made = town.build(url, folder, accounts=accounts, seed=SEED, busy=busy)
    try:
        yield made
    finally:
        made.house.press.close()
        made.house.store.dispose()


def played(url: str, folder: Path, accounts: range, *, eventful: int) -> tuple[list[str], Counter[str]]:
    """Play a town, let both judges look, and say what they have against it and what it came to."""
    with a_town(url, folder, accounts) as made:
        made.play(eventful=eventful)
        against, tally = made.violations(), made.tally()
        made.sink.keep(folder / "mailbox.db")
    proof = check(url, mailbox=folder / "mailbox.db", now=made.sink.at)
    if proof.returncode:
        against.append(f"the checker: {proof.stdout}{proof.stderr}")
    return against, tally


def assert_full(tally: Counter[str], *, rungs: tuple[str, ...], sent: int) -> None:
    """A proof over nothing proves nothing: enough left, was held back and was climbed."""
    assert tally["reminder sent"] >= sent
    assert not tally["held back without a reason"]
    assert not tally["failed message_incomplete"]
    assert not tally["trouble"]
    for rung in rungs:
        assert tally[f"rung {rung}"], rung
    for reason in HELD_BACK:
        assert tally[f"because {reason}"], reason


def test_nothing_leaves_that_should_not(database_url: str, tmp_path: Path) -> None:
    """INV-8, INV-9: 0 violations in 120 days by oracle and checker; and each rung was reached."""
    against, tally = played(database_url, tmp_path, range(ACCOUNTS), eventful=6)
    assert against == []
    assert_full(tally, rungs=RUNGS, sent=ACCOUNTS)


@pytest.mark.skipif(not LONG, reason="AMICABLE_TEST_LONG=1")
def test_ten_thousand_accounts(capsys: pytest.CaptureFixture[str]) -> None:
    """Issue C, "Done when": INV-8 and INV-9 over 10,000 accounts and 120 days, 0 violations."""
    began = time.monotonic()
    shards = [range(first, first + TOGETHER) for first in range(0, MANY, TOGETHER)]
    results = []
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        for number, result in enumerate(pool.map(_shard, shards), 1):
            results.append(result)
            with capsys.disabled():
                seconds = time.monotonic() - began
                print(
                    f"{number * TOGETHER} accounts, {len(result[0])} violations, {seconds:.0f} s",
                    *result[0], sep="\n", flush=True,
                )  # fmt: skip
    tally: Counter[str] = sum((found for _, found in results), Counter())
    with capsys.disabled():
        print(json.dumps({"accounts": MANY, "days": town.DAYS, "seconds": round(time.monotonic() - began),
                          "violations": sum(len(against) for against, _ in results),
                          **dict(sorted(tally.items()))}, indent=1))  # fmt: skip
    assert [line for against, _ in results for line in against] == []
    assert_full(tally, rungs=RUNGS, sent=MANY)
    for reason in HELD_BACK_BY_MANY:
        assert tally[f"because {reason}"] >= MANY / 1000, reason


def _shard(accounts: range) -> tuple[list[str], Counter[str]]:
    """Play one part of the town in this process, on a disk of memory where there is one."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - no secret, and removed
    folder = Path(tempfile.mkdtemp(prefix="amicable-town-", dir=memory))
    try:
        with fresh_database("sqlite", folder) as url:
            return played(url, folder, accounts, eventful=4)
    finally:
        shutil.rmtree(folder)


# --------------------------------------------------------------------------- the judge has eyes


def _yes(*_: Any, **__: Any) -> bool:
    return True


def _no(*_: Any, **__: Any) -> bool:
    return False


def _nothing(*_: Any, **__: Any) -> list[str]:
    return []


def _unclaimed(
    _session: object, reminders: Sequence[tuple[Message, Decision]], **_: object
) -> list[ContactLedger]:
    """Claims that are never written, so that nobody finds the day taken."""
    return [ContactLedger(message_id=m.id, business_on=decision.business_on) for m, decision in reminders]


#: Rule -> what of the gate is switched off, and what the oracle then must say.
SWITCHED_OFF: dict[str, tuple[dict[str, Callable[..., Any]], str]] = {
    "window": ({"_in_all": _yes}, "hours"),
    "cap": ({"_used_up": _nothing}, "cap"),
    "opt-out": ({"_asks_consent": _no}, "'no'"),
    "flags": ({"_weigh": _nothing}, "flag"),
    "pauses": ({"_stops": _no}, "paused"),
    "dedupe": ({"claim_each": _unclaimed}, "twice a day"),
}


@pytest.mark.parametrize("rule", SWITCHED_OFF)
def test_a_gate_without_a_rule_is_found(
    rule: str, sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof can fail: each rule of the gate switched off alone, and the oracle names what left."""
    off, says = SWITCHED_OFF[rule]
    for name, instead in off.items():
        monkeypatch.setattr(rules, name, instead)
    url = sqlite_store.url.render_as_string(hide_password=False)
    with a_town(url, tmp_path, range(30), busy=0.3) as made:
        made.play(40, eventful=12)
        found = made.violations()
    assert any(says in line for line in found), found[:5]
