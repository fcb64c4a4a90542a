"""People of the desk: second factors, ways in by mail, sessions, roles and leaving (A-01 to A-09)."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from pyotp import TOTP
from sqlalchemy import select

from models.accounts import Account
from models.approvals import ApprovalKind, ApprovalRequest
from models.staff import RecoveryCode, Role, Staff, StaffSession, StaffToken
from models.work import Job
from receivables.approval_requests import waiting
from receivables.desk import invitations, people
from receivables.policy import default_policy
from tests import factories as make
from tests.admin.conftest import PASSWORD, SECRET, Desk
from tests.portal.visitor import Visitor, words

NEW = "teal heron quay bicycle"


def row(desk: Desk, person: Staff) -> Staff:
    with desk.store.read() as session:
        return session.get_one(Staff, person.id)


def way(desk: Desk, person: Staff) -> str:
    """The clear token that the mail carries when it leaves."""
    with desk.store.write() as session:
        ref = session.scalars(
            select(StaffToken.ref).where(StaffToken.staff_id == person.id, StaffToken.used_at.is_(None))
        ).one()
        minted = invitations.mint(session, ref, policy=default_policy(), now=desk.clock.at)
        assert minted is not None
        return minted[0]


def mails(desk: Desk) -> list[str]:
    with desk.store.read() as session:
        return [
            job.payload["kind"]
            for job in session.scalars(select(Job).where(Job.kind == "staff_mail").order_by(Job.id))
        ]


def signed_in(desk: Desk, role: Role, **more: object) -> tuple[Visitor, Staff]:
    person, visitor = desk.person(role, **more), Visitor(desk.app)
    assert desk.sign_in(person, visitor).status_code == 303
    visitor.get("/desk/profile")
    return visitor, person


# --------------------------------------------------------------------------- the second factor


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.ACCOUNTANT, Role.ADMIN])
def test_a_money_role_reaches_nothing_before_it_enrolled(desk: Desk, role: Role) -> None:
    """A-04: signed in by password alone, a role that touches money gets 403 everywhere but at enrolment."""
    visitor = Visitor(desk.app)
    answer = desk.sign_in(desk.person(role, totp_secret=None), visitor)
    assert answer.location == "/desk/profile/code"
    for path in ("/desk/", "/desk/approvals", "/desk/books/", "/desk/profile", "/desk/staff", "/desk/alerts"):
        closed = visitor.get(path)
        assert closed.status_code == 403, path
        assert "First your second factor" in words(closed)
    assert visitor.get("/desk/profile/code").status_code == 200


def test_enrolling_opens_the_desk_and_gives_codes_once(desk: Desk) -> None:
    """A-04: picture by POST, proved by a code; ten recovery codes, of which digests are kept."""
    visitor, person = Visitor(desk.app), desk.person(Role.ACCOUNTANT, totp_secret=None)
    desk.sign_in(person, visitor)
    page = visitor.get("/desk/profile/code")
    assert "<svg" not in page.text.split('id="page"')[1]
    assert row(desk, person).totp_offered is None  # a GET changes nothing
    visitor.post("/desk/profile/code/offer")
    shown = visitor.get("/desk/profile/code")
    assert 'class="am-qr"' in shown.text
    secret = row(desk, person).totp_offered
    assert secret is not None
    assert visitor.post("/desk/profile/code", {"code": "000000"}).status_code == 422
    answer = visitor.post("/desk/profile/code", {"code": TOTP(secret).at(desk.clock.at)})
    codes = re.findall(r"<li><code>([a-z2-7-]{19})</code>", answer.text)
    assert len(codes) == 10
    assert visitor.get("/desk/").status_code == 200
    assert "staff.factor_enrolled" in desk.codes()
    with desk.store.read() as session:
        kept = session.scalars(select(RecoveryCode.code_digest)).all()
    assert len(kept) == 10
    assert not set(codes) & set(kept)
    # The phone is gone: a code from the paper lets in, once.
    desk.clock.forward(minutes=5)
    assert desk.sign_in(person, code=codes[3].upper()).status_code == 303
    assert desk.sign_in(person, code=codes[3]).status_code == 401
    assert "staff.recovery_used" in desk.codes()


def test_new_codes_end_the_old_ones(desk: Desk) -> None:
    """A-04: only the newest set is good; the page of codes is never shown again."""
    visitor, person = signed_in(desk, Role.SUPERVISOR)
    first = re.findall(r"<code>([a-z2-7-]{19})</code>", visitor.post("/desk/profile/codes").text)
    second = re.findall(r"<code>([a-z2-7-]{19})</code>", visitor.post("/desk/profile/codes").text)
    assert len(first) == len(second) == 10
    desk.clock.forward(minutes=1)
    assert desk.sign_in(person, code=first[0]).status_code == 401
    assert desk.sign_in(person, code=second[0]).status_code == 303
    assert visitor.get("/desk/profile/codes").status_code == 405


def test_another_takes_a_lost_app_off_and_nobody_his_own(desk: Desk) -> None:
    """A-02, A-04: by another person, with a reason, audited, sessions ended, mail to the person."""
    lost, victim = signed_in(desk, Role.ACCOUNTANT)
    desk.clock.forward(seconds=60)
    helper, supervisor = signed_in(desk, Role.SUPERVISOR)
    assert helper.post(f"/desk/staff/{supervisor.ref}/factor", {"reason": "mine"}).status_code == 403
    assert helper.post(f"/desk/staff/{victim.ref}/factor", {"reason": ""}).status_code == 422
    answer = helper.post(f"/desk/staff/{victim.ref}/factor", {"reason": "phone stolen, rang back"})
    assert answer.status_code == 303
    assert row(desk, victim).totp_secret is None
    assert lost.get("/desk/profile").status_code == 401
    assert "factor_reset" in mails(desk)
    assert "staff.factor_reset" in desk.codes()


# --------------------------------------------------------------------------- giving password and code again


def test_acts_that_weigh_ask_again(desk: Desk) -> None:
    """A-05: five minutes after signing in a role change leads to the page that asks, and back."""
    visitor, _ = signed_in(desk, Role.ADMIN)
    other = desk.person()
    assert visitor.get("/desk/staff/invite").status_code == 200
    desk.clock.forward(minutes=6)
    asked = visitor.post(f"/desk/staff/{other.ref}/role", {"role": "auditor", "reason": "moves"})
    assert (asked.status_code, asked.location) == (303, "/desk/confirm")
    assert row(desk, other).role is Role.COLLECTOR
    page = visitor.get("/desk/confirm")
    assert "a change of people and roles" in words(page)
    assert visitor.post("/desk/confirm", {"password": PASSWORD, "code": "000000"}).status_code == 422
    assert visitor.post("/desk/confirm", {"password": "no", "code": desk.code()}).status_code == 422
    back = visitor.post("/desk/confirm", {"password": PASSWORD, "code": desk.code()})
    assert (back.status_code, back.location) == (303, f"/desk/staff/{other.ref}")
    done = visitor.post(f"/desk/staff/{other.ref}/role", {"role": "auditor", "reason": "moves"})
    assert done.location == "/desk/staff"
    assert row(desk, other).role is Role.AUDITOR


def test_guesses_of_the_second_password_are_counted(desk: Desk) -> None:
    """A-05, L-11: ten tries in a quarter of an hour, whatever browser they come from."""
    visitor, _ = signed_in(desk, Role.COLLECTOR)
    for _ in range(10):
        assert visitor.post("/desk/confirm", {"password": "no", "code": ""}).status_code == 422
    assert visitor.post("/desk/confirm", {"password": PASSWORD, "code": ""}).status_code == 429


# --------------------------------------------------------------------------- sessions


def test_own_sessions_are_listed_and_ended(desk: Desk) -> None:
    """A-06: device and network in two words; one is ended, or all others; never somebody else's."""
    visitor, person = signed_in(desk, Role.COLLECTOR)
    second = Visitor(desk.app)
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
    second.get("/desk/login")
    second.post("/desk/login", {"email": person.email, "password": PASSWORD, "code": "", "next": ""},
                headers={"User-Agent": agent})  # fmt: skip
    page = visitor.get("/desk/profile")
    assert "Firefox, Windows" in words(page)
    assert "Gecko" not in page.text
    stranger, _ = signed_in(desk, Role.COLLECTOR)
    with desk.store.read() as session:
        ids = session.scalars(
            select(StaffSession.id).where(StaffSession.staff_id == person.id).order_by(StaffSession.id)
        ).all()
    assert stranger.post(f"/desk/profile/sessions/{ids[1]}/end").status_code == 404
    assert second.get("/desk/").status_code == 200
    assert visitor.post(f"/desk/profile/sessions/{ids[1]}/end").status_code == 303
    assert second.get("/desk/").status_code == 401
    third = Visitor(desk.app)
    desk.sign_in(person, third)
    assert visitor.post("/desk/profile/sessions/others/end-all").status_code == 303
    assert third.get("/desk/").status_code == 401
    assert visitor.get("/desk/").status_code == 200


