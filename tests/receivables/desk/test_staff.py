"""People at the desk: log-in, codes, sessions; and their passwords (A-01, A-04, A-06, L-10)."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import pytest
from pyotp import TOTP
from sqlalchemy import select

from models.audit import AuditDetail, AuditEntry
from models.staff import Role, Staff, StaffToken
from models.store import Store
from receivables.desk import invitations, passwords, recovery, staff
from receivables.errors import LinkGone, NotAllowed, Refused, SessionEnded
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON
from tests.races import together

POLICY = default_policy()
PASSWORD = "correct horse battery"  # noqa: S105
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105


@cache
def hashed() -> str:
    return passwords.hash_password(PASSWORD, with_code=False)


def code(at: object = NOON, secret: str = SECRET) -> str:
    return TOTP(secret).at(at)  # type: ignore[arg-type]


class Desk:
    def __init__(self, store: Store) -> None:
        self.store = store
        with store.write() as s:
            self.collector = make.a_person(
                s, Role.COLLECTOR, email="priya@northgate.example", password_hash=hashed()
            )
            self.supervisor = make.a_person(
                s, Role.SUPERVISOR, email="omar@northgate.example", password_hash=hashed(),
                totp_secret=SECRET,
            )  # fmt: skip

    def log_in(
        self, email: str = "priya@northgate.example", password: str = PASSWORD, *, typed: str | None = None,
        now: object = NOON,
    ) -> tuple[str, Staff] | None:  # fmt: skip
        return self.store.run(
            lambda s: staff.log_in(
                s, email=email, password=password, code=typed, verify_password=passwords.verify_password,
                code_step=passwords.code_step, policy=POLICY, now=now, request_id="r1",  # type: ignore[arg-type]
            )
        )  # fmt: skip

    def token(self) -> str:
        found = self.log_in()
        assert found is not None
        return found[0]

    def holder(self, token: str, now: object = NOON) -> staff.StaffHolder:
        with self.store.read() as s:
            return staff.staff_holder(s, token, now=now, request_id=None)  # type: ignore[arg-type]

    def codes(self) -> list[str]:
        with self.store.read() as s:
            return list(s.scalars(select(AuditEntry.code).order_by(AuditEntry.id)))


@pytest.fixture
def desk(sqlite_store: Store) -> Desk:
    return Desk(sqlite_store)


# --------------------------------------------------------------------------- logging in


def test_a_collector_logs_in_by_password(store: Store) -> None:
    """A-04: whatever the letters' case of the address and the spaces around it."""
    desk = Desk(store)
    found = desk.log_in(" Priya@Northgate.EXAMPLE ")
    assert found is not None
    behind = desk.holder(found[0])
    assert (behind.staff_id, behind.role, behind.actor.role) == (
        desk.collector.id, Role.COLLECTOR, Role.COLLECTOR,
    )  # fmt: skip
    assert behind.ends_at == NOON + POLICY.staff_absolute
    assert desk.codes() == ["staff.logged_in"]


def test_every_wrong_combination_gets_the_same_answer(desk: Desk) -> None:
    """L-10: unknown, wrong password, wrong or missing code, inactive: None, and the same work."""
    with desk.store.write() as s:
        make.a_person(
            s, Role.COLLECTOR, email="left@northgate.example", password_hash=hashed(), is_active=False
        )
    verified: list[str | None] = []

    def verify(stored: str | None, password: str) -> bool:
        verified.append(stored)
        return passwords.verify_password(stored, password)

    tries = [
        ("nobody@northgate.example", PASSWORD, None),
        ("priya@northgate.example", "wrong", None),
        ("priya@northgate.example", "", None),
        ("left@northgate.example", PASSWORD, None),
        ("omar@northgate.example", PASSWORD, None),
        ("omar@northgate.example", PASSWORD, "000000"),
        ("omar@northgate.example", "wrong", code()),
    ]
    for email, password, typed in tries:
        with desk.store.write() as s:
            answer = staff.log_in(
                s, email=email, password=password, code=typed, verify_password=verify,
                code_step=passwords.code_step, policy=POLICY, now=NOON, request_id=None,
            )  # fmt: skip
        assert answer is None, email
    assert len(verified) == len(tries)
    assert verified[0] is None
    assert desk.codes() == ["staff.refused"] * 6


@pytest.mark.parametrize("drift", [-30, 0, 30])
def test_a_code_of_a_clock_that_is_a_little_off(desk: Desk, drift: int) -> None:
    """A-04: one step either way."""
    typed = code(NOON + timedelta(seconds=drift))
    assert desk.log_in("omar@northgate.example", typed=f" {typed[:3]} {typed[3:]} ") is not None


@pytest.mark.parametrize("drift", [-90, 90])
def test_a_code_of_a_clock_that_is_far_off(desk: Desk, drift: int) -> None:
    typed = code(NOON + timedelta(seconds=drift))
    assert desk.log_in("omar@northgate.example", typed=typed) is None


