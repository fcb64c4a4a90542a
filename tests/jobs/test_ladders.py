"""`amicable ladder compare`: two presets side by side before one is published."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.commands import main


def test_two_presets_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ladder", "compare", "gentle", "strict"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["day", "gentle", "strict"]
    due = next(line for line in lines if line.startswith("  0 "))
    assert "due_today: call, message at 12:00" in due
    assert due.endswith("due_today: call at 12:00")
    warning = next(line for line in lines if line.startswith("+30"))
    assert warning.endswith("formal_warning: letter (supervisor agrees)")


def test_all_that_ship_are_shown_when_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ladder", "compare"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["day", "gentle", "prepayment", "strict"]


def test_a_file_that_holds_no_ladder_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad input of the ladder: what is wrong, and in which file."""
    file = tmp_path / "ours.toml"
    file.write_text('name = "ours"\nkinds = ["invoice"]\nrungs = []\n', encoding="utf-8")
    assert main(["ladder", "compare", str(file)]) == 1
    assert capsys.readouterr().err == f"amicable: no_rungs: file {file}\n"
    assert main(["ladder", "compare", "nobody"]) == 2
    assert "no ladder and no file has the name nobody" in capsys.readouterr().err
