"""Disputing a line from the link to the answer: the form, the last look, the thread, the files."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from sqlalchemy import func, select, update
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
from models.staff import Role
from models.states import DisputeStatus, FileStatus
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


def no_files(portal: Portal) -> int:
    with portal.store.read() as session:
        return session.scalar(select(func.count()).select_from(StoredFile)) or 0


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("note.pdf", b"%PDF-1.7\n%%EOF\n<script>alert(1)</script>", "note.pdf cannot be read"),
        ("both.pdf", b"%PDF-1.7\n<html><script>x</script>\n%%EOF\n", "both.pdf is not a PDF or a picture"),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture.svg is not a PDF"),
        ("photo.png", b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF\n", "photo.png is not a PDF or a picture"),
        ("../../etc/cron.d/x.png", b"<html>", "x.png is not a PDF or a picture"),
        ("invoice\u202efdp.exe", b"MZ", "invoicefdp.exe is not a PDF or a picture"),
        ("<b>bold.html", b"<b>", "bbold.html is not a PDF or a picture"),
        ("nothing.pdf", b"", "nothing.pdf is empty"),
    ],
)
@pytest.mark.parametrize("where", ["form", "thread"])
def test_files_that_are_not_taken(
    portal: Portal, tidewater: Account, invoice: str, where: str, name: str, data: bytes, says: str
) -> None:
    """X-03, issue "Bad input": polyglot, SVG, `../`, right-to-left names; the words and good files stay."""
    visitor = portal.visitor(tidewater)
    if where == "form":
        address, more = f"/account/invoices/{invoice}/dispute", list(typed().items())
    else:
        page = sent(visitor, invoice)
        address, more = f"{page}/add", [("words", "Both boxes were wet.")]
        visitor.get(page)
    if where == "form":
        visitor.get(address)
    files = [("files", (io.BytesIO(data), name)), ("files", (io.BytesIO(a_picture()), "good.png"))]
    answer = visitor.post(address, [*more, *files])
    assert answer.status_code == 422
    said = words(answer)
    assert says in said
    assert "<b>bold" not in answer.text
    assert "\u202e" not in answer.text
    assert "Both boxes were wet." in answer.text
    assert "Files that came already" in said
    assert "good.png" in said
    assert no_files(portal) == 1


def test_files_of_the_thread_wait_while_the_words_are_looked_at(
    portal: Portal, tidewater: Account, invoice: str
) -> None:
    """X-10: nothing is chosen twice: the file is there after each try, taken out when asked, sent once."""
    visitor = portal.visitor(tidewater)
    address = sent(visitor, invoice)
    visitor.get(address)
    two = [("files", (io.BytesIO(a_picture(size=(9, n))), f"{n}.png")) for n in (8, 9)]
    first = visitor.post(f"{address}/add", [("words", "x" * 100_000), *two])
    assert first.status_code == 422
    assert "longer than 2000" in words(first)
    assert "x" * 100_000 in first.text
    refs = re.findall(r'name="sent" value="([\w-]+)"', first.text)
    assert len(refs) == 2
    kept = [("sent", ref) for ref in refs]
    second = visitor.post(f"{address}/add", [("words", "y" * 2001), *kept, ("drop", refs[0])])
    assert re.findall(r'name="sent" value="([\w-]+)"', second.text) == refs[1:]
    done = visitor.post(f"{address}/add", [("words", "Here."), ("sent", refs[1])])
    assert done.status_code == 303
    said = words(visitor.get(address))
    assert "9.png" in said
    assert "8.png" not in said
    again = visitor.post(f"{address}/add", [("words", "Once more."), ("sent", refs[1])])
    assert again.status_code == 303
    assert words(visitor.get(address)).count("9.png") == 1, "a file belongs to one word of the thread"


def test_anothers_file_is_not_taken_along(portal: Portal, tidewater: Account, invoice: str) -> None:
    """L-15: the ref of another account's file that waits is as good as none."""
    visitor = portal.visitor(tidewater)
    filled(visitor, invoice, reason="", files=(io.BytesIO(a_picture()), "carton.png"))
    with portal.store.read() as session:
        ref = session.scalars(select(StoredFile.ref)).one()
    other = portal.visitor(portal.account(lambda s, account: make.an_invoice(s, account, number="X-1")))
    with portal.store.read() as session:
        theirs = session.scalars(select(Invoice.ref).where(Invoice.number == "X-1")).one()
    address = sent(other, theirs, what="whole", line=None)
    other.get(address)
    assert other.post(f"{address}/add", [("words", "Mine?"), ("sent", ref)]).status_code == 303
    assert "carton.png" not in words(other.get(address))
    assert "carton.png" in words(visitor.get(f"/account/invoices/{invoice}/dispute"))


