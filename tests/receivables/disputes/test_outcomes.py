"""The thread and the ends of a dispute, on both databases."""

from __future__ import annotations

import io
from datetime import date, timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from gateways.files import FileFolder
from models.disputes import DisputeLine, DisputeNote
from models.files import StoredFile
from models.invoices import Invoice, InvoiceKind
from models.links import Channel
from models.messages import Message
from models.money import Money
from models.pauses import Pause
from models.states import DisputeStatus, InvoiceStatus
from models.store import Store
from models.work import Task
from presentation import Presenter
from receivables import files, ledger, letters
from receivables.disputes import outcomes, reads, threads
from receivables.disputes.claims import LineClaim
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.policy import default_policy
from tests.presentation.letters import TEMPLATES
from tests.receivables.disputes.story import Story, refused_code
from tests.receivables.disputes.test_opening import paid_in_full

D = DisputeStatus


def open_pauses(story: Story) -> list[str]:
    return story.all(select(Pause.key).where(Pause.ended_at.is_(None)))


def open_tasks(story: Story) -> list[str]:
    return story.all(select(Task.key).where(Task.done_at.is_(None)))


def kinds(story: Story) -> list[str]:
    return story.all(select(Message.kind).order_by(Message.id))


def test_taken_answered_and_refused(store: Store) -> None:
    """Domain: opened → under review → rejected; the amount is asked for again, the pause ends, he is told."""
    story = Story(store)
    dispute = story.dispute(LineClaim(2))
    taken = story.act(outcomes.take, story.collector, dispute.ref)
    assert (taken.status, taken.handled_by_id) == (D.UNDER_REVIEW, story.collector.id)
    story.act(threads.answer, story.collector, dispute.ref, words="Who signed for it?")
    story.act(threads.answer, story.collector, dispute.ref, words="Who signed for it?")
    story.act(threads.add_words, story.debtor, dispute.ref, words="The night porter.")
    assert len(story.all(select(DisputeNote))) == 3, "the same answer twice is one"
    with pytest.raises(Refused) as refused:
        story.act(outcomes.refuse, story.collector, dispute.ref, finding=" ")
    assert refused_code(refused) == "finding_missing"
    done = story.act(outcomes.refuse, story.collector, dispute.ref, finding="Signed for as dry.")
    assert (done.status, done.holds, done.resolved_by_id) == (D.REJECTED, False, story.collector.id)
    assert story.all(select(DisputeLine.holds)) == [False]
    assert story.asked() == 84240
    assert (open_pauses(story), open_tasks(story)) == ([], [])
    assert kinds(story) == ["dispute_received", "dispute_answered", "dispute_refused"]
    for act in (outcomes.take, outcomes.withdraw):
        actor = story.collector if act is outcomes.take else story.debtor
        with pytest.raises(Refused) as refused:
            story.act(act, actor, dispute.ref)
        assert refused_code(refused) == "dispute_closed"


def test_upheld_credits_exactly_what_was_contested(store: Store) -> None:
    """Decision 4: a numbered request; the books balance; nothing is set aside any more."""
    story = Story(store)
    dispute = story.dispute(LineClaim(2))
    done = story.act(outcomes.uphold, story.supervisor, dispute.ref, credited=Money(28080, "GBP"),
                     finding="Our driver's photo shows it wet.")  # fmt: skip
    assert (done.status, done.credited_minor, done.holds) == (D.UPHELD, 28080, False)
    (note,) = story.all(select(Invoice).where(Invoice.kind == InvoiceKind.CREDIT_NOTE))
    assert (note.number, note.id, note.refers_to_id) == (
        f"REQ-D-2026-{dispute.id:06d}", done.credit_note_id, story.invoice.id,
    )  # fmt: skip
    assert story.asked() == 84240 - 28080
    assert (open_pauses(story), open_tasks(story)) == ([], [])
    assert kinds(story)[-1] == "dispute_upheld"
    again = story.act(outcomes.uphold, story.supervisor, dispute.ref, credited=Money(28080, "GBP"),
                      finding="Again")  # fmt: skip
    assert again.version == done.version, "a second press changes nothing"