def test_a_code_works_once(desk: Desk) -> None:
    """A-04: read over a shoulder it is worth nothing; nor is an older one afterwards."""
    assert desk.log_in("omar@northgate.example", typed=code()) is not None
    assert desk.log_in("omar@northgate.example", typed=code()) is None
    assert desk.log_in("omar@northgate.example", typed=code(NOON - timedelta(seconds=30))) is None
    later = NOON + timedelta(seconds=30)
    assert desk.log_in("omar@northgate.example", typed=code(later), now=later) is not None


def test_one_code_from_many_browsers_opens_one_session(store: Store) -> None:
    """A-04, L-06: two parallel log-ins with one code are one."""
    desk = Desk(store)
    answers = together(8, lambda _: desk.log_in("omar@northgate.example", typed=code()) is not None)
    assert sorted(answers, key=str) == [False] * 7 + [True], answers


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12 34", "-12345"])
def test_what_is_no_code(typed: str) -> None:
    assert passwords.code_step(SECRET, typed, NOON) is None


def test_the_step_of_a_code() -> None:
    step = int(NOON.timestamp()) // 30
    assert passwords.code_step(SECRET, code(), NOON) == step
    assert passwords.code_step(SECRET, code(NOON - timedelta(seconds=30)), NOON) == step - 1
    assert passwords.code_step(passwords.new_code_secret(), code(), NOON) is None


# --------------------------------------------------------------------------- sessions


def test_sessions_that_are_over(desk: Desk) -> None:
    """Decision 9: unknown, over, logged out; the end is absolute."""
    token = desk.token()
    desk.holder(token, NOON + POLICY.staff_absolute - timedelta(seconds=1))
    for wrong, now in (("nobody", NOON), (token, NOON + POLICY.staff_absolute)):
        with pytest.raises(SessionEnded, match="session_ended"):
            desk.holder(wrong, now)
    for _ in range(2):
        desk.store.run(lambda s: staff.log_out(s, SYSTEM, token, now=NOON))
    with pytest.raises(SessionEnded):
        desk.holder(token)
    assert desk.codes() == ["staff.logged_in", "staff.logged_out"]


def test_who_left_is_out_at_once(desk: Desk) -> None:
    """A-06: without waiting for the session to end."""
    token = desk.token()
    with desk.store.write() as s:
        s.get_one(Staff, desk.collector.id).is_active = False
    with pytest.raises(SessionEnded):
        desk.holder(token)


def test_a_new_role_holds_at_once(desk: Desk) -> None:
    """A-01, A-06: the role is read with every request."""
    token = desk.token()
    with desk.store.write() as s:
        s.get_one(Staff, desk.collector.id).role = Role.AUDITOR
    assert desk.holder(token).actor.role is Role.AUDITOR


# --------------------------------------------------------------------------- adding people


def test_adding_a_person(desk: Desk) -> None:
    """A-01, A-07: who was added is in the audit, the address only in its erasable part."""
    with desk.store.write() as s:
        admin = make.staff_actor(make.a_person(s, Role.ADMIN))
        person = staff.add_staff(
            s, admin, email=" Dana@Northgate.example", name="Dana", role=Role.COLLECTOR,
            password_hash=hashed(), totp_secret=None, now=NOON,
        )  # fmt: skip
    assert (person.email, person.is_active) == ("dana@northgate.example", True)
    with desk.store.read() as s:
        entry = s.scalars(select(AuditEntry)).one()
        detail = s.scalars(select(AuditDetail)).one()
    assert "dana" not in entry.payload
    assert "dana@northgate.example" in detail.values


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.ADMIN])
def test_who_may_not_add_people(desk: Desk, role: Role) -> None:
    with desk.store.write() as s:
        actor = make.staff_actor(make.a_person(s, role))
        with pytest.raises(NotAllowed):
            staff.add_staff(
                s, actor, email="d@northgate.example", name="D", role=Role.COLLECTOR, password_hash=hashed(),
                totp_secret=None, now=NOON,
            )  # fmt: skip


def test_one_person_for_an_address(desk: Desk) -> None:
    with desk.store.write() as s, pytest.raises(Refused, match="email_taken"):
        staff.add_staff(
            s, SYSTEM, email="PRIYA@northgate.example", name="P", role=Role.COLLECTOR, password_hash=hashed(),
            totp_secret=None, now=NOON,
        )  # fmt: skip


@pytest.mark.parametrize("role", list(Role))
def test_roles_that_need_a_code(desk: Desk, role: Role) -> None:
    """Decision 34: supervisor, accountant and admin, from the start."""
    needs = role in (Role.SUPERVISOR, Role.ACCOUNTANT, Role.ADMIN)
    assert (role in staff.CODE_ROLES) is needs
    with desk.store.write() as s:
        for secret in (None, ""):
            if needs:
                with pytest.raises(Refused, match="code_required"):
                    staff.add_staff(
                        s, SYSTEM, email="d@northgate.example", name="D", role=role, password_hash=hashed(),
                        totp_secret=secret, now=NOON,
                    )  # fmt: skip
        staff.add_staff(
            s, SYSTEM, email="d@northgate.example", name="D", role=role, password_hash=hashed(),
            totp_secret=SECRET if needs else None, now=NOON,
        )  # fmt: skip


