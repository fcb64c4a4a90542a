"""A contact at the desk: not confirmed, confirmed by a second person, and who signs (decision 6, 012)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import select

from models.accounts import Account, Contact, DebtorType
from models.links import Channel
from models.staff import Role, Staff
from receivables import links
from receivables.people import codes
from receivables.permissions import SYSTEM, Actor, ActorKind
from receivables.policy import default_policy
from tests import factories as make
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import Visitor, words

UNCONFIRMED = "not confirmed: gets no codes"
WHY = {"reason": "Rang the switchboard."}


@dataclass
class Case:
    """Omar, put on file by Ines the supervisor at noon; `page` is his at the desk."""

    desk: Desk
    account: Account
    omar: Contact
    ines: Staff

    @property
    def page(self) -> str:
        return f"/desk/contacts/{self.omar.ref}"

    def row(self) -> Contact:
        with self.desk.store.read() as session:
            return session.get_one(Contact, self.omar.id)

    def seen(self, visitor: Visitor) -> str:
        return words(visitor.get(f"/desk/accounts/{self.account.ref}"))

    def shown(self) -> list[str]:
        """Addresses that codes may go to, as Helen's link shows them."""
        with self.desk.store.write() as session:
            account = session.get_one(Account, self.account.id)
            helen = session.scalars(select(Contact).where(Contact.account_id == account.id)).first()
            link, _ = links.issue(
                session, SYSTEM, account, contact=helen, channel=Channel.EMAIL, policy=default_policy(),
                now=self.desk.clock.at,
            )  # fmt: skip
            actor = Actor(
                ActorKind.LINK_HOLDER, id=link.id, account_id=account.id, contact_id=link.contact_id,
                scope=link.scope,
            )  # fmt: skip
            return [a.shown for a in codes.addresses(session, actor)]


@pytest.fixture
def case(desk: Desk, tidewater: Account) -> Case:
    ines = desk.person(Role.SUPERVISOR, name="Ines Calder")
    with desk.store.write() as session:
        account = session.get_one(Account, tidewater.id)
        omar = make.a_contact(session, account, name="Omar Reid", email="omar@tidewater.example", role=None)
        omar.may_commit, omar.confirmed_at = False, None
        omar.changed_by_staff_id, omar.changed_at = ines.id, NOON
    return Case(desk, tidewater, omar, ines)


def test_confirmed_by_a_colleague_after_three_days(case: Case) -> None:
    """Decision 6: what the account page says, the reason, and codes that go to him afterwards."""
    case.desk.clock.forward(hours=72)
    visitor = case.desk.at(Role.SUPERVISOR)
    assert UNCONFIRMED in case.seen(visitor)
    assert case.page in visitor.get(f"/desk/accounts/{case.account.ref}").text
    page = words(visitor.get(case.page))
    assert "Ines Calder" in page
    assert "omar@tidewater.example" in page
    assert "o…@tidewater.example" not in case.shown()
    answer = visitor.post(f"{case.page}/confirm", WHY)
    assert (answer.status_code, answer.location) == (303, case.page)
    page = words(visitor.get(answer.location))
    assert "One-time codes may go to this person now." in page
    assert UNCONFIRMED not in page
    assert "o…@tidewater.example" in case.shown()
    after = case.seen(visitor)
    assert UNCONFIRMED not in after
    assert "A second person confirmed a contact" in after
    assert visitor.post(f"{case.page}/confirm", WHY).status_code == 409


def test_too_early(case: Case) -> None:
    """The page says from when, offers no button, and a form sent all the same is refused."""
    case.desk.clock.forward(hours=71, minutes=59)
    visitor = case.desk.at(Role.SUPERVISOR)
    page = visitor.get(case.page)
    assert "A second person may confirm from" in words(page)
    assert 'name="reason"' not in page.text
    answer = visitor.post(f"{case.page}/confirm", WHY)
    assert answer.status_code == 409
    assert "It is too early for a second person" in words(answer)
    assert case.row().confirmed_at is None