def test_the_whole_invoice_upheld_leaves_nothing(store: Store) -> None:
    story = Story(store)
    dispute = story.dispute()
    assert story.asked() == 0
    story.act(
        outcomes.uphold, story.supervisor, dispute.ref, credited=Money(84240, "GBP"), finding="Never sent."
    )
    assert story.all(select(Invoice.status).where(Invoice.id == story.invoice.id)) == [InvoiceStatus.PAID]


def test_partly_upheld_asks_for_the_other_part(store: Store) -> None:
    story = Story(store)
    dispute = story.dispute(LineClaim(2))
    done = story.act(
        outcomes.uphold, story.supervisor, dispute.ref, credited=Money(10000, "GBP"), finding="Half."
    )
    assert (done.status, done.credited_minor) == (D.PARTLY_UPHELD, 10000)
    assert story.asked() == 74240
    assert kinds(story)[-1] == "dispute_partly_upheld"


def test_what_cannot_be_credited(store: Store) -> None:
    """A-03: within the limit of a role, beyond it by two; never more than was contested."""
    story = Story(store)
    dispute = story.dispute(LineClaim(2))
    with pytest.raises(Refused) as beyond:
        story.act(outcomes.uphold, story.collector, dispute.ref, credited=Money(100001, "GBP"), finding="x")
    assert (refused_code(beyond), beyond.value.facts["most"]) == ("above_limit", Money(100000, "GBP"))
    for credited, code in ((Money(28081, "GBP"), "amount_above_contested"), (Money(0, "GBP"), "amount_zero"),
                           (Money(1, "EUR"), "other_currency")):  # fmt: skip
        with pytest.raises(Refused) as refused:
            story.act(outcomes.uphold, story.supervisor, dispute.ref, credited=credited, finding="x")
        assert refused_code(refused) == code
    assert story.again(dispute).status is D.OPENED
    assert story.asked() == 84240 - 28080
    for verb, facts in (
        (threads.answer, {"words": "x"}),
        (outcomes.take, {}),
        (outcomes.refuse, {"finding": "x"}),
    ):
        with pytest.raises(NotAllowed):
            story.act(verb, story.debtor, dispute.ref, **facts)


def test_paid_before_and_upheld_stays_in_the_accounts_favour(store: Store) -> None:
    """Paid under dispute: the credit waits on the account, nothing negative (M-09)."""
    story = Story(store)
    paid_in_full(story)
    dispute = story.dispute(LineClaim(2), shown_at=story.now - timedelta(minutes=5))
    story.act(
        outcomes.uphold, story.supervisor, dispute.ref, credited=Money(28080, "GBP"), finding="It was wet."
    )
    (note,) = story.all(select(Invoice).where(Invoice.kind == InvoiceKind.CREDIT_NOTE))
    assert (note.status, note.balance_minor) == (InvoiceStatus.OPEN, 28080)
    with store.read() as session:
        assert ledger.unapplied_credit(session, story.account.id) == [Money(28080, "GBP")]


def test_withdrawn_is_asked_for_at_once(store: Store) -> None:
    story, other = Story(store), Story(store)
    dispute = story.dispute(LineClaim(2))
    with pytest.raises(NotFound):
        story.act(outcomes.withdraw, other.debtor, dispute.ref)
    story.act(outcomes.withdraw, story.debtor, dispute.ref)
    story.act(outcomes.withdraw, story.debtor, dispute.ref)
    assert story.asked() == 84240
    assert open_pauses(story) == []
    assert story.dispute(LineClaim(2)).contested_minor == 28080, "it may be disputed again"


def test_reopened_once_with_new_evidence(store: Store) -> None:
    """Domain: rejected → under review, once; what is open of it by now is set aside again."""
    story = Story(store)
    dispute = story.dispute(LineClaim(2))
    with pytest.raises(Refused) as refused:
        story.act(outcomes.reopen, story.debtor, dispute.ref, words="But see")
    assert refused_code(refused) == "not_refused"
    story.act(outcomes.refuse, story.collector, dispute.ref, finding="Signed for.")
    with pytest.raises(Refused) as refused:
        story.dispute(LineClaim(2))
    assert refused_code(refused) == "line_answered", "a new dispute is no way round"
    with pytest.raises(Refused) as refused:
        story.act(outcomes.reopen, story.debtor, dispute.ref, words=" ")
    assert refused_code(refused) == "words_missing"
    story.now += timedelta(days=4)
    again = story.act(outcomes.reopen, story.debtor, dispute.ref, words="The driver's note")
    assert (again.status, again.holds, again.answer_by_on) == (D.UNDER_REVIEW, True, date(2026, 11, 30))
    assert story.asked() == 84240 - 28080
    assert open_pauses(story) == [f"dispute:{dispute.id}:again"]
    assert open_tasks(story) == [f"dispute:{dispute.id}:again"]
    story.act(outcomes.refuse, story.collector, dispute.ref, finding="Still signed for.")
    with pytest.raises(Refused) as refused:
        story.act(outcomes.reopen, story.debtor, dispute.ref, words="Once more")
    assert refused_code(refused) == "reopened_before"
    assert kinds(story) == ["dispute_received", "dispute_refused"] * 2


