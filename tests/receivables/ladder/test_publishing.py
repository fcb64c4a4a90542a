"""Ladders and the choice among them: proposed by one, published by another, refused by name and line."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

import presentation
from jobs.worker import HANDLERS
from models import audit as chainbook
from models.accounts import Segment
from models.audit import AuditEntry
from models.invoices import InvoiceKind
from models.ladder import LadderPosition, LadderVersion
from models.rules import RulesDraft
from models.staff import Role
from models.states import DraftStatus
from models.work import Interaction, Job, PolicyVersion
from receivables import rule_drafts, waking
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.ladder import catalogue, comparing, publishing
from receivables.ladder.choosing import chosen, ladders_in_force
from receivables.ladder.own_ladders import choose_ladder
from receivables.ladder.publishing import Choice
from receivables.ladder.rungs import BadLadder, preset, preset_body, read_ladder
from receivables.ladder.steps import climb
from receivables.permissions import SYSTEM, Actor
from receivables.policy import DEFAULT_BODY, Policy, current_policy, default_policy
from tests import factories as make
from tests.conftest import NOON

KNOWN = presentation.known_texts()
ZONE = "Europe/London"
#: Gentle, with its first reminder a day later.
LATER = preset_body("gentle").replace('code = "first_reminder"\nday = 1', 'code = "first_reminder"\nday = 2')


def people(s: Session) -> tuple[Actor, Actor, Actor]:
    """A collector and two supervisors."""
    roles = (Role.COLLECTOR, Role.SUPERVISOR, Role.SUPERVISOR)
    collector, one, two = (make.staff_actor(make.a_person(s, role)) for role in roles)
    return collector, one, two


def propose(
    s: Session, who: Actor, body: str = LATER, *, reason: str = "Post is slow", **more: object
) -> str:
    return publishing.propose_ladder(
        s, who, body, reason=reason, known=KNOWN, zone=ZONE, now=NOON, **more  # type: ignore[arg-type]
    ).ref  # fmt: skip


def publish(s: Session, who: Actor, ref: str, **more: object) -> RulesDraft:
    return publishing.publish_proposed(s, who, ref, **{"known": KNOWN, "zone": ZONE, "now": NOON, **more})  # type: ignore[arg-type]


def codes(s: Session) -> list[str]:
    """Audit codes so far, chained now and not at the end of the unit of work."""
    chainbook.chain(s)
    return list(s.scalars(select(AuditEntry.code).order_by(AuditEntry.id)))


# --------------------------------------------------------------------------- four eyes


def test_a_version_is_proposed_by_one_and_published_by_another(session: Session) -> None:
    """A-02, C-04: who, when and why of both stand in the version, and the earlier one is kept."""
    collector, boss, _ = people(session)
    ref = propose(session, collector)
    assert ladders_in_force(session, NOON)["gentle"].rung("first_reminder").day == 1
    draft = publish(session, boss, ref)
    version = session.scalars(select(LadderVersion)).one()
    assert (version.author_id, version.approver_id, version.reason) == (collector.id, boss.id, "Post is slow")
    assert (draft.status, draft.ladder_version_id) == (DraftStatus.PUBLISHED, version.id)
    assert ladders_in_force(session, NOON)["gentle"].rung("first_reminder").day == 2
    assert codes(session)[-2:] == ["rules.proposed", "ladder.published"]
    shipped = catalogue.find(catalogue.sources(session, boss, now=NOON), "gentle-shipped")
    assert shipped.body == preset_body("gentle")
    assert [v.state for v in catalogue.versions(session, boss, now=NOON)] == ["in_force"]


def test_nobody_publishes_or_refuses_his_own(session: Session) -> None:
    """A-02: not by the action, and not past it in the database."""
    _, boss, _ = people(session)
    ref = propose(session, boss)
    with pytest.raises(NotAllowed, match="own_proposal"):
        publish(session, boss, ref)
    with pytest.raises(NotAllowed, match="own_proposal"):
        rule_drafts.refuse(session, boss, ref, reason="No", now=NOON)
    draft = session.scalars(select(RulesDraft)).one()
    with pytest.raises(IntegrityError), session.begin_nested():
        rule_drafts.published(draft, boss, now=NOON)


def test_who_may_propose_publish_refuse_and_take_back(session: Session) -> None:
    """A-01: each act asks for its own permission; a proposal is taken back by who made it alone."""
    collector, boss, other = people(session)
    accountant = make.staff_actor(make.a_person(session, Role.ACCOUNTANT))
    for who in (accountant, SYSTEM):
        with pytest.raises(NotAllowed):
            propose(session, who)
    ref = propose(session, boss)
    for act in (publish, lambda *them: rule_drafts.refuse(*them, reason="No", now=NOON)):
        with pytest.raises(NotAllowed):
            act(session, collector, ref)
    with pytest.raises(NotAllowed):
        rule_drafts.withdraw(session, other, ref, reason="Mine now", now=NOON)
    with pytest.raises(Refused, match="reason_missing"):
        rule_drafts.refuse(session, other, ref, reason=" ", now=NOON)
    rule_drafts.withdraw(session, boss, ref, reason="Thought again", now=NOON)
    for act in (publish, lambda *them: rule_drafts.refuse(*them, reason="No", now=NOON)):
        with pytest.raises(Refused, match="decided_already"):
            act(session, other, ref)
    second = propose(session, boss)
    refused = rule_drafts.refuse(session, other, second, reason="Not in December", now=NOON)
    assert (refused.status, refused.answer) == (DraftStatus.REFUSED, "Not in December")
    assert session.scalars(select(LadderVersion)).all() == []
    with pytest.raises(NotFound):
        publish(session, other, "nothing")


def test_one_proposal_of_a_name_at_a_time(session: Session) -> None:
    """Who publishes compares with what is in force; nothing else of the name is on its way."""
    collector, boss, _ = people(session)
    propose(session, collector)
    with pytest.raises(Refused, match="draft_waits"):
        propose(session, boss)
    with pytest.raises(Refused, match="nothing_changes"):
        propose(session, boss, preset_body("strict"))


# --------------------------------------------------------------------------- the first day


def test_a_version_starts_on_its_first_day(session: Session) -> None:
    """C-04: a day to come is kept until then, in the date of the house; a past one is refused."""
    collector, boss, _ = people(session)
    with pytest.raises(Refused, match="effective_past"):
        propose(session, collector, effective_on=date(2026, 11, 18))
    publish(session, boss, propose(session, collector, effective_on=date(2026, 12, 1)))
    before, after = NOON + timedelta(days=11), NOON + timedelta(days=12)
    assert ladders_in_force(session, before)["gentle"].rung("first_reminder").day == 1
    assert ladders_in_force(session, after)["gentle"].rung("first_reminder").day == 2
    assert [v.state for v in catalogue.versions(session, boss, now=before)] == ["planned"]
    job = session.scalars(select(Job)).one()
    assert job.run_at.isoformat() == "2026-12-01T00:00:00+00:00"
    assert job.kind in HANDLERS


def test_a_first_day_that_passed_while_it_waited_is_today(session: Session) -> None:
    """Nothing is in force before somebody said so."""
    collector, boss, _ = people(session)
    ref = propose(session, collector, effective_on=NOON.date())
    later = NOON + timedelta(days=3)
    publish(session, boss, ref, now=later)
    assert session.scalars(select(LadderVersion.effective_at)).one() == later


def test_what_climbs_is_looked_at_once_it_is_in_force(session: Session) -> None:
    """A version that is in force is gone by at the next run, not when an old wait ends."""
    account = make.an_account(session, make.a_creditor(session))
    make.an_invoice(session, account, due_on=NOON.date() + timedelta(days=30))
    ladders, policy = ladders_in_force(session, NOON), default_policy()
    climb(session, [account.id], ladders=ladders, policy=policy, now=NOON)
    position = session.scalars(select(LadderPosition)).one()
    assert (position.next_on or NOON.date()) > NOON.date()
    last = waking.wake_part(session, 0, most=10, now=NOON)
    session.refresh(position)
    assert (last, position.next_on) == (account.id, NOON.date())
    assert waking.wake_part(session, account.id, most=10, now=NOON) is None


# --------------------------------------------------------------------------- refused by name and line

_BASE = preset_body("gentle")


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("day = 3\n", "day = 1\n", "out_of_order", "day = 1"),
        ('do = "offer"', 'do = "shout"', "unknown_act", "shout"),
        ('gate = "collector"', 'gate = "bishop"', "unknown_gate", "bishop"),
        ('text = "formal_warning"', 'text = "rude_warning"', "unknown_text", "rude_warning"),
        ('text = "first_reminder"', 'text = "one_time_code"', "unknown_text", "one_time_code"),
        ('text = "first_reminder"', 'text = "prepayment_due"', "unknown_text", "prepayment_due"),
        ('"email", "sms"]', '"email", "fax"]', "unknown_channel", "fax"),
        ("above = 10000", "mood = 1", "unknown_key", "mood = 1"),
        ("above = 10000", 'segments = ["enemy"]', "bad_value", "enemy"),
        ("above = 10000", 'debtor_types = "business"', "bad_value", "debtor_types"),
        ("above = 10000", 'countries = ["Britain"]', "bad_value", "Britain"),
        ("above = 10000", "above = 10000, up_to = 1000", "never_met", "up_to"),
        ("above = 10000", 'above = "a lot"', "bad_value", "a lot"),
        ('at = "10:00"', "at = 10", "bad_value", "at = 10"),
        ("latest_day = 110", "latest_day = 10", "late_before_day", "latest_day"),
        ('code = "call"', 'code = "courtesy"', "twice", 'code = "courtesy"'),
        ('code = "call"', 'code = "Ring them!"', "bad_value", "Ring them!"),
        ("day = 60", 'day = "sixty"', "bad_value", "sixty"),
        ("day = 60", "", "missing_key", "[[rungs]]"),
        ('effects = [{ do = "offer" }]', "effects = 3", "bad_value", "effects = 3"),
        ('kinds = ["invoice", "fee"]', 'kinds = ["wish"]', "unknown_kind", "kinds"),
        ('kinds = ["invoice", "fee"]', 'kinds = ["invoice"]', "kind_needed", "kinds"),
        ("together_days = 3", "together_days = -1", "bad_value", "together_days"),
        ("together_days = 3", "together_days = = 3", "not_toml", "= = 3"),
        ("together_days = 3", "weather = 3", "unknown_key", "weather"),
    ],
)
def test_a_bad_version_is_refused_by_name_and_line(
    session: Session, old: str, new: str, code: str, says: str
) -> None:
    """Bad input: out of order, unknown effects and conditions, missing texts; the line is the one meant."""
    collector, _, _ = people(session)
    assert old in _BASE
    body = _BASE.replace(old, new, 1)
    with pytest.raises(BadLadder) as refused:
        propose(session, collector, body)
    assert refused.value.code == code
    line = publishing.line_of_bad(body, refused.value)
    assert line is not None
    assert says in body.split("\n")[line - 1]
    assert session.scalars(select(RulesDraft)).all() == []


def test_a_text_that_is_missing_in_one_language_is_enough(session: Session) -> None:
    """Part 8: every text in all four languages, checked once more when it is published."""
    collector, boss, _ = people(session)
    without = dict(KNOWN) | {("letter", "formal_warning"): frozenset({"en", "he", "ru"})}
    ref = propose(session, collector)
    with pytest.raises(BadLadder) as refused:
        publish(session, boss, ref, known=without)
    facts = refused.value.facts
    assert (refused.value.code, facts["rung"], facts["text"], facts["language"]) == (
        "missing_text", "formal_warning", "formal_warning", "hu",
    )  # fmt: skip
    assert session.scalars(select(LadderVersion)).all() == []


@pytest.mark.parametrize("body", ["", "x = 1", "rungs = 3", "name = 3\nkinds = 4\nrungs = [5]", "name = '"])
def test_whatever_is_typed_is_answered_by_name(body: str) -> None:
    """Nothing that a person can type ends in anything but a refusal that says why."""
    with pytest.raises(BadLadder):
        read_ladder(body)


# --------------------------------------------------------------------------- which one is climbed


def test_the_choice_changes_nothing_else_of_the_rules(session: Session) -> None:
    """policy [ladders]: the rest of the house's rules stays as it is written, comments among it."""
    collector, boss, _ = people(session)
    choice = Choice("strict", "prepayment", {"hardship": "gentle"})
    ref = publishing.propose_choice(session, collector, choice, reason="Autumn", zone=ZONE, now=NOON).ref
    publish(session, boss, ref)
    policy = current_policy(session, NOON)
    version = session.scalars(select(PolicyVersion)).one()
    assert policy == replace(publishing.chosen_policy(default_policy(), choice), version_id=version.id)
    changed = set(version.body.split("\n")) ^ set(DEFAULT_BODY.split("\n"))
    assert {line.partition(" ")[0] for line in changed} == {"default", "by_segment"}
    by_kind = {
        segment: chosen(policy.ladders, kind="invoice", own=None, of_account=None, segment=segment)
        for segment in Segment
    }
    assert {s for s, name in by_kind.items() if name == "gentle"} == {Segment.HARDSHIP}
    assert "ladder.assigned" in codes(session)
    with pytest.raises(Refused, match="nothing_changes"):
        publishing.propose_choice(session, collector, choice, reason="Again", zone=ZONE, now=NOON)


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        (Choice("nobody", "prepayment", {}), "ladder_unknown"),
        (Choice("prepayment", "prepayment", {}), "ladder_wrong_kind"),
        (Choice("gentle", "strict", {}), "ladder_wrong_kind"),
        (Choice("gentle", "prepayment", {"hardship": "prepayment"}), "ladder_wrong_kind"),
        (Choice("gentle", "prepayment", {"enemy": "strict"}), "segment_unknown"),
        (Choice("gentle", "prepayment", {"hardship": "gentle"}), "nothing_changes"),
    ],
)
def test_a_choice_that_cannot_be_climbed_is_refused(session: Session, choice: Choice, code: str) -> None:
    collector, _, _ = people(session)
    with pytest.raises(Refused, match=code):
        publishing.propose_choice(session, collector, choice, reason="x", zone=ZONE, now=NOON)


def test_a_choice_survives_being_written() -> None:
    choice = Choice("strict", "prepayment", {"hardship": "gentle", "own_terms": "strict"})
    written = publishing.with_choice(DEFAULT_BODY, choice)
    assert Policy.read(written) == publishing.chosen_policy(default_policy(), choice)
    again = publishing.with_choice(written, Choice("gentle", "prepayment", {}))
    assert Policy.read(again) == default_policy()


def test_a_ladder_of_ones_own(session: Session) -> None:
    """Decision 013: the document's own, else the account's; by a person, with a reason, looked at again."""
    collector, _, _ = people(session)
    account = make.an_account(session, make.a_creditor(session))
    invoice = make.an_invoice(session, account, due_on=NOON.date() - timedelta(days=1))
    order = make.an_invoice(session, account)
    order.kind = InvoiceKind.PREPAYMENT
    climb(session, [account.id], ladders=ladders_in_force(session, NOON), policy=default_policy(), now=NOON)
    with pytest.raises(Refused, match="reason_missing"):
        choose_ladder(session, collector, account, "strict", reason="", now=NOON)
    choose_ladder(session, collector, account, "strict", reason="Third time this year", now=NOON)
    choose_ladder(session, collector, invoice, "gentle", reason="Our own mistake", now=NOON)
    assert (account.ladder, invoice.ladder) == ("strict", "gentle")
    woken = session.scalars(select(LadderPosition.next_on)).all()
    assert set(woken) == {NOON.date()}
    for subject, name, code in (
        (account, "strict", "same_ladder"), (account, "nobody", "ladder_unknown"),
        (account, "prepayment", "ladder_wrong_kind"), (order, "strict", "ladder_wrong_kind"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=code):
            choose_ladder(session, collector, subject, name, reason="x", now=NOON)
    choose_ladder(session, collector, account, None, reason="All is paid", now=NOON)
    assert account.ladder is None
    assert codes(session).count("ladder.chosen") == 3
    noted = session.scalars(select(Interaction).where(Interaction.kind == "ladder.chosen")).all()
    assert [n.facts.get("number") for n in noted] == [None, invoice.number, None]
    with pytest.raises(NotAllowed):
        choose_ladder(session, make.holder_actor(account), account, "strict", reason="x", now=NOON)


# --------------------------------------------------------------------------- side by side


def test_two_ladders_side_by_side() -> None:
    """Part 1: rung by rung, what differs and what stands on one side alone."""
    lines = comparing.side_by_side(preset("gentle"), preset("strict"))
    found = {(line.left or line.right).code: (line.mark, line.differs) for line in lines}  # type: ignore[union-attr]
    assert found["courtesy"][0] == "only_left"
    assert found["first_reminder"] == ("changed", {"at", "effects"})
    assert found["official_letter"] == ("changed", {"day"})
    assert found["hand_over"][1] == {"day", "effects"}
    assert [line.left.code for line in lines if line.left] == [r.code for r in preset("gentle").rungs]
    assert [line.right.code for line in lines if line.right] == [r.code for r in preset("strict").rungs]
    same = comparing.side_by_side(preset("gentle"), preset("gentle"))
    assert {line.mark for line in same} == {"same"}


def test_a_rung_that_changed_places_stands_on_each_side_where_it_is() -> None:
    body = (
        preset_body("strict")
        .replace('"official_letter"\nday', '"x"\nday')
        .replace('"formal_warning"\nday', '"official_letter"\nday')
    )
    lines = comparing.side_by_side(preset("strict"), read_ladder(body))
    assert [line.right.code for line in lines if line.right] == [
        "due_today", "first_reminder", "x", "official_letter", "hand_over",
    ]  # fmt: skip


def test_what_it_would_change_today(session: Session) -> None:
    """Before publishing: counts of each rung now and then, over all accounts or an even part of them."""
    creditor = make.a_creditor(session)
    for late in (1, 1, 1, 2, 2, 0):
        account = make.an_account(session, creditor)
        make.an_invoice(session, account, due_on=NOON.date() - timedelta(days=late))
    now, policy = ladders_in_force(session, NOON), default_policy()
    then = now | {"gentle": read_ladder(LATER)}
    found = comparing.forecast(session, ladders=(now, then), policies=(policy, policy), now=NOON)
    rows = {row.rung: (row.now, row.then) for row in found.rows}
    # A day late: with the later rung nothing but the call of the due day is left to make up for.
    assert rows["first_reminder"] == (5, 2)
    assert (found.looked, found.accounts, found.changed) == (6, 6, 3)
    part = comparing.forecast(session, ladders=(now, then), policies=(policy, policy), now=NOON, most=3)
    assert (part.looked, part.accounts) == (3, 6)
