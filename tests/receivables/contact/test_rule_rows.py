"""Rules of contact as data: read strictly, resolved to the strictest, versioned (C-04)."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select

from models.accounts import DebtorType
from models.audit import AuditEntry
from models.store import Store
from models.work import PolicyKind, PolicyVersion
from receivables.contact.rule_rows import (
    DEFAULT_RULES,
    BadContactRules,
    Binding,
    Cap,
    ContactRules,
    current_rules,
    default_rules,
    publish_rules,
    read_rules,
)
from receivables.errors import NotAllowed, Refused
from receivables.permissions import SYSTEM
from receivables.policy import current_policy, default_policy
from tests import factories as make
from tests.conftest import NOON

POLICY = default_policy()
ROW = """
[[row]]
id = "1"
title = "A rule"
where = ["US"]
debtors = ["private_person"]
roles = ["first_party"]
source = "somewhere"
grade = "S"
on = true
"""
HEAD = 'role = "first_party"\n'


def rules(*extra: str) -> ContactRules:
    """Rules of one row each, which differ by what is added."""
    rows = [ROW.replace('"1"', f'"{number}"') + more for number, more in enumerate(extra, 1)]
    return read_rules(HEAD + "\n".join(rows))


def bound(found: ContactRules, **where: object) -> Binding:
    asked: dict[str, object] = {
        "country": "US", "zone": "America/Denver", "debtor": DebtorType.PRIVATE_PERSON, "on": NOON.date(),
    }  # fmt: skip
    return found.binding(**{**asked, **where})  # type: ignore[arg-type]


# --------------------------------------------------------------------------- what ships


def test_rows_one_to_twenty_stand() -> None:
    """Issue C, part 5: rows 1 to 20 of the policy table as data."""
    known = {row.id.split(".")[0] for row in default_rules().rows}
    assert known == {str(number) for number in range(1, 21)}


def test_what_was_not_read_or_has_no_rate_is_off_and_says_so() -> None:
    """Issue C, part 5: [K] rows and rows without a rate."""
    off = {row.id: row.why_off for row in default_rules().rows if not row.on}
    assert {"5", "8", "11", "19", "20"} <= set(off)
    assert all(off.values())
    assert all(row.grade == "S" for row in default_rules().rows if row.on)


def test_a_business_is_bound_by_nothing_but_what_the_house_obeys_anyway() -> None:
    """Decision 18: first party, business: the house's own hours and cap are all."""
    for country in ("GB", "IL", "HU", "DE", "US"):
        binding = bound(default_rules(), country=country, debtor=DebtorType.BUSINESS)
        assert (binding.window, binding.caps, binding.opt_in) == (None, (), frozenset())


def test_new_york_from_its_first_day() -> None:
    """Policy row 13: three contacts in seven days, electronic ones by consent, from 1 September 2026."""
    before = bound(default_rules(), zone="America/New_York", on=date(2026, 8, 31))
    since = bound(default_rules(), zone="America/New_York", on=date(2026, 9, 1))
    assert (Cap("all", 3, 7) in before.caps, Cap("all", 3, 7) in since.caps) == (False, True)
    assert (before.opt_in, since.opt_in) == (frozenset(), {"email", "sms"})
    assert since.unsure == ("13", "14")
    assert "13" not in bound(default_rules(), zone="America/Denver").rows
    assert "13" in bound(default_rules(), zone=None).rows


def test_a_no_reaches_all_channels_from_its_day() -> None:
    """Policy row 15: waived to 31 January 2027."""
    said = [bound(default_rules(), on=day).opt_out_of_all for day in (date(2027, 1, 30), date(2027, 1, 31))]
    assert said == [False, True]
    assert not bound(default_rules(), country="GB", on=date(2028, 1, 1)).opt_out_of_all


def test_who_collects_for_others_has_reg_f() -> None:
    """Policy rows 1 to 3: 08:00 to 21:00, 7 calls in 7 days, 7 quiet days after a talk."""
    agency = read_rules(DEFAULT_RULES.replace('role = "first_party"', 'role = "third_party"'))
    binding = bound(agency)
    assert binding.window == (time(8), time(21))
    assert set(binding.caps) >= {
        Cap("calls", 7, 7), Cap("email", 1, 1), Cap("email", 3, 7), Cap("sms", 1, 1), Cap("sms", 2, 7),
    }  # fmt: skip
    assert binding.quiet_after_talk_days == 7


# --------------------------------------------------------------------------- the strictest


def test_the_strictest_of_all_rows_binds() -> None:
    """C-04: the narrowest window, the smallest cap of each span, every consent."""
    binding = bound(
        rules(
            'window = "08:00-21:00"\nemail = "5/7d, 1/1d"\nopt_in = ["sms"]',
            'window = "09:30-22:00"\nemail = "3/7d"\ncalls = "2/7d"\nopt_out = "all"',
            "quiet_after_talk_days = 7\nopt_in = ['email']",
        )
    )
    assert binding == Binding(
        rows=("1", "2", "3"),
        window=(time(9, 30), time(21)),
        caps=(Cap("calls", 2, 7), Cap("email", 1, 1), Cap("email", 3, 7)),
        quiet_after_talk_days=7,
        opt_in=frozenset({"email", "sms"}),
        opt_out_of_all=True,
    )
    assert [str(cap) for cap in binding.caps_on("email")] == ["email:1/1d", "email:3/7d"]


@pytest.mark.parametrize(
    ("where", "binds"),
    [
        ({}, True),
        ({"country": "GB"}, False),
        ({"debtor": DebtorType.SOLE_TRADER}, False),
        ({"on": date(2026, 11, 18)}, False),
    ],
)
def test_a_row_binds_where_when_and_whom_it_says(where: dict[str, object], binds: bool) -> None:
    """C-04: jurisdiction, kind of debtor, effective date."""
    found = rules('from_on = 2026-11-19\nwindow = "08:00-18:00"')
    assert bool(bound(found, **where).rows) is binds


