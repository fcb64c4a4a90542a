"""What the tests of the demo share: its stories, played once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.jobs.demo_played import Played, play_demo


@pytest.fixture(scope="package")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with play_demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo
