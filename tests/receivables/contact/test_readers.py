"""Who of an account's people is written to."""

from __future__ import annotations

from models.accounts import ContactRole
from models.store import Store
from receivables.contact.readers import paying_contacts, reader_of
from tests import factories as make


def test_who_pays_is_reminded(sqlite_store: Store) -> None:
    """Decision 2: contacts who pay; all active ones where none is marked; nobody who left."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s), with_contact=False)
        approver = make.a_contact(s, account, name="A", role=ContactRole.APPROVES)
        nobody = make.a_contact(s, account, name="B", role=None)
        assert [c.name for c in paying_contacts(s, account)] == ["A", "B"]
        payer = make.a_contact(s, account, name="C", role=ContactRole.PAYS)
        assert paying_contacts(s, account) == [payer]
        payer.is_active = False
        s.flush()
        assert paying_contacts(s, account) == [approver, nobody]


def test_one_is_written_to_and_never_a_colleague_of_one_document(sqlite_store: Store) -> None:
    """L-15: who was only forwarded one invoice is told nothing of the rest, even if nobody else is there."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s), with_contact=False)
        first = make.a_contact(s, account, name="A", role=None)
        colleague = make.a_contact(s, account, name="B", role=ContactRole.PAYS)
        colleague.forwarded_by_id = first.id
        assert reader_of(s, account.id) == first
        payer = make.a_contact(s, account, name="C", role=ContactRole.PAYS)
        assert reader_of(s, account.id) == payer
        payer.email, payer.phone = None, "+441134960142"
        s.flush()
        assert reader_of(s, account.id) == payer
        assert reader_of(s, account.id, by_mail=True) == first
        first.is_active = payer.is_active = False
        s.flush()
        assert reader_of(s, account.id) is None