# --------------------------------------------------------------------------- refused by name

BROKEN: dict[str, tuple[str, str]] = {
    "not toml": ("role = ", "not_toml"),
    "no rows": (HEAD, "missing_key"),
    "a key nobody reads": (HEAD + 'colour = "red"\n' + ROW + 'email = "1/1d"', "unknown_key"),
    "a key of a row nobody reads": (HEAD + ROW + 'emails = "1/1d"', "unknown_key"),
    "a row without a source": (
        HEAD + ROW.replace('source = "somewhere"\n', "") + 'email = "1/1d"', "missing_key",
    ),
    "a role nobody has": ('role = "friend"\n' + ROW + 'email = "1/1d"', "bad_value"),
    "a country that is none": (HEAD + ROW.replace('"US"', '"usa"') + 'email = "1/1d"', "bad_value"),
    "a debtor nobody is": (HEAD + ROW.replace("private_person", "person") + 'email = "1/1d"', "bad_value"),
    "nobody it binds": (HEAD + ROW.replace('["private_person"]', "[]") + 'email = "1/1d"', "bad_value"),
    "a cap that is none": (HEAD + ROW + 'email = "1 a day"', "bad_value"),
    "a cap of nothing": (HEAD + ROW + 'email = "0/7d"', "bad_value"),
    "hours that are none": (HEAD + ROW + 'window = "8-21"', "bad_value"),
    "consent for what is no channel": (HEAD + ROW + 'opt_in = ["fax"]', "bad_value"),
    "a day that is none": (HEAD + ROW + 'from_on = "soon"\nemail = "1/1d"', "bad_value"),
    "twice": (HEAD + ROW + 'email = "1/1d"\n' + ROW + 'email = "1/1d"', "twice"),
    "on without a source that was read": (
        HEAD + ROW.replace('"S"', '"K"') + 'email = "1/1d"', "unsourced",
    ),
    "off without a word": (HEAD + ROW.replace("on = true", "on = false") + 'email = "1/1d"', "no_reason"),
    "asks for nothing": (HEAD + ROW, "asks_nothing"),
    "hours that end before they begin": (HEAD + ROW + 'window = "21:00-08:00"', "never"),
    "hours of two rows that never meet": (
        HEAD + ROW + 'window = "08:00-12:00"\n' + ROW.replace('"1"', '"2"') + 'window = "12:00-20:00"',
        "never",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_broken_rules_are_refused_by_name(what: str) -> None:
    """Issue C, "Bad input": a policy that can never contact anybody, a key that is misspelt."""
    body, code = BROKEN[what]
    with pytest.raises(BadContactRules) as caught:
        read_rules(body)
    assert caught.value.code == code


def test_two_regions_of_one_country_may_not_shut_each_other_out() -> None:
    """An account whose region nobody knows is bound by both: it could never be contacted."""
    east = ROW.replace('"US"', '"US-NY"') + 'window = "08:00-12:00"\n'
    west = ROW.replace('"US"', '"US-CA"').replace('"1"', '"2"') + 'window = "13:00-20:00"\n'
    with pytest.raises(BadContactRules, match="never"):
        read_rules(HEAD + east + west)


# --------------------------------------------------------------------------- versions


def test_the_version_in_force_at_a_moment(store: Store) -> None:
    """C-04: shipped rules until others are published; a version is in force from its moment on."""
    body = HEAD + ROW + 'email = "1/7d"\n'
    with store.write() as s:
        version = publish_rules(s, SYSTEM, body, reason="counsel asked", policy=POLICY, now=NOON)
    with store.read() as s:
        assert current_rules(s, NOON - timedelta(seconds=1)) == default_rules()
        found = current_rules(s, NOON)
        assert (found.version_id, found.digest) == (version.id, version.body_digest)
        assert bound(found).caps == (Cap("email", 1, 7),)
        assert s.scalars(select(PolicyVersion.kind)).all() == [PolicyKind.CONTACT]
        [entry] = s.scalars(select(AuditEntry).where(AuditEntry.code == "contact_rules.published")).all()
        assert entry.subject_id == version.id


def test_rules_of_contact_are_not_the_rules_of_the_house(store: Store) -> None:
    """The two kinds of versions do not hide each other."""
    with store.write() as s:
        publish_rules(s, SYSTEM, HEAD + ROW + 'email = "1/7d"', reason="r", policy=POLICY, now=NOON)
    with store.read() as s:
        assert current_policy(s, NOON) == default_policy()


def test_publishing_needs_a_right_a_reason_and_hours_that_are_left(store: Store) -> None:
    """A-01; "a policy that can never contact anybody" counts the house's own hours in."""
    late = HEAD + ROW + 'window = "20:30-21:30"\n'
    read_rules(late)
    with store.write() as s:
        collector = make.staff_actor(make.a_person(s))
        with pytest.raises(NotAllowed):
            publish_rules(s, collector, HEAD + ROW + 'email = "1/7d"', reason="r", policy=POLICY, now=NOON)
        with pytest.raises(Refused, match="reason_missing"):
            publish_rules(s, SYSTEM, HEAD + ROW + 'email = "1/7d"', reason=" ", policy=POLICY, now=NOON)
        with pytest.raises(BadContactRules) as caught:
            publish_rules(s, SYSTEM, late, reason="r", policy=POLICY, now=NOON)
        assert caught.value.facts["where"] == "US"
        assert s.scalars(select(PolicyVersion.id)).all() == []
    assert caught.value.code == "never"
