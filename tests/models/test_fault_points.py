"""Named points: nothing outside tests, one strike each inside, and every name stands in the code."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from models import fault_points
from models.fault_points import ACTIONS, POINTS, Struck, arm, reach
from tests import faults

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


def test_kill_cleans_nothing_up() -> None:
    """FT-01: as `kill -9` does."""
    words = "from models import fault_points as f; f.arm('job.before_done:kill'); f.reach('job.before_done')"
    ended = subprocess.run([sys.executable, "-c", words], cwd=ROOT, check=False)  # noqa: S603 - our own words
    assert ended.returncode == -9


@pytest.mark.parametrize("asked", ["nowhere:kill", "settle.before_commit:sing", "settle.before_commit"])
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
    assert set(ACTIONS) >= {"kill", "raise", "sleep"}
    assert fault_points.STILL_SECONDS > 0