def test_language_and_password_of_ones_own(desk: Desk) -> None:
    """A-04: another password for who knows the one until now; other sessions end, a mail goes out."""
    visitor, person = signed_in(desk, Role.COLLECTOR)
    other = Visitor(desk.app)
    desk.sign_in(person, other)
    fields = {"present": PASSWORD, "password": NEW, "again": NEW}
    assert visitor.post("/desk/profile/password", fields | {"present": "no"}).status_code == 422
    assert visitor.post("/desk/profile/password", fields | {"again": "other"}).status_code == 422
    for poor, said in (
        ("short", "too short"), ("passwordpassword123", "guessed early"),
        ("Northgate Priya Shah 1", "own name"),
    ):  # fmt: skip
        answer = visitor.post("/desk/profile/password", fields | {"password": poor, "again": poor})
        assert (answer.status_code, said in words(answer)) == (422, True), poor
    assert visitor.post("/desk/profile/password", fields).status_code == 303
    assert other.get("/desk/").status_code == 401
    assert desk.sign_in(person).status_code == 401
    assert desk.sign_in(person, password=NEW).status_code == 303
    assert "password_changed" in mails(desk)
    assert visitor.post("/desk/profile/language", {"language": "he"}).status_code == 303
    assert 'dir="rtl"' in visitor.get("/desk/profile").text
    assert visitor.post("/desk/profile/language", {"language": "xx"}).status_code == 422


