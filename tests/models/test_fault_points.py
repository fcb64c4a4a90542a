"""Named points: nothing outside tests, one strike each inside, and every name stands in the code."""

from __future__ import annotations

import ast
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models import fault_points
from models.fault_points import ACTIONS, POINTS, Struck, arm, reach
from models.store import Store
from tests import faults
from tests.faults.waiting import PATIENCE, await_

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm(None)


def test_nothing_happens_unarmed() -> None:
    for point in POINTS:
        reach(point)


def test_the_nth_pass_is_struck_and_no_other() -> None:
    arm("settle.before_commit:raise:2,attempt.after_call:conflict")
    reach("settle.before_commit")
    with pytest.raises(Struck):
        reach("settle.before_commit")
    reach("settle.before_commit")
    with pytest.raises(OperationalError, match="database is locked"):
        reach("attempt.after_call")


def test_a_strike_in_a_folder_is_taken_once(tmp_path: Path) -> None:
    (tmp_path / "event.after_lease:raise:1").touch()
    arm(f"@{tmp_path}")
    reach("settle.before_commit")
    with pytest.raises(Struck):
        reach("event.after_lease")
    reach("event.after_lease")
    assert list(tmp_path.iterdir()) == []


def test_a_conflict_is_what_the_database_says(store: Store) -> None:
    """FT-02: each database has its own word for "somebody was first", and the unit of work is tried again."""
    arm("settle.before_commit:conflict", is_sqlite=store.is_sqlite)
    with pytest.raises(OperationalError) as conflict:
        reach("settle.before_commit")
    if store.is_sqlite:
        assert isinstance(conflict.value.orig, sqlite3.OperationalError)
    else:
        assert getattr(conflict.value.orig, "sqlstate", None) == "40001"
    arm("settle.before_commit:conflict:1", is_sqlite=store.is_sqlite)
    tries = []

    def unit(_session: Session) -> None:
        tries.append(1)
        reach("settle.before_commit")

    store.run(unit)
    assert len(tries) == 2


def test_who_is_held_stands_still_until_he_is_let_go(tmp_path: Path) -> None:
    (tmp_path / "event.after_lease:hold:1").touch()
    arm(f"@{tmp_path}")
    gone_on = threading.Event()
    passer = threading.Thread(target=lambda: (reach("event.after_lease"), gone_on.set()), daemon=True)
    passer.start()
    held = tmp_path / "held.event.after_lease:hold:1"
    await_("somebody is held", held.exists)
    reach("event.after_lease")  # nobody else is
    assert not gone_on.is_set()
    held.unlink()
    assert gone_on.wait(PATIENCE)
    passer.join()


def test_kill_cleans_nothing_up() -> None:
    """FT-01: as `kill -9` does."""
    words = "from models import fault_points as f; f.arm('job.before_done:kill'); f.reach('job.before_done')"
    ended = subprocess.run([sys.executable, "-c", words], cwd=ROOT, check=False)  # noqa: S603 - our own words
    assert ended.returncode == -9


@pytest.mark.parametrize(
    "asked",
    ["nowhere:kill", "settle.before_commit:sing", "settle.before_commit", "settle.before_commit:hold"],
)
def test_what_is_not_known_is_refused(asked: str) -> None:
    with pytest.raises(ValueError, match="no such"):
        arm(asked)


def test_every_point_stands_in_the_code_and_every_call_is_a_point() -> None:
    """A point that nobody passes would make a test of nothing."""
    called = set()
    for room in ("models", "receivables", "portal", "jobs"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "fault_points.reach":
                    called.add(ast.literal_eval(node.args[0]))
    assert called == POINTS


def test_every_point_is_struck_by_a_fault_test() -> None:
    """`kill -9` at each of them never needs a repair by hand: each is named in the fault suite."""
    said = "".join(p.read_text(encoding="utf-8") for p in Path(faults.__file__ or "").parent.glob("*.py"))
    assert {point for point in POINTS if f'"{point}"' not in said} == set()
    assert set(ACTIONS) >= {"kill", "raise", "sleep", "hold"}
    assert fault_points.STILL_SECONDS > 0
