"""`python -m tests.walkthrough`: live through the 120 days once more and write docs/ladder-walkthrough.md."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.databases import fresh_database
from tests.mailboxes import start_mailbox
from tests.walkthrough.play import PAPER, played
from tests.walkthrough.telling import transcript


def main() -> None:
    """Write the paper anew."""
    with tempfile.TemporaryDirectory() as place, fresh_database("sqlite", Path(place)) as url:
        mailbox = start_mailbox(Path(place))
        try:
            with played(url, mailbox, Path(place)) as world:
                PAPER.write_text(transcript(world), encoding="utf-8")
        finally:
            mailbox.stop()
    print(f"{PAPER} is written anew")


if __name__ == "__main__":
    main()