def a_file(store: Store, story: Story, folder: FileFolder, name: str = "a.png") -> StoredFile:
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "PNG")
    return store.run(
        lambda s: files.store_upload(
            s, folder, story.debtor, account_id=story.account.id, name=name, data=out.getvalue(),
            policy=default_policy(), now=story.now,
        )
    )  # fmt: skip


def test_ten_files_a_dispute_and_only_ones_own(store: Store, tmp_path: Path) -> None:
    """X-03, L-15: ten in all; a file of another account, or of another dispute, is not found."""
    story, other, folder = Story(store), Story(store), FileFolder(tmp_path / "files")
    own = [a_file(store, story, folder, f"{n}.png").ref for n in range(11)]
    with pytest.raises(NotFound):
        story.dispute(LineClaim(1), files=[a_file(store, other, folder).ref])
    dispute = story.dispute(LineClaim(1), files=own[:9])
    with pytest.raises(Refused) as refused:
        story.act(threads.add_words, story.debtor, dispute.ref, words="", files=own[9:])
    assert (refused_code(refused), refused.value.facts) == ("too_many_files", {"most": 10})
    with pytest.raises(NotFound):
        story.act(threads.add_words, story.debtor, dispute.ref, words="", files=own[:1])
    story.act(threads.add_words, story.debtor, dispute.ref, words="", files=own[9:10])
    with store.read() as session:
        view = reads.dispute_view(session, story.debtor, dispute.ref, now=story.now)
        assert [len(word.files) for word in view.thread] == [9, 1]
        assert files.one_file(session, story.debtor, own[0]).name == "0.png"
        for stranger in (other.debtor,):
            with pytest.raises(NotFound):
                files.one_file(session, stranger, own[0])
            with pytest.raises(NotFound):
                reads.dispute_view(session, stranger, dispute.ref, now=story.now)


@pytest.mark.parametrize("language", ["en", "he", "ru", "hu"])
def test_each_message_is_whole(sqlite_store: Store, language: str) -> None:
    """House: every message complete in every language, with the amounts of its moment."""
    store = sqlite_store
    story, whole = Story(store), Story(store)
    dispute = story.dispute(LineClaim(2))
    story.act(threads.answer, story.collector, dispute.ref, words="Who signed for it?")
    story.act(
        outcomes.uphold, story.supervisor, dispute.ref, credited=Money(10000, "GBP"), finding="Half was wet"
    )
    second = story.dispute(LineClaim(1))
    story.act(outcomes.refuse, story.collector, second.ref, finding="All was dry")
    all_of_it = whole.dispute()
    whole.act(
        outcomes.uphold, whole.supervisor, all_of_it.ref, credited=Money(84240, "GBP"), finding="Never sent"
    )
    presenter = Presenter(TEMPLATES)
    said: dict[str, list[str]] = {}
    with store.read() as session:
        for message in session.scalars(select(Message).order_by(Message.id)):
            message.language = language
            letter = letters.compose(
                session, message, link="https://pay.example/l/x", link_expires_at=None,
                stop="https://pay.example/x/y", now=story.now,
            )  # fmt: skip
            assert message.channel is Channel.EMAIL
            said.setdefault(message.kind, []).append(presenter.render_message(letter).text)
    assert set(said) == {
        "dispute_received", "dispute_answered", "dispute_partly_upheld", "dispute_refused", "dispute_upheld",
    }  # fmt: skip
    assert "742.40" in said["dispute_refused"][0].replace(",", ".")
    assert "Half was wet" in said["dispute_partly_upheld"][0]
    assert "0.00" not in said["dispute_upheld"][0].replace(",", "."), "nothing remains, so no amount is named"