# --------------------------------------------------------------------------- ways in by mail


def test_reset_answers_the_same_and_ends_sessions(desk: Desk) -> None:
    """L-10, A-06: unknown, left and known addresses look alike; the link opens once and ends sessions."""
    visitor, person = signed_in(desk, Role.COLLECTOR)
    gone = desk.person(is_active=False)
    stranger = Visitor(desk.app)
    stranger.get("/desk/forgotten")
    answers = [
        stranger.post("/desk/forgotten", {"email": address})
        for address in (person.email, gone.email, "nobody@northgate.example")
    ]
    assert len({words(a) for a in answers}) == 1
    assert {a.status_code for a in answers} == {200}
    assert mails(desk) == ["reset"]
    token = way(desk, person)
    page = stranger.get(f"/desk/in/{token}")
    assert person.email in page.text
    assert stranger.get(f"/desk/in/{token}").status_code == 200  # a scanner spends nothing
    assert stranger.post(f"/desk/in/{token}", {"password": "x", "again": "x"}).status_code == 422
    done = stranger.post(f"/desk/in/{token}", {"password": NEW, "again": NEW})
    assert done.location == "/desk/login?chosen=1"
    assert visitor.get("/desk/").status_code == 401
    again = stranger.post(f"/desk/in/{token}", {"password": NEW, "again": NEW})
    assert again.status_code == 410
    assert stranger.get("/desk/in/unknown").status_code == 410
    assert desk.sign_in(person, password=NEW).status_code == 303


