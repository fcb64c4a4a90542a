"""One box finds accounts, documents, people, payments and amounts, however they are typed (part 13)."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, func, select

from models import search
from models.accounts import Account, Contact
from models.search import SearchTerm
from models.staff import Role
from models.store import Store
from receivables.desk import finding
from receivables.desk.finding import Found
from receivables.errors import NotAllowed
from receivables.permissions import SYSTEM, Actor
from tests import factories as make
from tests.receivables.arrangements.offer_world import OfferWorld, a_late_account


def look(store: Store, text: str, actor: Actor = SYSTEM, **more: object) -> Found:
    with store.read() as session:
        return finding.search(session, actor, text, **more)  # type: ignore[arg-type]


@pytest.fixture
def harbour(store: Store) -> Account:
    """Harbour & Pike: £4,760.00 on CS-14760, and a contact with mail and phone."""
    with store.write() as session:
        creditor = make.a_creditor(session)
        account = make.an_account(session, creditor, name="Harbour & Pike Ltd", with_contact=False)
        make.a_contact(
            session, account, name="Ildikó Kovács", email="Ildiko@pike.example", phone="+441134960142"
        )
        make.an_invoice(session, account, total=476000, number="CS-14760")
        other = make.an_account(session, creditor, name="Kővágó és Társa Kft.", with_contact=False)
        make.an_invoice(session, other, total=475940, number="FP 2026/00477")
        make.an_invoice(session, other, total=4760, currency="HUF", number="HU-1")
        return account


@pytest.mark.parametrize(
    "typed", ["harb", "HARBOUR PIKE", "pike harbour", "ltd", "＆ Pike", "harbour & pike ltd."]
)  # fmt: skip
def test_an_account_by_any_words_of_its_name(store: Store, harbour: Account, typed: str) -> None:
    assert [row.ref for row in look(store, typed).accounts] == [harbour.ref]


@pytest.mark.parametrize("typed", ["kovago", "KŐVÁGÓ", "tarsa kft"])
def test_accents_and_capitals_make_no_difference(store: Store, harbour: Account, typed: str) -> None:
    assert [row.name for row in look(store, typed).accounts] == ["Kővágó és Társa Kft."]


def test_an_account_by_its_number_goes_first(store: Store, harbour: Account) -> None:
    (row,) = look(store, harbour.number).accounts
    assert (row.ref, row.is_exact) == (harbour.ref, True)


@pytest.mark.parametrize("typed", ["CS-14760", "cs14760", "cs 147", "4760", "14760", "CS–14760"])
def test_a_document_by_the_beginning_or_end_of_its_number(store: Store, harbour: Account, typed: str) -> None:
    assert "CS-14760" in [row.number for row in look(store, typed).invoices]
    assert [row.number for row in look(store, "477").invoices] == ["FP 2026/00477"]
    assert not look(store, "2026").invoices


@pytest.mark.parametrize(
    "typed",
    ["ildiko@", "ILDIKO@PIKE.EXAMPLE", "pike.example", "kovács", "Ildikó Kovacs", "0113 496 0142",
     "+44 (0)113 496-0142", "0044 113 4960142", "4960142", "49 60 142"],
)  # fmt: skip
def test_a_person_by_name_mail_or_phone_in_any_spelling(store: Store, harbour: Account, typed: str) -> None:
    assert [row.name for row in look(store, typed).people] == ["Ildikó Kovács"]
    assert not look(store, "0114 496 0142").people


@pytest.mark.parametrize("typed", ["4760", "4,760.00", "4760 gbp", "£4,760", "GBP 4760.00", "4.760,00"])
def test_an_amount_in_any_format_exact_first(store: Store, harbour: Account, typed: str) -> None:
    amounts = look(store, typed, decimal_mark=".").amounts
    assert (amounts[0].amount.minor, amounts[0].is_exact) in ((476000, True), (4760, True))
    gbp = [row for row in amounts if row.amount.currency == "GBP"]
    assert [(row.number, row.is_exact) for row in gbp] == [("CS-14760", True), ("FP 2026/00477", False)]


def test_another_currency_is_not_meant(store: Store, harbour: Account) -> None:
    assert not look(store, "4760 eur").amounts
    assert not look(store, "CS-4760").amounts


def test_a_payment_by_confirmation_or_the_gateways_reference(store: Store) -> None:
    """The number on the confirmation, and the charge that the gateway's own pages name."""
    world = paid(store)
    (payment,) = world.payments()
    for typed in (payment.number, payment.number.lower(), str(payment.provider_charge_id)):
        (row,) = look(store, typed).payments
        assert (row.number, row.is_exact) == (payment.number, True)


