"""INV-14: the database against what clients were told (requirements 7)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker.__main__ import main
from tests.checker.conftest import Check
from tests.checker.world import World


def _log(folder: Path, *acts: dict[str, object]) -> Path:
    path = folder / "ops.jsonl"
    path.write_text("".join(json.dumps(act) + "\n" for act in acts) + "\n", encoding="utf-8")
    return path


def _act(
    op: str, ref: str, outcome: str, minor: int | None = None, currency: str = "GBP"
) -> dict[str, object]:
    amount = {} if minor is None else {"amount_minor": minor, "currency": currency}
    return {"op": op, "ref": ref, "outcome": outcome, **amount}


def test_what_was_told_is_so(healthy: World, check: Check, tmp_path: Path) -> None:
    """`ok` is there, `fail` is not, `info` may be either, and a later `ok` outweighs an earlier `fail`."""
    path = _log(
        tmp_path,
        _act("pay", "attempt-ch_1", "fail"),
        _act("pay", "attempt-ch_1", "ok", 15_000),
        _act("pay", "attempt-ch_3", "info", 5_000, "JPY"),
        _act("pay", "never", "info", 5_000),
        _act("pay", "gone", "fail", 500),
        _act("start", "gone", "ok", 500),
        _act("message", "reminder-1", "ok"),
    )
    answer = check(healthy, "--client-log", path)
    assert (answer.code, answer.broken) == (0, {})
    assert answer.checks["INV-14"]["rows"] == 6


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (_act("pay", "gone", "ok", 500), "pay gone was confirmed to the client and is not in the database"),
        (_act("start", "never", "ok"), "start never was confirmed"),
        (_act("pay", "attempt-ch_1", "fail"), "pay attempt-ch_1 was refused to the client and is in the"),
        (
            _act("pay", "attempt-ch_1", "ok", 14_999),
            "is GBP 150.00 in the database, the client was told GBP 149.99",
        ),
        (_act("pay", "attempt-ch_1", "info", 15_000, "EUR"), "the client was told EUR 150.00"),
    ],
)
def test_what_was_told_is_not_so(
    act: dict[str, object], says: str, healthy: World, check: Check, tmp_path: Path
) -> None:
    """A lost `ok`, a `fail` that happened, and other amounts than told are named."""
    answer = check(healthy, "--client-log", _log(tmp_path, act))
    assert set(answer.broken) == {"INV-14"}
    assert says in answer.broken["INV-14"]


@pytest.mark.parametrize("line", ["{", "[]", '{"op": "fly", "ref": "x", "outcome": "ok"}', '{"op": "pay"}'])
def test_unreadable_log_is_wrong_use(
    line: str, healthy: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A log that says something else is refused before anything is judged by it."""
    path = tmp_path / "ops.jsonl"
    path.write_text(f"\n{line}\n", encoding="utf-8")
    assert main(["--database", healthy.database, "--client-log", str(path)]) == 2
    assert "line 2: not an operation" in capsys.readouterr().err