def test_a_way_in_runs_out(desk: Desk) -> None:
    """A-04: thirty minutes for a reset; a newer one ends the older."""
    person, visitor = desk.person(), Visitor(desk.app)
    visitor.get("/desk/forgotten")
    visitor.post("/desk/forgotten", {"email": person.email})
    first = way(desk, person)
    visitor.post("/desk/forgotten", {"email": person.email})
    second = way(desk, person)
    assert visitor.get(f"/desk/in/{first}").status_code == 410
    assert visitor.get(f"/desk/in/{second}").status_code == 200
    desk.clock.forward(minutes=31)
    assert visitor.get(f"/desk/in/{second}").status_code == 410


def test_too_many_tries_are_told_to_the_person(desk: Desk) -> None:
    """L-11: the person hears once that somebody tries; an unknown name tells nobody."""
    person = desk.person()
    for number in range(12):
        visitor, place = Visitor(desk.app), {"REMOTE_ADDR": f"198.51.{number}.7"}
        visitor.get("/desk/login", environ_base=place)
        visitor.post("/desk/login", {"email": person.email, "password": "no", "code": "", "next": ""},
                     environ_base=place)  # fmt: skip
    assert mails(desk) == ["locked_out"]


# --------------------------------------------------------------------------- people and roles


def test_a_plain_role_is_invited_at_once(desk: Desk) -> None:
    """A-01: a mail with a way in leaves; the invited person chooses a password and signs in."""
    visitor, _ = signed_in(desk, Role.ADMIN)
    fields = {"name": "Ilan Green", "email": "Ilan@northgate.example", "role": "collector", "language": "he",
              "reason": "starts on Monday"}  # fmt: skip
    assert visitor.post("/desk/staff/invite", fields | {"email": "ilan"}).status_code == 422
    assert visitor.post("/desk/staff/invite", fields | {"role": "owner"}).status_code == 422
    assert visitor.post("/desk/staff/invite", fields).status_code == 303
    assert visitor.post("/desk/staff/invite", fields).status_code == 422  # on file by now
    assert mails(desk) == ["invitation"]
    with desk.store.read() as session:
        person = session.scalars(select(Staff).where(Staff.email == "ilan@northgate.example")).one()
    assert desk.sign_in(person, password="").status_code == 401
    assert "invited" in words(visitor.get("/desk/staff"))
    stranger, token = Visitor(desk.app), way(desk, person)
    stranger.get(f"/desk/in/{token}")
    stranger.post(f"/desk/in/{token}", {"password": NEW, "again": NEW})
    assert desk.sign_in(person, password=NEW).status_code == 303
    assert {"staff.invited", "staff.joined"} <= set(desk.codes())


def test_a_money_role_waits_for_a_second_person(desk: Desk) -> None:
    """A-02: inviting into or changing to such a role asks somebody else; the asker cannot grant it."""
    visitor, admin = signed_in(desk, Role.ADMIN)
    collector = desk.person()
    answer = visitor.post(f"/desk/staff/{collector.ref}/role", {"role": "supervisor", "reason": "promoted"})
    assert answer.status_code == 303
    assert row(desk, collector).role is Role.COLLECTOR
    assert "another person decides" in words(visitor.get("/desk/staff"))
    with desk.store.read() as session:
        request = waiting(session, ApprovalKind.STAFF_ROLE, f"role:{collector.ref}")
    assert request is not None
    with desk.store.write() as session:
        again = session.get_one(ApprovalRequest, request.id)
        with pytest.raises(Exception, match="own_proposal"):
            people.grant_on_approval(session, make.staff_actor(admin), again, now=desk.clock.at)
    second = desk.person(Role.ADMIN)
    with desk.store.write() as session:
        again = session.get_one(ApprovalRequest, request.id)
        people.grant_on_approval(session, make.staff_actor(second), again, now=desk.clock.at)
    assert row(desk, collector).role is Role.SUPERVISOR
    assert "role_changed" in mails(desk)


