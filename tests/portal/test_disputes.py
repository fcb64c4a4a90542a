"""Disputing a line from the link to the answer: the form, the last look, the thread, the files."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, stream_encode_multipart

from models.accounts import Account, Contact
from models.disputes import Dispute, DisputeDraft, DisputeNote
from models.files import StoredFile
from models.invoices import Invoice
from models.ledger import LedgerCode
from models.money import Money
from models.payments import Allocation, AllocationRule, Payment, PaymentMethod
from models.states import DisputeStatus
from receivables import credit_notes, ledger
from receivables.disputes import outcomes
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.portal.conftest import Portal
from tests.portal.test_routes import statements
from tests.portal.visitor import Visitor, hidden, words


def a_picture(kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


@pytest.fixture
def invoice(portal: Portal, tidewater: Account) -> str:
    """£842.40 in three lines of £280.80."""
    with portal.store.read() as session:
        return session.scalars(select(Invoice.ref).where(Invoice.number == "2026-1184")).one()


def typed(**more: object) -> dict[str, object]:
    fields = {"what": "lines", "line": "2", "reason": "damaged", "words": "Both boxes were wet.", **more}
    return {name: value for name, value in fields.items() if value is not None}


def filled(visitor: Visitor, invoice: str, **more: object) -> TestResponse:
    """Open the form and send it on to its last look."""
    shown = hidden(visitor.get(f"/account/invoices/{invoice}/dispute"))
    return visitor.post(f"/account/invoices/{invoice}/dispute", [*shown, *typed(**more).items()])


def sent(visitor: Visitor, invoice: str, **more: object) -> str:
    """Dispute an invoice; returns the address of the dispute."""
    answer = filled(visitor, invoice, **more)
    assert answer.status_code == 303, words(answer)
    look = visitor.get(answer.location)
    done = visitor.post(f"/account/invoices/{invoice}/dispute/send", hidden(look))
    assert done.status_code == 303, words(done)
    return done.location


def only_dispute(portal: Portal) -> Dispute:
    with portal.store.read() as session:
        return session.scalars(select(Dispute)).one()


def test_a_line_from_the_form_to_its_status(portal: Portal, tidewater: Account, invoice: str) -> None:
    """Issue, part 2: the line is set aside, the rest stays payable in one tap, who has it and by when."""
    visitor = portal.visitor(tidewater)
    look = visitor.get(filled(visitor, invoice).location)
    said = words(look)
    assert "Set aside, not asked for until we have answered £280.80" in said
    assert "Of this invoice still to pay £561.60" in said
    assert "Both boxes were wet." in said
    with portal.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Dispute)) == 0, "nothing before the button"
    status = visitor.get(visitor.post(f"/account/invoices/{invoice}/dispute/send", hidden(look)).location)
    said = words(status)
    assert status.status_code == 200
    assert "Sent to us" in said
    assert "Pay the rest, £561.60" in said
    assert "Maya Thornton answers you" in said
    assert "£561.60" in words(visitor.get(f"/account/invoices/{invoice}"))


def test_sent_twice_is_one_dispute(portal: Portal, tidewater: Account, invoice: str) -> None:
    """M-06: a second press of the button leads to the same dispute."""
    visitor = portal.visitor(tidewater)
    fields = hidden(visitor.get(filled(visitor, invoice).location))
    first = visitor.post(f"/account/invoices/{invoice}/dispute/send", fields)
    second = visitor.post(f"/account/invoices/{invoice}/dispute/send", fields)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert only_dispute(portal).contested_minor == 28080


def test_everything_wrong_is_said_at_once_and_nothing_is_typed_again(
    portal: Portal, tidewater: Account, invoice: str
) -> None:
    """X-10: a summary that links to the fields, 422, what was typed and sent is kept."""
    visitor = portal.visitor(tidewater)
    answer = filled(
        visitor, invoice, reason="", **{"amount-2": "900,00"},
        files=(io.BytesIO(a_picture()), "carton.png"),
    )  # fmt: skip
    assert answer.status_code == 422
    said = words(answer)
    assert "2 things need another look" in said
    assert 'href="#r0"' in answer.text
    assert 'href="#m2"' in answer.text
    assert 'value="900,00"' in answer.text
    assert "Both boxes were wet." in answer.text
    assert "carton.png" in said
    again = visitor.post(
        f"/account/invoices/{invoice}/dispute", [*hidden(answer), *typed(**{"amount-2": "100.00"}).items()]
    )
    assert again.status_code == 303
    look = words(visitor.get(again.location))
    assert "carton.png" in look
    assert "£100.00" in look


def test_a_draft_is_there_the_next_day(portal: Portal, tidewater: Account, invoice: str) -> None:
    """Decision 10: drafts live seven days with the account, and no longer."""
    filled(portal.visitor(tidewater), invoice)
    portal.clock.forward(days=1)
    page = portal.visitor(tidewater).get(f"/account/invoices/{invoice}/dispute")
    assert "Both boxes were wet." in page.text
    portal.clock.forward(days=7)
    assert "Both boxes" not in portal.visitor(tidewater).get(f"/account/invoices/{invoice}/dispute").text


@pytest.mark.parametrize(
    ("more", "field", "sentence"),
    [
        ({"what": ""}, "w0", "Choose what it is about"),
        ({"line": None}, "w0", "Tick at least one line"),
        ({"amount-2": "280.81"}, "m2", "type £280.80 or less"),
        ({"amount-2": "0"}, "m2", "above zero"),
        ({"accepted-2": "1"}, "a2", "fewer pieces"),
        ({"agreed-2": "280.80"}, "g2", "a lower price"),
        ({"agreed-2": "x"}, "g2", "in digits"),
        ({"agreed-2": "1", "amount-2": "1"}, "a2", "one of the three"),
        ({"what": "amount", "amount": "842.41"}, "amount", "£842.40 or less"),
        ({"what": "amount", "amount": ""}, "amount", "Type the amount"),
        ({"reason": "other", "words": " "}, "words", "a few words"),
        ({"words": "x" * 2001}, "words", "longer than 2000"),
    ],
)
def test_what_needs_another_look(
    portal: Portal, tidewater: Account, invoice: str, more: dict[str, object], field: str, sentence: str
) -> None:
    """Issue, "Bad input": each is refused by name at its field."""
    answer = filled(portal.visitor(tidewater), invoice, **more)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text
    assert sentence in words(answer)


def test_a_paid_invoice_is_refused_by_name(portal: Portal, tidewater: Account, invoice: str) -> None:
    """Issue, "Bad input": disputing a paid invoice."""
    portal.store.run(
        lambda s: credit_notes.record_credit_note(
            s, SYSTEM, invoice, number="CN-1", amount=Money(84240, "GBP"), reason="torn", now=portal.clock.at
        )
    )
    answer = portal.visitor(tidewater).get(f"/account/invoices/{invoice}/dispute")
    assert answer.status_code == 409
    assert "Nothing of it is open any more" in words(answer)


def test_card_numbers_and_tricks_in_words(portal: Portal, tidewater: Account, invoice: str) -> None:
    """X-09: Luhn digits are stored masked, in the draft as well; HTML stays text, overrides go."""
    visitor = portal.visitor(tidewater)
    text = "paid with 4242 4242 4242 4242 \u202egnp.exe <script>alert(1)</script>"
    filled(visitor, invoice, words=text)
    with portal.store.read() as session:
        kept = session.scalars(select(DisputeDraft)).one().form["words"]
    assert kept == "paid with •••• 4242 gnp.exe <script>alert(1)</script>"
    page = visitor.get(sent(visitor, invoice, words=text))
    assert "4242 4242" not in page.text
    assert "<script>" not in page.text
    with portal.store.read() as session:
        assert session.scalars(select(DisputeNote)).one().words == kept


def test_the_thread_and_the_files(portal: Portal, tidewater: Account, invoice: str) -> None:
    """Issue, part 2: both sides write, files come back as attachments only (X-03)."""
    visitor = portal.visitor(tidewater)
    address = sent(visitor, invoice, files=(io.BytesIO(a_picture()), "../../wet box.png"))
    page = visitor.get(address)
    assert "wet box.png" in words(page)
    ref = re.search(r"/account/files/([\w-]+)", page.text)[1]  # type: ignore[index]
    given = visitor.get(f"/account/files/{ref}")
    assert given.status_code == 200
    assert given.headers["Content-Disposition"].startswith("attachment")
    assert given.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in given.headers["Content-Security-Policy"]
    assert given.mimetype == "image/png"
    visitor.get(address)
    more = visitor.post(
        f"{address}/add", {"words": "One more photo", "files": (io.BytesIO(a_picture("JPEG")), "two.jpg")}
    )
    assert more.status_code == 303
    said = words(visitor.get(address))
    assert "One more photo" in said
    assert "two.jpg" in said


def test_a_bad_file_is_named_and_the_words_stay(portal: Portal, tidewater: Account, invoice: str) -> None:
    """X-03 at the form: SVG is refused by name; the good file beside it is kept."""
    visitor = portal.visitor(tidewater)
    files = [(io.BytesIO(b"<svg onload='alert(1)'/>"), "logo.svg"), (io.BytesIO(a_picture()), "ok.png")]
    visitor.get(f"/account/invoices/{invoice}/dispute")
    pairs = [*typed().items(), *(("files", one) for one in files)]
    answer = visitor.post(f"/account/invoices/{invoice}/dispute", pairs)
    assert answer.status_code == 422
    said = words(answer)
    assert "logo.svg is not a PDF or a picture" in said
    assert "ok.png" in said


def test_too_many_files_and_too_large_a_form(portal: Portal, tidewater: Account, invoice: str) -> None:
    """X-03: ten files; a file of 50 MB is refused by name."""
    visitor = portal.visitor(tidewater)
    visitor.get(f"/account/invoices/{invoice}/dispute")
    eleven = [("files", (io.BytesIO(a_picture()), f"{n}.png")) for n in range(11)]
    answer = visitor.post(f"/account/invoices/{invoice}/dispute", [*typed().items(), *eleven])
    assert "Send at most 10 files" in words(answer)
    visitor.get(f"/account/invoices/{invoice}/dispute")
    huge = FileStorage(io.BytesIO(b"%PDF-1.7" + b"0" * 50_000_000), "all.pdf")
    fields = MultiDict({**typed(), "csrf_token": visitor.csrf, "files": huge})
    body, _, boundary = stream_encode_multipart(fields, threshold=10**9)
    answer = visitor.client.post(
        f"/account/invoices/{invoice}/dispute", data=body.read(),
        content_type=f"multipart/form-data; boundary={boundary}",
    )  # fmt: skip
    assert answer.status_code == 422
    assert "all.pdf is larger than 10 MB" in words(answer)
    with portal.store.read() as session:
        assert session.scalar(select(func.count()).select_from(StoredFile)) == 0


def test_withdraw_asks_once_more_and_asks_for_the_amount_again(
    portal: Portal, tidewater: Account, invoice: str
) -> None:
    """Issue, part 2: withdrawn, the amount is asked for at once."""
    visitor = portal.visitor(tidewater)
    address = sent(visitor, invoice)
    assert "£280.80 is then asked for again" in words(visitor.get(f"{address}/withdraw"))
    assert visitor.post(f"{address}/withdraw").status_code == 303
    assert "Taken back by you" in words(visitor.get(address))
    assert only_dispute(portal).status is DisputeStatus.WITHDRAWN
    assert "Pay £842.40" in words(visitor.get(f"/account/invoices/{invoice}"))


def test_refused_shows_the_finding_and_takes_new_evidence_once(
    portal: Portal, tidewater: Account, invoice: str
) -> None:
    """Domain: rejected → under review once, with new evidence."""
    visitor = portal.visitor(tidewater)
    address = sent(visitor, invoice)
    ref = address.rpartition("/")[2]

    def refuse(session: Session) -> None:
        person = make.staff_actor(make.a_person(session))
        outcomes.refuse(session, person, ref, finding="Signed for as dry.", now=portal.clock.at)

    portal.store.run(refuse)
    said = words(visitor.get(address))
    assert "Signed for as dry." in said
    assert "Pay £842.40" in said
    answer = visitor.post(f"{address}/reopen", {"words": ""})
    assert answer.status_code == 422
    assert visitor.post(f"{address}/reopen", {"words": "The driver's note"}).status_code == 303
    assert "Pay the rest, £561.60" in words(visitor.get(address))
    portal.store.run(refuse)
    page = visitor.get(address)
    assert "/reopen" not in page.text
    assert visitor.post(f"{address}/reopen", {"words": "again"}).status_code == 422


def test_nothing_of_it_is_anothers(portal: Portal, tidewater: Account, invoice: str) -> None:
    """L-15: another debtor's session, a staff-held link or none at all get nothing of a dispute."""
    visitor = portal.visitor(tidewater)
    address = sent(visitor, invoice, files=(io.BytesIO(a_picture()), "carton.png"))
    file_ref = re.search(r"/account/files/([\w-]+)", visitor.get(address).text)[1]  # type: ignore[index]

    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 777, -3, number="2026-9001")

    stranger, nobody = portal.visitor(portal.account(fill, name="Harbour & Sons Ltd")), portal.visitor()
    form = f"/account/invoices/{invoice}/dispute"
    pages = [form, f"{form}/review", address, f"{address}/withdraw", f"/account/files/{file_ref}"]
    for page in pages:
        answer = stranger.get(page)
        assert answer.status_code == 404, page
        assert "Tidewater" not in answer.text
        assert nobody.get(page).status_code == 401, page
    stranger.get("/account")
    for path, fields in [
        (form, typed()), (f"{form}/send", {"draft": address.rpartition("/")[2]}),
        (f"{address}/add", {"words": "mine"}), (f"{address}/reopen", {"words": "mine"}),
        (f"{address}/withdraw", {}),
    ]:  # fmt: skip
        assert stranger.post(path, fields).status_code == 404, path
        stranger.get("/account")
    assert only_dispute(portal).status is DisputeStatus.OPENED
    with portal.store.read() as session:
        assert session.scalar(select(func.count()).select_from(DisputeNote)) == 1