def test_not_by_who_put_him_there(case: Case) -> None:
    case.desk.clock.forward(hours=72)
    visitor = Visitor(case.desk.app)
    assert case.desk.sign_in(case.ines, visitor).status_code == 303
    page = visitor.get(case.page)
    assert "You put this person there, so a colleague confirms." in words(page)
    assert 'name="reason"' not in page.text
    answer = visitor.post(f"{case.page}/confirm", WHY)
    assert answer.status_code == 409
    assert "so somebody else confirms" in words(answer)
    assert case.row().confirmed_at is None


def test_an_administrator_is_a_second_person(case: Case) -> None:
    """He reads no account, so the page tells what he needs and leads nowhere that is closed to him."""
    case.desk.clock.forward(hours=72)
    visitor = case.desk.at(Role.ADMIN)
    page = visitor.get(case.page)
    assert f"/desk/accounts/{case.account.ref}" not in page.text
    assert "Who signs for the business" not in words(page)
    answer = visitor.post(f"{case.page}/confirm", WHY)
    assert answer.status_code == 303
    assert visitor.get(answer.location).status_code == 200
    assert case.row().confirmed_at is not None


@pytest.mark.parametrize(("reason", "says"), [(" ", "Fill this in."), ("x" * 501, "This is too long.")])
def test_the_reason_stays_at_its_field(case: Case, reason: str, says: str) -> None:
    case.desk.clock.forward(hours=72)
    visitor = case.desk.at(Role.SUPERVISOR)
    visitor.get(case.page)
    answer = visitor.post(f"{case.page}/confirm", {"reason": reason})
    assert answer.status_code == 422
    assert says in words(answer)
    assert case.row().confirmed_at is None


def test_a_form_without_its_token_does_nothing(case: Case) -> None:
    """CSRF."""
    case.desk.clock.forward(hours=72)
    visitor = case.desk.at(Role.SUPERVISOR)
    visitor.csrf = ""
    assert visitor.post(f"{case.page}/confirm", WHY).status_code == 400
    assert visitor.post(f"{case.page}/signatory", {"may_commit": "yes"}).status_code == 400
    assert (case.row().confirmed_at, case.row().may_commit) == (None, False)


def test_a_collector_sees_but_has_no_way(case: Case) -> None:
    """A-01: the tag is for all who read accounts, the link for who may confirm."""
    visitor = case.desk.at(Role.COLLECTOR)
    assert UNCONFIRMED in case.seen(visitor)
    assert case.page not in visitor.get(f"/desk/accounts/{case.account.ref}").text


def test_marked_and_unmarked_as_signatory(case: Case) -> None:
    """Docs/decisions/012: only who is confirmed; the account page says it."""
    visitor = case.desk.at(Role.SUPERVISOR)
    assert "May sign for the business" not in words(visitor.get(case.page))
    refused = visitor.post(f"{case.page}/signatory", {"may_commit": "yes"})
    assert refused.status_code == 409
    assert "Confirm this person first" in words(refused)
    with case.desk.store.write() as session:
        session.get_one(Contact, case.omar.id).confirmed_at = NOON
    assert "May sign for the business" in words(visitor.get(case.page))
    assert visitor.post(f"{case.page}/signatory", {"may_commit": "perhaps"}).status_code == 422
    answer = visitor.post(f"{case.page}/signatory", {"may_commit": "yes"})
    assert (answer.status_code, answer.location) == (303, case.page)
    page = words(visitor.get(answer.location))
    assert "This person may sign for the business." in page
    assert "May not sign any more" in page
    assert case.row().may_commit
    assert visitor.post(f"{case.page}/signatory", {"may_commit": "no"}).status_code == 303
    assert not case.row().may_commit
    assert case.desk.codes().count("contact.signatory_changed") == 2


def test_nobody_is_marked_at_a_private_person(case: Case) -> None:
    """Docs/decisions/012: there a declaration counts."""
    with case.desk.store.write() as session:
        session.get_one(Account, case.account.id).debtor_type = DebtorType.PRIVATE_PERSON
        session.get_one(Contact, case.omar.id).confirmed_at = NOON
    visitor = case.desk.at(Role.SUPERVISOR)
    assert "Who signs for the business" not in words(visitor.get(case.page))
    assert case.page not in visitor.get(f"/desk/accounts/{case.account.ref}").text
