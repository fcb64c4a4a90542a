"""The editors of rules and of texts: typed, checked, previewed, published by two (X-05, C-08, A-02)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from admin.words import TABLES
from models.accounts import Account
from models.approvals import ApprovalKind, ApprovalRequest
from models.editing import EditorDraft, TextVersion
from models.staff import Role, Staff
from models.states import EditorStatus
from models.work import Job, PolicyVersion
from receivables.approvals.effects import EFFECTS
from receivables.editing import fields, house
from receivables.errors import NotAllowed, Refused
from receivables.policy import current_policy, default_policy
from tests import factories as make
from tests.admin.conftest import Desk
from tests.portal.visitor import Visitor, words

ROOT = Path(__file__).resolve().parents[2]


def typed(section: str, **changes: str) -> dict[str, str]:
    """The form of a section as it is shown, with some inputs changed."""
    data, form = house.ordered(fields.shipped())[section], {}
    for field in fields.fields_of(section):
        value = data[field.key.partition(".")[2]]
        if field.kind == "rows":
            for number, row in enumerate(value):
                form |= {f"{field.key}--{number}-{name}": fields.written(cell) for name, cell in row.items()}
        elif field.kind == "named":
            form |= {f"{field.key}--{p.key}": fields.written(value.get(p.key, "")) for p in field.parts}
        else:
            form[field.key] = fields.written(value)
    return form | changes


def desk_of(desk: Desk, role: Role = Role.SUPERVISOR) -> tuple[Visitor, Staff]:
    person, visitor = desk.person(role), Visitor(desk.app)
    assert desk.sign_in(person, visitor).status_code == 303
    desk.clock.forward(seconds=31)
    visitor.get("/desk/policy")
    return visitor, person


def waiting(desk: Desk, kind: ApprovalKind) -> ApprovalRequest:
    with desk.store.read() as session:
        return session.scalars(select(ApprovalRequest).where(ApprovalRequest.kind == kind)).one()


def approve(desk: Desk, kind: ApprovalKind, person: Staff) -> None:
    with desk.store.write() as session:
        request = session.scalars(
            select(ApprovalRequest).where(ApprovalRequest.kind == kind).order_by(ApprovalRequest.id.desc())
        ).first()
        assert request is not None
        EFFECTS[kind](session, make.staff_actor(person), request, now=desk.clock.at)


@pytest.mark.parametrize("section", fields.sections())
def test_every_section_shows_and_takes_back_what_it_shows(desk: Desk, section: str) -> None:
    """X-05: each key is a field; sent back as it stands nothing changes, and no draft is begun."""
    visitor, _ = desk_of(desk)
    assert visitor.get(f"/desk/policy/{section}").status_code == 200
    answer = visitor.post(f"/desk/policy/{section}", typed(section))
    assert answer.status_code == 303, words(answer)
    with desk.store.read() as session:
        assert session.scalars(select(EditorDraft)).all() == []


@pytest.mark.parametrize(
    ("section", "changes", "said"),
    [
        ("promises", {"promises.horizon_days": "0"}, "From 1 to 366."),
        ("promises", {"promises.horizon_days": "two"}, "Type a whole number."),
        ("promises", {"promises.horizon_days": ""}, "Fill this in."),
        ("contact", {"contact.window_from": "21:00"}, "The hours must begin before they end."),
        ("contact", {"contact.window_from": "8 am"}, "Type a time"),
        ("step_up", {"step_up.mode": "sometimes"}, "Choose one of those"),
        ("plans", {"plans.bands--3-above": "10"}, "The last band must begin at 0"),
        ("plans", {"plans.bands--0-above": "100"}, "The bands must fall"),
        ("plans", {"plans.retry_days": "5, 3"}, "The days must rise."),
        ("offers", {"offers.grid--0-discount_percent": "5"}, "What is less late may not get"),
        ("offers", {"offers.grid--0-discount_percent": "101"}, "From 0 to 100."),
        ("approvals", {"approvals.discount_percent--collector": "60"}, "A collector’s limit"),
        ("letters", {"letters.deadline_days--formal_warning": "2"}, "A letter gives fewer days"),
        ("sessions", {"sessions.staff_idle": "200", "sessions.staff_absolute": "100"}, "Rest may not be"),
        ("amounts", {"amounts.scale": "pound = 1"}, "This is no name"),
        ("costs", {"costs.days_in_year": "361"}, "A year has 360 or 365 days."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(
    desk: Desk, section: str, changes: dict[str, str], said: str
) -> None:
    """X-05: out of range, unreadable, or not going together: said at the field, nothing kept."""
    visitor, _ = desk_of(desk)
    answer = visitor.post(f"/desk/policy/{section}", typed(section, **changes))
    assert answer.status_code == 422
    assert said in words(answer)
    with desk.store.read() as session:
        assert session.scalars(select(EditorDraft)).all() == []


def test_a_change_is_published_by_a_second_person_only(desk: Desk) -> None:
    """A-02, C-04: drafted, sent, approved by another; the author himself is refused."""
    visitor, author = desk_of(desk)
    visitor.post("/desk/policy/promises", typed("promises", **{"promises.horizon_days": "21"}))
    page = words(visitor.get("/desk/policy"))
    assert "14 days 21 days" in page
    assert "Everything goes together" in page
    assert visitor.post("/desk/policy/draft/send", {"effective_on": "", "reason": ""}).status_code == 422
    past = visitor.post("/desk/policy/draft/send", {"effective_on": "2020-01-01", "reason": "too late"})
    assert past.status_code == 422
    sent = visitor.post("/desk/policy/draft/send", {"effective_on": "", "reason": "Spring terms"})
    assert sent.status_code == 303
    with desk.store.read() as session:
        assert current_policy(session, desk.clock.at).promises.horizon_days == 14
    with pytest.raises(NotAllowed, match="own_proposal"):
        approve(desk, ApprovalKind.POLICY, author)
    approve(desk, ApprovalKind.POLICY, desk.person(Role.SUPERVISOR))
    with desk.store.read() as session:
        rules = current_policy(session, desk.clock.at)
        version = session.scalars(select(PolicyVersion)).one()
    assert (rules.promises.horizon_days, rules.version_id) == (21, version.id)
    assert (version.author_id, version.reason) == (author.id, "Spring terms")
    assert "policy.published" in desk.codes()
    assert "Spring terms" in words(visitor.get("/desk/policy"))


def test_what_waits_is_not_written_on_and_can_be_taken_back(desk: Desk) -> None:
    """A-02: an edit while it waits is refused; taken back it is written on."""
    visitor, _ = desk_of(desk)
    visitor.post("/desk/policy/promises", typed("promises", **{"promises.horizon_days": "21"}))
    visitor.post("/desk/policy/draft/send", {"effective_on": "", "reason": "Spring terms"})
    again = visitor.post("/desk/policy/promises", typed("promises", **{"promises.horizon_days": "90"}))
    assert again.status_code == 409
    assert visitor.post("/desk/policy/draft/take-back").status_code == 303
    again = visitor.post("/desk/policy/promises", typed("promises", **{"promises.horizon_days": "90"}))
    assert again.status_code == 303
    other, _ = desk_of(desk)
    refused = other.post("/desk/policy/promises", typed("promises", **{"promises.changes": "3"}))
    assert (refused.status_code, "Somebody else is writing" in words(refused)) == (409, True)
    assert visitor.post("/desk/policy/draft/drop").status_code == 303
    with desk.store.read() as session:
        assert session.scalars(select(EditorDraft.status)).all() == [EditorStatus.DROPPED]


def test_approval_is_of_what_was_read(desk: Desk) -> None:
    """A-02: another version that came first voids what was approved; it is sent again."""
    visitor, author = desk_of(desk)
    visitor.post("/desk/policy/promises", typed("promises", **{"promises.horizon_days": "21"}))
    visitor.post("/desk/policy/draft/send", {"effective_on": "", "reason": "Spring terms"})
    with desk.store.write() as session:
        body = fields.toml_of(fields.with_changes(fields.shipped(), {"links.valid_days": 7}))
        house.house_rules.publish(session, body, reason="other", author_id=author.id, now=desk.clock.at)
    with pytest.raises(Refused, match="draft_moved"):
        approve(desk, ApprovalKind.POLICY, desk.person(Role.SUPERVISOR))


def test_a_later_day_and_an_older_version(desk: Desk) -> None:
    """C-04: in force from its day on; an older version comes back by publishing it anew."""
    visitor, _ = desk_of(desk)
    visitor.post("/desk/policy/promises", typed("promises", **{"promises.horizon_days": "21"}))
    day = (desk.clock.at.date()).replace(month=12, day=24).isoformat()
    visitor.post("/desk/policy/draft/send", {"effective_on": day, "reason": "From Christmas on"})
    second = desk.person(Role.SUPERVISOR)
    approve(desk, ApprovalKind.POLICY, second)
    with desk.store.read() as session:
        assert current_policy(session, desk.clock.at).promises.horizon_days == 14
        starts = session.scalars(select(PolicyVersion.effective_at)).one()
        assert current_policy(session, starts).promises.horizon_days == 21
    assert "still to come" in words(visitor.get("/desk/policy"))
    assert "21" in words(visitor.get("/desk/policy/versions/1"))
    assert visitor.post("/desk/policy/versions/0/again").status_code == 303
    with desk.store.read() as session:
        draft = session.scalars(select(EditorDraft).where(EditorDraft.status == EditorStatus.OPEN)).one()
    assert draft.changes == '{"promises.horizon_days": 14}'
    assert visitor.get("/desk/policy/versions/99").status_code == 404


def test_effects_and_preview_name_what_changes(desk: Desk, tidewater: Account) -> None:
    """X-05: how many balances another band meets, and what one debtor would be given."""
    visitor, _ = desk_of(desk)
    form = typed("plans", **{"plans.bands--2-most_parts": "8"})
    assert visitor.post("/desk/policy/plans", form).status_code == 303
    page = words(visitor.get("/desk/policy"))
    assert "balances that may be paid in more parts: 1" in page
    seen = words(visitor.get(f"/desk/policy/draft/preview?account={tidewater.number}"))
    assert "up to 6 parts up to 8 parts" in seen
    assert "No account of this number" in words(visitor.get("/desk/policy/draft/preview?account=none"))


def test_toml_written_is_read_the_same() -> None:
    """C-04: what the editor writes is the policy it shows, to the last key."""
    assert house.policy_of(house.ordered(fields.shipped())) == default_policy()


def test_keys_of_ladders_are_read_only(desk: Desk) -> None:
    """C-04: the page of ladders has its own checks; a forged field is not taken."""
    visitor, _ = desk_of(desk)
    visitor.post("/desk/policy/ladders", typed("ladders", **{"ladders.default": "strict"}))
    with desk.store.read() as session:
        assert session.scalars(select(EditorDraft)).all() == []


# --------------------------------------------------------------------------- texts


def texts_of(kind: str, language: str) -> dict[str, str]:
    folder = ROOT / "templates" / "messages" / kind / language
    return {"language": language} | {
        part: (folder / f"{part}.txt").read_text(encoding="utf-8").strip()
        for part in ("subject", "body", "sms")
    }


def test_texts_are_checked_and_published_whole(desk: Desk, tidewater: Account) -> None:
    """X-05, C-08: strange placeholders, missing ways out and long SMS are refused; two people publish."""
    visitor, author = desk_of(desk)
    assert "First reminder" in words(visitor.get("/desk/texts"))
    path = "/desk/texts/first_reminder"
    form = texts_of("first_reminder", "en")
    for part, text, said in (
        ("body", form["body"] + "\n\n{{config}}", "Braces stand around"),
        ("body", form["body"] + "\n\n{% if 1 %}", "Braces stand around"),
        ("body", form["body"] + "\n\n{secret}", "Nobody fills this placeholder: {secret}"),
        ("body", form["body"].replace("{block_footer}", ""), "This must stay in the text: {block_footer}"),
        ("sms", form["sms"].replace("{stop}", ""), "This must stay in the text: {stop}"),
        ("sms", form["sms"] + " word" * 120, "Too long: at most 3 segments"),
        ("subject", "", "The text is missing."),
        ("subject", "one\ntwo", "A subject is one line."),
    ):
        answer = visitor.post(path, form | {part: text})
        assert (answer.status_code, said in words(answer)) == (422, True), (part, said)
    assert visitor.post(path, form | {"subject": "A word about {amount}"}).status_code == 303
    page = words(visitor.get(path))
    assert "Whole in four languages" in page
    preview = words(visitor.get(f"{path}/preview?language=en&account={tidewater.number}"))
    assert "A word about" in preview
    assert visitor.post(f"{path}/test", {"language": "en", "account": tidewater.number}).status_code == 303
    assert visitor.post(f"{path}/send", {"effective_on": "", "reason": "Shorter"}).status_code == 303
    with pytest.raises(NotAllowed, match="own_proposal"):
        approve(desk, ApprovalKind.TEXT, author)
    approve(desk, ApprovalKind.TEXT, desk.person(Role.SUPERVISOR))
    with desk.store.read() as session:
        version = session.scalars(select(TextVersion)).one()
        trial = session.scalars(select(Job).where(Job.kind == "text_trial")).one()
    assert (version.kind, version.author_id) == ("first_reminder", author.id)
    assert trial.payload["texts"]["en/subject"] == "A word about {amount}"
    assert "text.published" in desk.codes()
    assert "version 1" in words(visitor.get("/desk/texts"))
    assert visitor.post(f"{path}/versions/0/again").status_code == 303


def test_an_unknown_text_is_not_found(desk: Desk) -> None:
    """X-05: only kinds that the house writes can be edited."""
    visitor, _ = desk_of(desk)
    assert visitor.get("/desk/texts/frame").status_code == 404
    assert visitor.post("/desk/texts/frame", {"language": "en", "subject": "x"}).status_code == 404


def test_every_key_of_the_rules_is_worded() -> None:
    """X-05: a key that is shipped has a name, a section, a unit and words for its parts at the desk."""
    missing = []
    for section in fields.sections():
        wanted = [("policy_section", section), ("policy_about", section)]
        for field in fields.fields_of(section):
            wanted += [("policy_key", field.key), ("policy_unit", field.unit or "count")]
            if field.kind in ("named", "rows"):
                table = "policy_part" if field.kind == "named" else "policy_column"
                wanted += [(table, part.key) for part in field.parts]
            if field.kind == "choice":
                wanted += [("policy_choice", choice) for choice in field.choices]
        missing += [place for place in wanted if place[1] not in TABLES[place[0]]]
    assert missing == []