def test_nobody_changes_his_own_role(desk: Desk) -> None:
    """A-02: refused on the page and by the action, whatever the form says."""
    visitor, admin = signed_in(desk, Role.ADMIN)
    page = words(visitor.get(f"/desk/staff/{admin.ref}"))
    assert "Nobody changes his own role" in page
    assert "Give this role" not in page
    forged = visitor.post(f"/desk/staff/{admin.ref}/role", {"role": "supervisor", "reason": "me"})
    assert forged.status_code == 403
    assert visitor.post(f"/desk/staff/{admin.ref}/leave", {"reason": "me"}).status_code == 403
    assert row(desk, admin).role is Role.ADMIN


def test_leaving_ends_everything_and_hands_over(desk: Desk) -> None:
    """A-06: sessions and ways in end at once; accounts go to a successor, without one it is refused."""
    gone, leaver = signed_in(desk, Role.COLLECTOR)
    heir = desk.person(name="Ruth Adler")
    account = desk.account()
    with desk.store.write() as session:
        session.get_one(Account, account.id).collector_id = leaver.id
    visitor, _ = signed_in(desk, Role.ADMIN)
    path = f"/desk/staff/{leaver.ref}/leave"
    refused = visitor.post(path, {"successor": "", "reason": "new job"})
    assert (refused.status_code, "say who takes over" in words(refused)) == (422, True)
    assert visitor.post(path, {"successor": leaver.ref, "reason": "new job"}).status_code == 422
    assert visitor.post(path, {"successor": heir.ref, "reason": "new job"}).status_code == 303
    assert gone.get("/desk/").status_code == 401
    assert desk.sign_in(leaver).status_code == 401
    with desk.store.read() as session:
        assert session.get_one(Account, account.id).collector_id == heir.id
    assert "staff.left" in desk.codes()
    assert "1 person has left" in words(visitor.get("/desk/staff"))


def test_last_administrator_stays(desk: Desk) -> None:
    """A-01: the house is never left without somebody who manages people."""
    _, admin = signed_in(desk, Role.ADMIN)
    other = desk.person(Role.ADMIN, is_active=False)
    with desk.store.write() as session, pytest.raises(Exception, match="last_admin"):
        people.leave(session, make.staff_actor(other), admin.ref, successor_ref=None, reason="x",
                     now=desk.clock.at)  # fmt: skip


def test_forms_take_only_what_they_name(desk: Desk) -> None:
    """A-09: no CSRF token, a field given twice, or fields nobody asked for change nothing."""
    visitor, person = signed_in(desk, Role.COLLECTOR)
    token, visitor.csrf = visitor.csrf, ""
    assert visitor.post("/desk/profile/language", {"language": "ru"}).status_code == 400
    visitor.csrf = token
    twice = visitor.post("/desk/profile/language", [("language", "ru"), ("language", "he")])
    assert twice.status_code == 400
    more = visitor.post("/desk/profile/language", {"language": "hu", "role": "admin", "is_active": "0"})
    assert more.status_code == 303
    after = row(desk, person)
    assert (after.role, after.language, after.is_active) == (Role.COLLECTOR, "hu", True)


def test_names_stay_text(desk: Desk) -> None:
    """X-02: what somebody typed as a name is never part of a page."""
    visitor, _ = signed_in(desk, Role.ADMIN)
    desk.person(name="<b>bold</b>")
    page = visitor.get("/desk/staff").text
    assert "<b>bold</b>" not in page
    assert html.escape("<b>bold</b>") in page


def test_idle_and_end_are_told_with_the_session(desk: Desk) -> None:
    """Decision 9: the list shows when a session ends at the latest."""
    visitor, person = signed_in(desk, Role.COLLECTOR)
    with desk.store.read() as session:
        opened = session.scalars(select(StaffSession).where(StaffSession.staff_id == person.id)).one()
    assert opened.ends_at - opened.started_at == timedelta(hours=12)
    assert opened.fresh_at == opened.started_at
    assert "Ends at the latest" in words(visitor.get("/desk/profile"))
    assert SECRET not in visitor.get("/desk/profile").text
