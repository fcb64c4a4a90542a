"""Signing in and out: the same answer for every wrong way, codes once, sessions that end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.staff import Role, Staff, StaffSession
from tests.admin.conftest import PASSWORD, Desk
from tests.portal.visitor import Visitor, words


def test_collector_signs_in_with_a_password(desk: Desk) -> None:
    """A-04: a role without a code signs in by e-mail and password, and lands on today."""
    visitor = Visitor(desk.app)
    answer = desk.sign_in(desk.person(), visitor)
    assert (answer.status_code, answer.location) == (303, "/desk/")
    assert "Today" in words(visitor.get("/desk/"))
    assert "staff.logged_in" in desk.codes()


def test_every_wrong_way_is_answered_the_same(desk: Desk) -> None:
    """L-10: unknown address, wrong password, wrong code and inactive person look alike."""
    supervisor, gone = desk.person(Role.SUPERVISOR), desk.person(is_active=False)
    answers = [
        desk.sign_in(supervisor, email="nobody@northgate.example"),
        desk.sign_in(supervisor, password="wrong horse battery staple"),  # noqa: S106
        desk.sign_in(supervisor, code="000000"),
        desk.sign_in(supervisor, code=""),
        desk.sign_in(supervisor, code="٤٤٤٤٤٤"),
        desk.sign_in(gone),
    ]
    assert {a.status_code for a in answers} == {401}
    said = {words(a) for a in answers}
    assert len(said) == 1
    assert "That did not match." in said.pop()


def test_a_code_works_once(desk: Desk) -> None:
    """A-04: the same code is refused the second time; the next one works."""
    person = desk.person(Role.ACCOUNTANT)
    assert desk.sign_in(person).status_code == 303
    assert desk.sign_in(person).status_code == 401
    desk.clock.forward(seconds=30)
    assert desk.sign_in(person).status_code == 303


def test_role_with_code_but_none_enrolled_only_enrols(desk: Desk) -> None:
    """A-04, decision 34: supervisor, accountant and admin enrol before anything else (test_staff.py)."""
    visitor = Visitor(desk.app)
    answer = desk.sign_in(desk.person(Role.ADMIN, totp_secret=None), visitor, next="/desk/alerts")
    assert answer.location == "/desk/profile/code"
    assert visitor.get("/desk/alerts").status_code == 403


def test_tries_are_counted_by_caller_and_by_name(desk: Desk) -> None:
    """L-11: the eleventh try in a quarter of an hour is refused, for one name from anywhere too."""
    person = desk.person()
    for _ in range(10):
        assert desk.sign_in(person, password="no").status_code == 401  # noqa: S106
    refused = desk.sign_in(person)
    assert refused.status_code == 429
    assert "Wait" in words(refused)
    elsewhere = Visitor(desk.app)
    elsewhere.get("/desk/login", environ_base={"REMOTE_ADDR": "198.51.100.7"})
    answer = elsewhere.post(
        "/desk/login",
        {"email": person.email, "password": PASSWORD, "code": "", "next": ""},
        environ_base={"REMOTE_ADDR": "198.51.100.7"},
    )
    assert answer.status_code == 429
    desk.clock.forward(minutes=15)
    assert desk.sign_in(person).status_code == 303


def test_nothing_from_before_is_kept(desk: Desk) -> None:
    """Fixation: the cookie after signing in holds neither nonce nor token of the one before."""
    visitor = Visitor(desk.app)
    visitor.get("/desk/login")
    before = visitor.csrf
    desk.sign_in(desk.person(), visitor)
    visitor.csrf = before
    visitor.client.get("/desk/")
    assert visitor.post("/desk/logout").status_code == 400


def test_sign_out_ends_the_session_row(desk: Desk) -> None:
    """A-06: the row ends, so a kept cookie is worth nothing; a GET does not sign out."""
    visitor = desk.at()
    cookie = visitor.client.get_cookie("__Host-desk")
    assert cookie is not None
    assert visitor.get("/desk/logout").status_code == 405
    visitor.get("/desk/")
    answer = visitor.post("/desk/logout")
    assert answer.location == "/desk/login?left=1"
    assert "You are signed out." in words(visitor.get(answer.location))
    visitor.client.set_cookie("__Host-desk", cookie.value, secure=True)
    assert visitor.get("/desk/").status_code == 401


def test_idle_and_absolute_end(desk: Desk) -> None:
    """Decision 9: 30 minutes without work, 12 hours at the latest."""
    idle = desk.at()
    desk.clock.forward(minutes=31)
    assert idle.get("/desk/").status_code == 401
    busy = desk.at()
    for _ in range(25):
        desk.clock.forward(minutes=29)
        last = busy.get("/desk/").status_code
    assert last == 401


def test_disabled_person_is_out_at_once(desk: Desk) -> None:
    """A-06: disabling a person ends what is open."""
    visitor = desk.at(email="leaver@northgate.example")
    with desk.store.write() as session:
        session.scalars(
            select(Staff).where(Staff.email == "leaver@northgate.example")
        ).one().is_active = False
    assert visitor.get("/desk/").status_code == 401


@pytest.mark.parametrize(
    "path", ["https://evil.example/", "//evil.example/desk/", "/account", "\\\\evil.example/desk/", "/desk"]
)
def test_onward_leads_to_the_desk_only(desk: Desk, path: str) -> None:
    """An address in the form can't send somebody elsewhere after signing in."""
    assert desk.sign_in(desk.person(), next=path).location == "/desk/"


def test_onward_leads_back_to_the_page_that_was_asked_for(desk: Desk) -> None:
    visitor = Visitor(desk.app)
    assert "/desk/login?next=/desk/alerts" in visitor.get("/desk/alerts").text
    assert desk.sign_in(desk.person(), visitor, next="/desk/alerts").location == "/desk/alerts"


def test_session_lasts_no_longer_than_the_policy(desk: Desk) -> None:
    desk.at()
    with desk.store.read() as session:
        row = session.scalars(select(StaffSession)).one()
    assert row.ends_at - row.started_at == timedelta(hours=12)
