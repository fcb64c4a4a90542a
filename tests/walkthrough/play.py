"""The 120 days, lived through once on a database and a mailbox of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assembly import assemble
from config import Settings
from tests.mailboxes import MailboxProcess
from tests.walkthrough import script
from tests.walkthrough.world import World

#: What the days say, as it is committed.
PAPER = Path(__file__).resolve().parents[2] / "docs" / "ladder-walkthrough.md"


@contextmanager
def played(database_url: str, mailbox: MailboxProcess, folder: Path) -> Iterator[World]:
    """Give the world at the end of its last day; its house is closed afterwards."""
    house = assemble(
        Settings.load(
            AMICABLE_ENV="test", DATABASE_URL=database_url, SECRET_KEY="k" * 40, AMICABLE_DATA_DIR=folder,
            BASE_URL="https://pay.northgate.example", AMICABLE_SHORT_URL="https://n.example",
            SMTP_URL=mailbox.smtp_url, SMS_URL=mailbox.sms_url,
        )
    )  # fmt: skip
    world = World(house, mailbox, answers=script.answers(), talks=script.talks(), refusals=script.refusals())
    try:
        world.begin()
        world.live(script.acts())
        yield world
    finally:
        house.press.close()
        house.store.dispose()