# --------------------------------------------------------------------------- passwords


@pytest.mark.parametrize(
    ("length", "with_code", "taken"),
    [(14, False, False), (15, False, True), (11, True, False), (12, True, True)],
)
def test_how_long_a_password_is(length: int, with_code: bool, taken: bool) -> None:
    """A-04: 15 characters alone, 12 beside a code; any alphabet."""
    words = "цапля чай причал"[:length]
    if taken:
        stored = passwords.hash_password(words, with_code=with_code)
        assert passwords.verify_password(stored, words)
        return
    with pytest.raises(Refused) as refused:
        passwords.hash_password(words, with_code=with_code)
    assert refused.value.facts == {"at_least": 12 if with_code else 15}


@pytest.mark.parametrize(
    "guessed",
    ["passwordpassword", "Password-2026-11", "qwertyuiop12345678", "aaaaaaaaaaaaaaaaaa", "abcabcabcabcabcabc",
     "teal heron teal heron ", "Correct horse battery staple!"],
)  # fmt: skip
def test_what_is_guessed_first_is_refused(guessed: str) -> None:
    """A-04: common words, one said over and over, figures behind them; whatever signs stand between."""
    with pytest.raises(Refused, match="password_common"):
        passwords.check_password(guessed, with_code=True)


def test_ones_own_name_is_no_password() -> None:
    """A-04 (ASVS V6.2.11): what everybody knows of a person; together with other words it is one."""
    about = ("Priya Shah", "priya.shah@northgate.example")
    with pytest.raises(Refused, match="password_own_name"):
        passwords.check_password("Northgate-Priya-Shah-1", with_code=True, about=about)
    passwords.check_password("Priya rides a teal bicycle", with_code=True, about=about)


def test_passwords_are_kept_as_argon2id(desk: Desk) -> None:
    """A-04: salted, never the same twice, never the word itself."""
    again = passwords.hash_password(PASSWORD, with_code=False)
    assert again.startswith("$argon2id$")
    assert again != hashed()
    assert PASSWORD not in again
    assert passwords.verify_password(again, PASSWORD)


@pytest.mark.parametrize("stored", [None, "", "!", "not a hash", "$argon2id$broken"])
def test_nothing_opens_without_a_right_hash(stored: str | None) -> None:
    """L-10: nobody's hash is checked with the same work and never fits."""
    assert not passwords.verify_password(stored, PASSWORD)
    assert not passwords.verify_password(stored, "")


# --------------------------------------------------------------------------- second factors, ways in, races


def test_a_recovery_code_is_spent_once_by_two_at_the_same_moment(store: Store) -> None:
    """A-04: on both databases one of two sign-ins with the same recovery code wins."""
    with store.write() as s:
        person = make.a_person(s, Role.ACCOUNTANT, password_hash=hashed(), totp_secret=SECRET)
        codes = recovery.make_set(s, person, now=NOON)

    def enter(_: int) -> bool:
        with store.write() as s:
            opened = staff.log_in(
                s, email=person.email, password=PASSWORD, code=codes[0],
                verify_password=passwords.verify_password, code_step=passwords.code_step, policy=POLICY,
                now=NOON, request_id=None,
            )  # fmt: skip
            return opened is not None

    assert sorted(together(2, enter), key=str) == [False, True]
    with store.read() as s:
        assert recovery.left_of(s, person.id) == 9


def test_a_way_in_is_spent_once_by_two_at_the_same_moment(store: Store) -> None:
    """A-04: a token of a mail sets one password, whoever is second finds it gone."""
    with store.write() as s:
        person = make.a_person(s, Role.COLLECTOR, password_hash=hashed())
        invitations.ask_reset(s, person.email, policy=POLICY, now=NOON, request_id=None)
        ref = s.scalars(select(StaffToken.ref)).one()
        minted = invitations.mint(s, ref, policy=POLICY, now=NOON)
    assert minted is not None

    def choose(_: int) -> bool:
        try:
            with store.write() as s:
                invitations.choose_password(s, minted[0], password_hash="!x", now=NOON, request_id=None)  # noqa: S106
        except LinkGone:
            return False
        return True

    assert sorted(together(2, choose), key=str) == [False, True]


def test_a_mail_sent_again_has_another_way_in(store: Store) -> None:
    """Decision 6: the clear token is made when the mail leaves; the one before opens nothing."""
    with store.write() as s:
        person = make.a_person(s, Role.COLLECTOR, password_hash=hashed())
        invitations.ask_reset(s, person.email, policy=POLICY, now=NOON, request_id=None)
        ref = s.scalars(select(StaffToken.ref)).one()
        first = invitations.mint(s, ref, policy=POLICY, now=NOON)
        second = invitations.mint(s, ref, policy=POLICY, now=NOON)
        assert first is not None
        assert second is not None
        with pytest.raises(LinkGone):
            invitations.look_up(s, first[0], now=NOON)
        assert invitations.look_up(s, second[0], now=NOON).email == person.email
        stored = s.scalars(select(StaffToken.token_digest)).one()
    assert second[0] not in (stored or "")
