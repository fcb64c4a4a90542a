"""The command line: what is absent, what is refused, what is said, and that nothing is changed."""

from __future__ import annotations

import ast
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

import checker
from checker.__main__ import main
from tests.checker.conftest import Check
from tests.checker.damage import books, path_of, stripe
from tests.checker.world import NOW, World

ROOT = Path(checker.__file__).parents[1]
Output = pytest.CaptureFixture[str]


def test_runs_as_a_program_and_names_what_is_broken(world: World) -> None:
    """`python -m checker` prints one line an invariant and exits 1 with the fact that is broken."""
    books("UPDATE invoice SET balance_minor = balance_minor + 1 WHERE number = 'INV-2'")(world)
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "checker", "--database", world.database, "--stripe-log", str(world.stripe),
         "--mailbox", str(world.mailbox), "--now", NOW.isoformat()],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60, env={"DATABASE_URL": "nonsense"},
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (1, "")
    lines = ran.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("INV-")] == [
        f"INV-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16)
    ]
    (broken,) = [number for number, line in enumerate(lines) if "BROKEN" in line]
    assert lines[broken].startswith("INV-3 ")
    assert "invoice 2 says it has GBP 120.01 open" in lines[broken + 1]
    assert any(line.startswith("audit head: row ") for line in lines)


def test_default_part_that_is_absent_is_said(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """A default part is left out in words, never silently, and what is there is still checked."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["--database", world.database, "--now", NOW.isoformat()]) == 0
    said = capsys.readouterr().out
    assert "not checked: var/stripe.db is absent" in said
    assert "not checked: var/mailbox.db is absent" in said
    assert "not checked: fees and payouts of the gateway in INV-5 (var/stripe.db is absent)" in said


def test_defaults_are_looked_for_under_var(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """Without arguments the three files of the demo are read."""
    (tmp_path / "var").mkdir()
    for part in (Path(path_of(world)), world.stripe, world.mailbox):
        shutil.move(part, tmp_path / "var" / part.name)
    monkeypatch.chdir(tmp_path)
    assert main(["--now", NOW.isoformat()]) == 0
    said = capsys.readouterr().out
    assert "is absent" not in said
    stripe("DELETE FROM object WHERE id = 'ch_3'")(World("", tmp_path / "var/stripe.db", Path()))
    assert main(["--now", NOW.isoformat()]) == 1


def test_a_demo_that_was_ended_is_judged_by_its_end(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """INV-13: nobody swept a page that closed after Ctrl-C; with another database a dead worker is found."""
    later = ["--database", world.database, "--now", (NOW + timedelta(hours=2)).isoformat()]
    assert main(later) == 1
    broken = [line for line in capsys.readouterr().out.splitlines() if "BROKEN" in line]
    assert [line.split()[0] for line in broken] == ["INV-13"]
    moment = NOW.strftime("'%Y-%m-%d %H:%M:%S.%f'")
    books(f"INSERT INTO heartbeat (host, started_at, seen_at) VALUES ('vm', {moment}, {moment})")(world)  # noqa: S608
    assert main(later) == 1
    capsys.readouterr()
    (tmp_path / "var").mkdir()
    for part in (Path(path_of(world)), world.stripe, world.mailbox):
        shutil.move(part, tmp_path / "var" / part.name)
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    assert "nothing has run since" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--stripe-log", "--mailbox", "--client-log", "--logs"])
def test_named_part_that_is_absent_is_wrong_use(option: str, healthy: World, capsys: Output) -> None:
    """Who names a file wants it checked."""
    assert main(["--database", healthy.database, option, "nowhere.file"]) == 2
    assert "nowhere.file is absent" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:///nowhere.db", "nowhere.db is absent"),
        ("mysql://localhost/amicable", "neither sqlite:/// nor postgresql://"),
        ("amicable.db", "neither sqlite:/// nor postgresql://"),
        (f"sqlite:///{Path(__file__)}", "cannot be read"),
        ("postgresql:///amicable?host=/nowhere", "the database does not answer"),
    ],
)
def test_database_that_is_none_is_wrong_use(url: str, says: str, capsys: Output) -> None:
    """Without the database nothing could be proved: exit 2, never a quiet 0."""
    assert main(["--database", url]) == 2
    assert says in capsys.readouterr().err


def test_other_file_in_place_of_a_part_is_wrong_use(healthy: World, capsys: Output) -> None:
    """A mailbox given as the gateway's log is refused by its tables."""
    assert main(["--database", healthy.database, "--stripe-log", str(healthy.mailbox)]) == 2
    assert "has no table object" in capsys.readouterr().err


@pytest.mark.parametrize("moment", ["2026-11-20T12:00", "noon"])
def test_moment_without_zone_is_wrong_use(moment: str, healthy: World, capsys: Output) -> None:
    """A naive moment could be read in two ways."""
    with pytest.raises(SystemExit) as refused:
        main(["--database", healthy.database, "--now", moment])
    assert refused.value.code == 2
    assert "is not a moment with its zone" in capsys.readouterr().err


def test_damaged_file_is_broken_not_a_crash(world: World, check: Check) -> None:
    """Pages overwritten with noise are named as rows that cannot be read."""
    path = Path(path_of(world))
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'posting'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    answer = check(world)
    assert answer.code == 1
    assert "rows cannot be read (DatabaseError" in answer.broken["INV-1"]


def test_reads_only_and_beside_a_writer(world: World, check: Check) -> None:
    """A writer in the middle of a unit of work is neither seen nor disturbed, and no byte changes (M-24)."""
    path = Path(path_of(world))
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE invoice SET balance_minor = balance_minor + 1 WHERE number = 'INV-2'")
        before = sha256(path.read_bytes()).digest()
        assert check(world).code == 0
        assert sha256(path.read_bytes()).digest() == before
        writer.execute("COMMIT")
        assert set(check(world).broken) == {"INV-3"}


def test_reads_what_a_killed_writer_left_in_its_log(world: World, tmp_path: Path, check: Check) -> None:
    """After kill -9 committed work may stand in the write-ahead log alone; it counts."""
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with closing(sqlite3.connect(path_of(world), isolation_level=None)) as writer:
        writer.execute("UPDATE invoice SET balance_minor = balance_minor + 1 WHERE number = 'INV-2'")
        for name in ("amicable.db", "amicable.db-wal"):
            shutil.copy(Path(path_of(world)).with_name(name), crashed / name)
    left = World(f"sqlite:///{crashed}/amicable.db", world.stripe, world.mailbox)
    assert set(check(left).broken) == {"INV-3"}


def test_imports_nothing_of_ours() -> None:
    """A proof by the code that is to be proved is none: standard library and the database driver only."""
    allowed = sys.stdlib_module_names | {"checker", "psycopg"}
    for path in (ROOT / "checker").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import)
                else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            )  # fmt: skip
            for name in names:
                assert name.partition(".")[0] in allowed, f"{path.name} imports {name}"
            assert not (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")), path.name