def test_pages_read_little_and_write_nothing(portal: Portal, tidewater: Account, invoice: str) -> None:
    """Issue, quality bars: at most eight statements a page, none of which writes (L-04)."""
    visitor = portal.visitor(tidewater)
    filled(visitor, invoice, files=(io.BytesIO(a_picture()), "carton.png"))
    form = f"/account/invoices/{invoice}/dispute"
    pages = [form, f"{form}/review"]
    for page in pages:
        with statements(portal.store) as seen:
            assert visitor.get(page).status_code == 200
        assert [s for name, s in seen if name == "write"] == []
        assert len(seen) <= 8, [s for _, s in seen]
    address = sent(visitor, invoice)
    for page in (address, f"{address}/withdraw"):
        with statements(portal.store) as seen:
            assert visitor.get(page).status_code == 200
        assert [s for name, s in seen if name == "write"] == []
        assert len(seen) <= 8, [s for _, s in seen]


@pytest.mark.parametrize("language", ["en", "he", "ru", "hu"])
def test_every_page_in_every_language(
    portal: Portal, tidewater: Account, invoice: str, language: str
) -> None:
    """Issue, part 12: each page stands in each language, errors too."""
    visitor = portal.visitor(tidewater)
    form = f"/account/invoices/{invoice}/dispute?lang={language}"
    assert visitor.get(form).status_code == 200
    assert visitor.post(form, typed(reason="", **{"amount-2": "x"})).status_code == 422
    answer = visitor.post(form, typed())
    assert visitor.get(answer.location).status_code == 200
    done = visitor.post(f"/account/invoices/{invoice}/dispute/send?lang={language}",
                        hidden(visitor.get(answer.location)))  # fmt: skip
    assert visitor.get(done.location).status_code == 200
    with portal.store.read() as session:
        assert session.scalars(select(Contact)).first() is not None