def test_a_line_twice_and_a_line_in_dispute(portal: Portal, tidewater: Account, invoice: str) -> None:
    """Issue, "Bad input": a line twice, in one form or in two, is refused by name; the words stay."""
    visitor = portal.visitor(tidewater)
    form = f"/account/invoices/{invoice}/dispute"
    shown = hidden(visitor.get(form))
    twice = visitor.post(form, [*shown, *typed().items(), ("line", "2")])
    assert twice.status_code == 422
    assert "Line 2 was chosen twice" in words(twice)
    assert "Both boxes were wet." in twice.text
    sent(visitor, invoice)
    again = visitor.post(form, [*hidden(visitor.get(form)), *typed().items()])
    assert again.status_code == 422
    assert "Line 2 is in dispute already" in words(again)
    assert 'href="#l2"' in again.text
    assert 'id="l2"' in again.text


@pytest.mark.parametrize("finding", ["refused", "in part"])
def test_what_was_answered_is_not_disputed_anew(
    portal: Portal, tidewater: Account, invoice: str, finding: str
) -> None:
    """Domain, statuses of a dispute: refused may be sent new evidence once; in part is a talk."""
    visitor = portal.visitor(tidewater)
    address = sent(visitor, invoice)
    with portal.store.write() as session:
        desk = make.staff_actor(make.a_person(session, Role.SUPERVISOR))
    ref = only_dispute(portal).ref
    if finding == "refused":
        portal.store.run(lambda s: outcomes.refuse(s, desk, ref, finding="Dry.", now=portal.clock.at))
    else:
        portal.store.run(
            lambda s: outcomes.uphold(
                s, desk, ref, credited=Money(100, "GBP"), finding="One box.", now=portal.clock.at
            )
        )
    page = words(visitor.get(address))
    assert ("Do you have evidence that we have not seen?" in page) is (finding == "refused")
    assert ("If you see it differently, please ring us" in page) is (finding == "in part")
    assert "We have answered about this line" in words(visitor.get(f"/account/invoices/{invoice}/dispute"))
    again = filled(visitor, invoice)
    assert again.status_code == 422
    assert "We have answered about line 2 before" in words(again)


def test_tricks_in_the_thread(portal: Portal, tidewater: Account, invoice: str) -> None:
    """X-09: what is added to a dispute is cleaned like what opened it."""
    visitor = portal.visitor(tidewater)
    address = sent(visitor, invoice)
    visitor.get(address)
    text = "card 5555-5555-5555-4444 \u202egnp.exe\u2066 <img src=x onerror=alert(1)>"
    assert visitor.post(f"{address}/add", {"words": text}).status_code == 303
    page = visitor.get(address)
    assert "•••• 4444" in words(page)
    assert not re.search("5555-5555|<img src|[\u202e\u2066]", page.text)


def test_a_file_that_the_scanner_has_yet_to_see(portal: Portal, tidewater: Account, invoice: str) -> None:
    """X-03: shown by its name, given to nobody until it is clean; never once something was found."""
    visitor = portal.visitor(tidewater)
    address = sent(visitor, invoice, files=(io.BytesIO(a_picture()), "box.png"))
    ref = re.search(r"/account/files/([\w-]+)", visitor.get(address).text)[1]  # type: ignore[index]

    def becomes(status: FileStatus) -> TestResponse:
        with portal.store.write() as session:
            session.execute(update(StoredFile).where(StoredFile.ref == ref).values(status=status))
        return visitor.get(address)

    waits = becomes(FileStatus.WAITING)
    assert "box.png" in words(waits)
    assert "being checked for viruses" in words(waits)
    assert f"/account/files/{ref}" not in waits.text
    assert visitor.get(f"/account/files/{ref}").status_code == 409
    found = becomes(FileStatus.INFECTED)
    assert "box.png was not taken: our scanner found something in it" in words(found)
    assert visitor.get(f"/account/files/{ref}").status_code == 409
    assert f"/account/files/{ref}" in becomes(FileStatus.CLEAN).text
    assert visitor.get(f"/account/files/{ref}").status_code == 200