def paid(store: Store) -> OfferWorld:
    world = a_late_account(store)
    offer = world.propose(130000)
    world.accept(offer)
    world.pay_offer(offer)
    return world


def test_the_exact_place_goes_first(store: Store, harbour: Account) -> None:
    """A number that is one document's whole number stands above accounts that only begin so."""
    assert look(store, "CS-14760").order[0] == "invoices"
    assert look(store, "4760").order[0] == "amounts"
    assert look(store, "harb").order == ["accounts"]


def test_little_finds_nothing_and_signs_are_only_signs(store: Store, harbour: Account) -> None:
    assert not look(store, "x").searched
    assert look(store, "%%").count == look(store, "__").count == look(store, "' OR 1=1").count == 0


def test_what_changes_is_found_by_what_it_is_now(store: Store, harbour: Account) -> None:
    """C-09: a name or address that is no longer there is found by nobody."""
    with store.write() as session:
        session.get_one(Account, harbour.id).name = "Quay Traders Ltd"
        contact = session.scalars(select(Contact).where(Contact.account_id == harbour.id)).one()
        contact.email, contact.phone, contact.name = "pay@quay.example", None, "Nora Quill"
    assert [row.name for row in look(store, "quay trad").accounts] == ["Quay Traders Ltd"]
    assert not look(store, "harbour").count
    assert not look(store, "4960142").count
    assert not look(store, "kovacs").people
    assert [row.said for row in look(store, "quill").people] == ["pay@quay.example"]


def test_a_salesperson_finds_his_own_accounts_only(store: Store, harbour: Account) -> None:
    """L-15: neither by name nor by number, mail, phone or sum."""
    with store.write() as session:
        seller = make.a_person(session, Role.SALESPERSON)
    actor = make.staff_actor(seller)
    for typed in ("harbour", "CS-14760", "ildiko@", "4960142", "4760"):
        assert look(store, typed, actor).count == 0
        assert look(store, typed).count
    with store.write() as session:
        session.get_one(Account, harbour.id).salesperson_id = seller.id
    for typed in ("harbour", "CS-14760", "ildiko@", "4960142", "4760"):
        assert look(store, typed, actor).count
    assert {row.account_ref for row in look(store, "4760", actor).amounts} == {harbour.ref}
    with pytest.raises(NotAllowed):
        look(store, "harbour", make.staff_actor(admin(store)))


def admin(store: Store) -> object:
    with store.write() as session:
        return make.a_person(session, Role.ADMIN)


def test_a_rebuild_writes_what_is_kept_all_along(store: Store) -> None:
    """The terms that rows bring along are those that a fill from nothing makes."""
    paid(store)
    kept = terms(store)
    assert len(kept) > 10
    with store.write() as session:
        session.execute(delete(SearchTerm))
        assert search.fill(session.connection()) == len(kept)
    assert terms(store) == kept


def terms(store: Store) -> set[tuple[str, str, int, int]]:
    with store.read() as session:
        rows = session.execute(
            select(SearchTerm.kind, SearchTerm.term, SearchTerm.subject_id, SearchTerm.account_id)
        )
        return {tuple(row) for row in rows}


def test_an_import_brings_its_terms(store: Store, harbour: Account) -> None:
    """Rows that are poured in have the same terms as rows that are mapped."""
    number = {"id": 7, "account_id": 1, "number": "CS-14760"}
    assert [(r["term"], r["kind"]) for r in search.terms_of_invoices([number])] == [
        ("cs14760", "invoice"), ("06741sc", "invoice_end"),
    ]  # fmt: skip
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(SearchTerm))