def test_paid_while_the_form_was_open(portal: Portal, tidewater: Account, invoice: str) -> None:
    """Race pay ∥ raise dispute: the form of a moment ago is still taken; a fresh one is refused by name."""
    visitor = portal.visitor(tidewater)
    shown = hidden(visitor.get(f"/account/invoices/{invoice}/dispute"))
    portal.clock.forward(minutes=3)
    pay(portal, tidewater, invoice)
    portal.clock.forward(minutes=1)
    answer = visitor.post(f"/account/invoices/{invoice}/dispute", [*shown, *typed().items()])
    assert answer.status_code == 303, words(answer)
    look = visitor.get(answer.location)
    assert "This invoice was paid a moment ago." in words(look)
    done = visitor.post(f"/account/invoices/{invoice}/dispute/send", hidden(look))
    assert "paid before your question came" in words(visitor.get(done.location))
    assert only_dispute(portal).paid_before
    assert visitor.get(f"/account/invoices/{invoice}/dispute").status_code == 409


def pay(portal: Portal, account: Account, invoice: str) -> None:
    """Book a bank payment of the whole invoice."""
    with portal.store.write() as session:
        row = session.scalars(select(Invoice).where(Invoice.ref == invoice)).one()
        amount, today = Money(row.balance_minor, "GBP"), portal.today
        draft = ledger.Draft(
            creditor_id=account.creditor_id, reference="payment:t", kind="payment", currency="GBP",
            sides=[
                ledger.debit(LedgerCode.BANK, amount),
                ledger.credit(LedgerCode.RECEIVABLES, amount, account_id=account.id, invoice_id=row.id),
            ],
            effective_on=today,
        )  # fmt: skip
        entry = ledger.post(session, SYSTEM, draft, now=portal.clock.at)
        payment = Payment(
            number="PC-1", account_id=account.id, method=PaymentMethod.OTHER, method_detail="bank",
            amount_minor=amount.minor, currency="GBP", received_at=portal.clock.at, valued_on=today,
            entry_id=entry.id,
        )  # fmt: skip
        session.add(payment)
        session.flush()
        session.add(
            Allocation(
                payment_id=payment.id, invoice_id=row.id, amount_minor=amount.minor, currency="GBP",
                rule=AllocationRule.DIRECTED, valued_on=today, entry_id=entry.id,
            )
        )  # fmt: skip
