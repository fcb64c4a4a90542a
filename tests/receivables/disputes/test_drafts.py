"""Disputes that nobody sent: they go with their files and bytes, and never while they are being sent."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from gateways.files import FileFolder
from models.accounts import Account
from models.audit import AuditEntry
from models.disputes import Dispute, DisputeDraft, DisputeFile
from models.files import StoredFile
from models.store import Store
from receivables import file_care, files
from receivables.disputes import drafts
from receivables.disputes.claims import LineClaim
from receivables.errors import NotFound
from receivables.files import ReceivedFile
from receivables.policy import default_policy
from tests.effort import REPEATS
from tests.races import together
from tests.receivables.disputes.story import Story

KEPT = timedelta(days=default_policy().disputes.draft_days)
DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> FileFolder:
    return FileFolder(tmp_path / "files")


def came(folder: FileFolder, name: str, side: int = 4) -> ReceivedFile:
    out = io.BytesIO()
    Image.new("RGB", (side, side)).save(out, "PNG")
    return files.receive(folder, name, out.getvalue(), default_policy())


def typed(story: Story, *received: ReceivedFile, drop: tuple[str, ...] = ()) -> DisputeDraft:
    return story.act(drafts.save_draft, story.debtor, story.invoice.ref, form={"words": "x"},
                     received=received, drop=drop, shown_at=story.now)  # fmt: skip


def forget(story: Story, now: datetime) -> int:
    """As the daily work does it: the account is locked first."""

    def unit(session: Session) -> int:
        account = session.get_one(Account, story.account.id, with_for_update=True)
        return drafts.forget_old(session, account, today=now.date(), now=now)

    return story.store.run(unit)


def names(story: Story) -> list[str]:
    return story.all(select(StoredFile.name).order_by(StoredFile.id))


def codes(story: Story) -> list[str]:
    return story.all(select(AuditEntry.code).where(AuditEntry.code.like("%forgotten")))


def test_old_drafts_go_with_their_files(store: Store, folder: FileFolder) -> None:
    """Decision 10: seven days, and one more out of sight; what was sent stays; each end is audited once."""
    story = Story(store)
    draft = typed(story, came(folder, "sent.png"))
    story.dispute(LineClaim(1), files=draft.files, ref=draft.ref)
    typed(story, came(folder, "kept.png", 5))
    story.now += KEPT
    with store.read() as session:
        assert drafts.find_draft(session, story.debtor, story.invoice.ref, now=story.now) is None
    assert forget(story, story.now) == 0, "somebody may have looked at it a moment ago"
    later = story.now + DAY
    with store.read() as session:
        assert drafts.concerned(session, story.now.date()) == set()
        assert drafts.concerned(session, later.date()) == {story.account.id}
    assert forget(story, later + timedelta(minutes=1)) == 1
    assert (story.all(select(DisputeDraft)), names(story)) == ([], ["sent.png"])
    assert forget(story, later + DAY) == 0
    assert sorted(codes(story)) == ["dispute.draft_forgotten", "file.forgotten"]


def test_what_was_taken_out_goes_and_what_is_still_typed_stays(store: Store, folder: FileFolder) -> None:
    """A file of a draft that is still edited stays however old it is; one that was taken out does not."""
    story = Story(store)
    draft = typed(story, came(folder, "stays.png"), came(folder, "out.png", 5))
    out = draft.files[1]
    story.now += timedelta(days=6)
    typed(story, drop=(out,))
    story.now += timedelta(days=4)
    with store.read() as session:
        assert drafts.concerned(session, story.now.date()) == {story.account.id}
    assert forget(story, story.now) == 0
    assert names(story) == ["stays.png"]
    with store.read() as session:
        found = drafts.find_draft(session, story.debtor, story.invoice.ref, now=story.now)
    assert found is not None
    assert [file.name for file in found.files] == ["stays.png"]


def aged(tmp_path: Path) -> None:
    then = (datetime.now(UTC) - timedelta(days=3)).timestamp()
    for path in (tmp_path / "files").rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def test_bytes_that_no_row_names_are_erased(store: Store, folder: FileFolder, tmp_path: Path) -> None:
    """Of forgotten drafts and of forms that were refused; shared content, and new content, stays."""
    story, now = Story(store), datetime.now(UTC)
    sent, draft_only = came(folder, "sent.png"), came(folder, "forgotten.png", 5)
    refused = came(folder, "refused.png", 6)
    draft = typed(story, sent)
    story.dispute(LineClaim(1), files=draft.files, ref=draft.ref)
    typed(story, came(folder, "same-content.png"), draft_only)
    forget(story, story.now + KEPT + 2 * DAY)
    every = range(file_care.PARTS)
    assert file_care.sweep_bytes(store, folder, now=now, parts=every) == 0, "too young to judge"
    aged(tmp_path)
    young = came(folder, "young.png", 7)
    assert file_care.sweep_bytes(store, folder, now=now, parts=every) == 2
    assert folder.read(sent.content_digest)
    assert folder.read(young.content_digest)
    for gone in (draft_only, refused):
        with pytest.raises(FileNotFoundError):
            folder.read(gone.content_digest)
    assert file_care.sweep_bytes(store, folder, now=now, parts=every) == 0
    noted = story.all(select(AuditEntry.payload).where(AuditEntry.code == "file.erased"))
    assert len(noted) == 2
    assert all(any(gone.content_digest in said for said in noted) for gone in (draft_only, refused))


def test_each_part_of_the_folder_has_its_hour(
    sqlite_store: Store, folder: FileFolder, tmp_path: Path
) -> None:
    """A day of hourly runs looks at everything once."""
    for number in range(20):
        folder.keep(b"%d" % number)
    aged(tmp_path)
    start = datetime.now(UTC)
    erased = [
        file_care.sweep_bytes(sqlite_store, folder, now=start + timedelta(hours=hour)) for hour in range(24)
    ]
    assert (sum(erased), max(erased) < 20) == (20, True)


def test_sent_at_the_moment_it_is_forgotten(store: Store, folder: FileFolder, tmp_path: Path) -> None:
    """Race send ∥ forget ∥ sweep: a dispute with all its files and bytes, or none of it."""
    later = KEPT + 2 * DAY
    for number in range(REPEATS):
        story = Story(store)
        draft = typed(story, came(folder, "a.png", 10 + number), came(folder, "b.png", 90 + number))
        aged(tmp_path)
        shown, now = story.now, story.now + later
        story.now = now

        def send(story: Story = story, draft: DisputeDraft = draft, shown: datetime = shown) -> object:
            return story.dispute(LineClaim(1), files=draft.files, ref=draft.ref, shown_at=shown)

        def end(story: Story = story, now: datetime = now) -> object:
            forget(story, now)
            return file_care.sweep_bytes(store, folder, now=datetime.now(UTC), parts=range(file_care.PARTS))

        outcomes = together(2, lambda n, acts=(send, end): acts[n]())
        assert not isinstance(outcomes[1], Exception), outcomes
        with store.read() as session:
            disputes = session.scalars(select(Dispute).where(Dispute.account_id == story.account.id)).all()
            rows = session.scalars(select(StoredFile).where(StoredFile.account_id == story.account.id)).all()
            attached = session.scalars(
                select(DisputeFile.file_id).where(DisputeFile.file_id.in_([row.id for row in rows]))
            ).all()
        if disputes:
            assert len(attached) == len(rows) == 2
            assert all(folder.read(row.content_digest) for row in rows)
        else:
            assert isinstance(outcomes[0], NotFound), outcomes
            assert (rows, attached) == ([], [])


def test_an_upload_at_the_moment_of_the_sweep_keeps_its_bytes(
    store: Store, folder: FileFolder, tmp_path: Path
) -> None:
    """The same content is sent again while the sweep is about to erase it."""
    for number in range(REPEATS):
        story = Story(store)
        came(folder, "a.png", 10 + number)
        aged(tmp_path)

        def again(story: Story = story, number: int = number) -> object:
            return typed(story, came(folder, "a.png", 10 + number))

        def sweep() -> object:
            return file_care.sweep_bytes(store, folder, now=datetime.now(UTC), parts=range(file_care.PARTS))

        outcomes = together(3, lambda n, acts=(again, sweep, sweep): acts[n]())
        assert not any(isinstance(outcome, Exception) for outcome in outcomes), outcomes
        with store.read() as session:
            row = session.scalars(select(StoredFile).where(StoredFile.account_id == story.account.id)).one()
        assert folder.read(row.content_digest)
