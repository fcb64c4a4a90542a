"""The healthy world, made once and copied for each test that damages it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from checker.__main__ import main
from tests.checker.world import NOW, World, build


@dataclass(frozen=True, slots=True)
class Answer:
    """What the checker said: its exit code, and the first broken fact of each broken invariant."""

    code: int
    broken: dict[str, str]
    checks: dict[str, dict[str, Any]]


Check = Callable[..., Answer]


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The healthy world on SQLite; not to be changed."""
    folder = tmp_path_factory.mktemp("healthy")
    return build(f"sqlite:///{folder}/amicable.db", folder)


@pytest.fixture
def world(healthy: World, tmp_path: Path) -> World:
    """A copy to be damaged."""
    for name in ("amicable.db", "stripe.db", "mailbox.db"):
        shutil.copy(healthy.stripe.with_name(name), tmp_path / name)
    return World(f"sqlite:///{tmp_path}/amicable.db", tmp_path / "stripe.db", tmp_path / "mailbox.db")


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    """Runs the checker on a world, with more arguments where given, and reads its JSON."""

    def run(world: World, *more: object) -> Answer:
        code = main(
            [
                *("--database", world.database, "--stripe-log", str(world.stripe)),
                *("--mailbox", str(world.mailbox), "--now", NOW.isoformat(), "--json"),
                *(str(argument) for argument in more),
            ]
        )
        said = json.loads(capsys.readouterr().out)
        checks = {found["invariant"]: found for found in said["checks"]}
        assert said["holds"] == (code == 0)
        broken = {name: found["broken"] for name, found in checks.items() if found["verdict"] == "broken"}
        return Answer(code, broken, checks)

    return run
