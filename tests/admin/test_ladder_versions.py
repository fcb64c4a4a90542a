"""Ladders and rules of contact at the desk: compared, proposed, refused in words, published by another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.ladder import LadderVersion
from models.rules import RulesDraft
from models.staff import Role
from models.work import PolicyKind, PolicyVersion
from receivables import policy
from receivables.contact.rule_rows import DEFAULT_RULES, current_rules
from receivables.ladder.choosing import ladders_in_force
from receivables.ladder.rungs import preset_body
from receivables.policy import current_policy
from tests.admin.conftest import Desk, desk_at
from tests.conftest import NOON
from tests.portal.visitor import Visitor, words

GENTLE = preset_body("gentle")
LATER = GENTLE.replace('code = "first_reminder"\nday = 1', 'code = "first_reminder"\nday = 2')
LADDERS = "/desk/ladder/versions"
CONTACT = "/desk/contact-rules"


@pytest.fixture
def both(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """The desk on each database."""
    yield from desk_at(database_url, tmp_path)


def propose(visitor: Visitor, body: str, *, at: str = LADDERS, day: str = "") -> str:
    """Put a version forward through its form; returns the path of the proposal."""
    visitor.get(f"{at}/propose")
    answer = visitor.post(
        f"{at}/propose", {"body": body, "reason": "Transfers take two days", "effective_on": day}
    )
    assert answer.status_code == 303, words(answer)
    return str(answer.location)


def rung(page: str, name: str) -> str:
    """What the row of a rung says, up to the next row."""
    found = re.search(rf"<th scope=\"row\"[^>]*>{name} .*?</tr>", page, flags=re.S)
    assert found is not None, name
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


# --------------------------------------------------------------------------- reading


def test_two_presets_side_by_side(desk: Desk) -> None:
    """Part 1: rung by rung in words, differences marked, before anything is published."""
    visitor = desk.at(Role.AUDITOR)
    answer = visitor.get(f"{LADDERS}/compare?left=gentle&right=strict")
    assert answer.status_code == 200
    page = answer.text
    assert rung(page, "Courtesy note") == "Courtesy note only Gentle −3 E-mail: Courtesy note no such rung"
    assert rung(page, "Official letter") == (
        "Official letter differs +7 Letter: Official letter Interest, where policy and contract allow it"
        " Late fee, where policy and contract allow one +2 Letter: Official letter"
        " Interest, where policy and contract allow it Late fee, where policy and contract allow one"
    )
    marked = [re.sub(r"<[^>]+>", "", one) for one in re.findall(r"<mark>(.*?)</mark>", page, flags=re.S)]
    assert {"+7", "+2", "E-mail, SMS: First reminder", "Hand-over to counsel"} <= set(marked)
    assert "Letter: Official letter" not in marked
    assert "Call: due today (above 1,000 units)" in words(answer)
    assert "One unit is: 1 GBP" in words(answer)
    assert "Both are the same." in words(visitor.get(f"{LADDERS}/compare?left=gentle&right=gentle"))
    assert visitor.get(f"{LADDERS}/compare?left=gentle&right=nobody").status_code == 404


def test_the_list_says_who_climbs_what(desk: Desk) -> None:
    page = words(desk.at(Role.COLLECTOR).get(LADDERS))
    assert "Gentle whoever has no other −3 Courtesy note" in page
    assert "Strict nobody yet 0 Due today" in page


def test_every_condition_is_said(desk: Desk) -> None:
    """Each condition of a rung in words, several together too."""
    whole = (
        "when = { above = 10, up_to = 2000, segments = ['no_agreement'], countries = ['GB', 'DE'], "
        "debtor_types = ['business'], credit = 'held', broken_promises = 2 }"
    )
    visitor = desk.at(Role.COLLECTOR)
    answer = visitor.get(propose(visitor, GENTLE.replace("when = { above = 10000 }", whole)))
    assert (
        "(above 10 units; up to 2,000 units; only who no agreement; only business; only in DE, GB;"
        " only on credit hold; after 2 broken promises)"
    ) in words(answer)


# --------------------------------------------------------------------------- a version of a ladder


def test_from_proposal_to_force(both: Desk) -> None:
    """A-02: what changes and what that would do today is read before; another person publishes."""
    account = both.account()
    for late in (1, 2):
        both.invoice(both.account(), late=late)
    both.invoice(account, late=1)
    author, boss = both.at(Role.SUPERVISOR), both.at(Role.SUPERVISOR)
    path = propose(author, LATER)
    page = author.get(path)
    assert rung(page.text, "First reminder") == (
        "First reminder differs +1 E-mail, SMS: First reminder +2 E-mail, SMS: First reminder"
    )
    assert "Gentle First reminder 3 1" in words(page)
    assert "For 2 accounts something else would be done. Looked at all 3 accounts" in words(page)
    assert "You have proposed this yourself; another person publishes or refuses it." in words(page)
    own = author.post(f"{path}/publish")
    assert own.status_code == 403
    assert "You asked for this yourself; another person decides." in words(own)
    assert "Waiting for another person" in words(boss.get(LADDERS))
    boss.get(path)
    answer = boss.post(f"{path}/publish")
    assert answer.status_code == 303
    assert "Published." in words(boss.get(answer.location))
    with both.store.read() as s:
        assert ladders_in_force(s, both.clock.at)["gentle"].rung("first_reminder").day == 2
        assert s.scalars(select(LadderVersion.reason)).one() == "Transfers take two days"
    assert "in force" in words(boss.get(LADDERS))
    read = words(boss.get(f"{LADDERS}/read?of=gentle"))
    assert "Who and why" in read
    assert "Transfers take two days" in read
    assert "+1 E-mail, SMS: First reminder" in words(boss.get(f"{LADDERS}/read?of=gentle-shipped"))
    again = boss.post(f"{path}/publish")
    assert again.status_code == 409
    assert "Somebody else has decided this already." in words(again)
    assert {"rules.proposed", "ladder.published"} <= set(both.codes())


def test_a_collector_proposes_and_cannot_publish(desk: Desk) -> None:
    """A-01: the button is not there, and a forged request is refused."""
    author, other = desk.at(Role.COLLECTOR), desk.at(Role.COLLECTOR)
    path = propose(author, LATER)
    page = words(other.get(path))
    assert "Someone who may publish such rules decides." in page
    assert other.post(f"{path}/publish").status_code == 403
    assert other.post(f"{path}/refuse", {"reason": "No"}).status_code == 403
    assert other.post(f"{path}/withdraw", {"reason": "No"}).status_code == 403
    answer = author.post(f"{path}/withdraw", {"reason": "Thought again"})
    assert answer.status_code == 303
    assert "Taken back." in words(author.get(answer.location))


def test_refused_with_a_reason(desk: Desk) -> None:
    author, boss = desk.at(Role.COLLECTOR), desk.at(Role.SUPERVISOR)
    path = propose(author, LATER)
    boss.get(path)
    assert boss.post(f"{path}/refuse", {"reason": " "}).status_code == 422
    answer = boss.post(f"{path}/refuse", {"reason": "Not before Christmas"})
    assert answer.status_code == 303
    assert "Not before Christmas" in words(author.get(answer.location))
    assert "Not before Christmas" in words(author.get(LADDERS))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("day = 3\n", "day = 1\n", "Rungs are out of order: its day is not after that of “first_reminder”."),
        ('do = "offer"', 'do = "shout"', "No rung can do “shout”."),
        ("above = 10000", "mood = 1", "Nobody knows “mood” there."),
        ('"formal_warning" }', '"one_time_code" }', "No rung of such documents can say “one_time_code”"),
        ("day = 60", 'day = "<b>"', "“day” has a value that cannot be used. <b>"),
        ('kinds = ["invoice", "fee"]', 'kinds = ["fee"]', "“gentle” is climbed by documents of the kind"),
        ("together_days = 3", "together_days = = 3", "The text cannot be read."),
        ('name = "gentle"', 'name = "strict"\nstray = 1', "Nobody knows “stray” there."),
    ],
)
def test_what_is_wrong_is_said_with_its_line(desk: Desk, old: str, new: str, says: str) -> None:
    """Bad input: by name and line, nothing is kept, and what was typed is still there."""
    visitor, body = desk.at(Role.COLLECTOR), GENTLE.replace(old, new, 1)
    visitor.get(f"{LADDERS}/propose")
    answer = visitor.post(f"{LADDERS}/propose", {"body": body, "reason": "x"})
    assert answer.status_code == 422
    page = words(answer)
    assert says in page
    number = re.search(r"Line (\d+):", page)
    assert number is not None
    assert new.partition("\n")[0].split(" = ")[0] in body.split("\n")[int(number[1]) - 1] or "stray" in new
    assert "gate = &#34;supervisor&#34;" in answer.text
    with desk.store.read() as s:
        assert s.scalars(select(RulesDraft.id)).all() == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"body": "", "reason": "x"}, "Fill this in."),
        ({"body": LATER, "reason": ""}, "Fill this in."),
        ({"body": LATER, "reason": "x", "effective_on": "2026-11-18"}, "This day is past."),
        ({"body": LATER, "reason": "x", "effective_on": "2026-02-31"}, "day"),
        ({"body": LATER, "reason": "x", "effective_on": "soon"}, "day"),
        ({"body": GENTLE, "reason": "x"}, "This is what is in force already."),
        ({"body": "x" * 60_001, "reason": "x"}, "too long"),
    ],
)
def test_bad_input_stays_at_its_field(desk: Desk, fields: dict[str, str], says: str) -> None:
    visitor = desk.at(Role.COLLECTOR)
    visitor.get(f"{LADDERS}/propose")
    answer = visitor.post(f"{LADDERS}/propose", fields)
    assert answer.status_code == 422
    assert says in words(answer)


def test_a_planned_version_is_not_in_force_before_its_day(desk: Desk) -> None:
    author, boss = desk.at(Role.COLLECTOR), desk.at(Role.SUPERVISOR)
    path = propose(author, LATER, day="2026-12-01")
    boss.get(path)
    assert boss.post(f"{path}/publish").status_code == 303
    page = words(boss.get(LADDERS))
    assert "planned" in page
    assert "Gentle whoever has no other −3 Courtesy note · 0 Due today · +1 First reminder" in page


# --------------------------------------------------------------------------- which ladder is climbed


def test_the_choice_by_kind_of_debtor(desk: Desk) -> None:
    """policy [ladders]: proposed with a form, read as a table of before and after, published by another."""
    desk.invoice(desk.account(), late=1)
    author, boss = desk.at(Role.COLLECTOR), desk.at(Role.SUPERVISOR)
    author.get("/desk/ladder/choice")
    same = author.post(
        "/desk/ladder/choice", {"default": "gentle", "prepayments": "prepayment", "reason": "x"}
    )
    assert same.status_code == 409
    assert "This is what is in force already." in words(same)
    wrong = author.post(
        "/desk/ladder/choice", {"default": "prepayment", "prepayments": "prepayment", "reason": "x"}
    )
    assert "This ladder is not for such documents." in words(wrong)
    answer = author.post(
        "/desk/ladder/choice",
        {"default": "strict", "prepayments": "prepayment", "hardship": "gentle", "reason": "Autumn"},
    )
    assert answer.status_code == 303
    page = boss.get(answer.location)
    assert "Invoices and late fees Gentle Strict" in words(page)
    assert "cannot pay in full now Gentle Gentle" in words(page)
    assert "Strict First reminder · 1" in words(page)
    assert boss.post(f"{answer.location}/publish").status_code == 303
    with desk.store.read() as s:
        rules = current_policy(s, desk.clock.at).ladders
    assert (rules.default, dict(rules.by_segment)) == ("strict", {"hardship": "gentle"})


def test_an_account_and_an_invoice_of_their_own(desk: Desk) -> None:
    """domain.md: own ladder per account and invoice; with a reason, audited."""
    account = desk.account()
    invoice = desk.invoice(account)
    visitor, path = desk.at(Role.COLLECTOR), f"/desk/accounts/{account.ref}/ladder"
    assert f'href="{path}"' in visitor.get(f"/desk/accounts/{account.ref}").text
    assert "The account climbs Gentle, as the rules choose." in words(visitor.get(path))
    assert visitor.post(path, {"ladder": "strict", "reason": ""}).status_code == 422
    assert visitor.post(path, {"ladder": "nobody", "reason": "x"}).status_code == 409
    assert visitor.post(path, {"document": "nothing", "ladder": "strict", "reason": "x"}).status_code == 404
    answer = visitor.post(path, {"document": "", "ladder": "strict", "reason": "Third time late"})
    assert answer.status_code == 303
    assert "The account climbs Strict, by a person’s choice." in words(visitor.get(path))
    visitor.post(path, {"document": invoice, "ladder": "gentle", "reason": "Our mistake"})
    assert "Gentle its own" in words(visitor.get(path))
    assert "Own ladder chosen" in words(visitor.get(f"/desk/accounts/{account.ref}"))
    visitor.post(path, {"document": "", "ladder": "", "reason": "All is paid"})
    with desk.store.read() as s:
        assert s.get_one(Account, account.id).ladder is None
    assert desk.codes().count("ladder.chosen") == 3


# --------------------------------------------------------------------------- rules of contact


def test_the_rows_of_the_policy_table_in_words(desk: Desk) -> None:
    """requirements 5, rows 1 to 20: for whom, what it asks for, and why one is off."""
    page = words(desk.at(Role.AUDITOR).get(CONTACT))
    for number in range(1, 21):
        assert re.search(rf"(^| ){number} [A-Z]", page), number
    assert "only from 08:00 to 21:00, where the debtor is" in page
    assert "Calls: at most 7 in 7 days no call within 7 days of a talk" in page
    assert "E-mail: at most 1 in 1 day E-mail: at most 3 in 7 days" in page
    assert "off The sections were not read. No basis is kept for an address" in page
    assert "27 countries" in page
    assert "from 31/01/2027" in page
    assert "This house collects as the seller." in page


def test_rules_of_contact_from_proposal_to_force(both: Desk) -> None:
    """C-04, A-02: one proposes, another publishes; the version of before can be read."""
    author, boss = both.at(Role.SUPERVISOR), both.at(Role.SUPERVISOR)
    body = DEFAULT_RULES.replace('calls = "2/7d"', 'calls = "1/7d"')
    path = propose(author, body, at=CONTACT)
    page = words(author.get(path))
    assert "Calls: at most 2 in 7 days" in page
    assert "Calls: at most 1 in 7 days" in page
    assert "20 rows stay as they are." in page
    assert author.post(f"{path}/publish").status_code == 403
    boss.get(path)
    assert boss.post(f"{path}/publish").status_code == 303
    with both.store.read() as s:
        version = s.scalars(select(PolicyVersion).where(PolicyVersion.kind == PolicyKind.CONTACT)).one()
        assert current_rules(s, both.clock.at).version_id == version.id
    assert "Calls: at most 1 in 7 days" in words(boss.get(CONTACT))
    shipped = words(boss.get(f"{CONTACT}?version=shipped"))
    assert "This is not the version in force." in shipped
    assert "Calls: at most 2 in 7 days" in shipped
    assert boss.get(f"{CONTACT}?version={version.id}").status_code == 200
    assert boss.get(f"{CONTACT}?version=4711").status_code == 404
    assert "contact_rules.published" in both.codes()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('window = "08:00-21:00"', 'window = "20:30-21:30"', "private person in US, towards"),
        ('window = "08:00-21:00"', 'window = "21:00-08:00"', "could never be contacted: no hour is left."),
        (
            'grade = "K"\non = false\nwhy_off',
            'grade = "K"\non = true\nheld_by',
            "was not read, so it stays off",
        ),
        (
            'why_off = "The sections were not read. No basis',
            'held_by = "No basis',
            "A row that is off says why",
        ),
        ('calls = "7/7d"', 'calls = "often"', "“calls” has a value that cannot be used."),
        ('zones = ["America/New_York"]', 'zones = ["Mars/Olympus"]', "“zones” has a value"),
        ('zones = ["America/New_York"]', "zones = 3", "“zones” has a value"),
        ('id = "2"', 'id = "1"', "There are two of this name."),
        ('role = "first_party" ', 'role = "friend" ', "“role” has a value"),
        ("[[row]]", "[[line]]", "Nobody knows “line” there."),
    ],
)
def test_rules_that_cannot_be_used_are_refused_by_name(desk: Desk, old: str, new: str, says: str) -> None:
    """Bad input: a policy that can never contact anybody names place, debtor, role and rows."""
    visitor = desk.at(Role.SUPERVISOR)
    visitor.get(f"{CONTACT}/propose")
    assert old in DEFAULT_RULES
    answer = visitor.post(
        f"{CONTACT}/propose", {"body": DEFAULT_RULES.replace(old, new, 1), "reason": "Shorter hours"}
    )
    assert answer.status_code == 422
    assert says in words(answer)
    with desk.store.read() as s:
        assert s.scalars(select(RulesDraft.id)).all() == []


def test_what_became_impossible_while_it_waited_is_not_published(desk: Desk) -> None:
    """Rules are judged once more when they are published, by the house's hours of then."""
    author, boss = desk.at(Role.COLLECTOR), desk.at(Role.SUPERVISOR)
    path = propose(author, DEFAULT_RULES.replace('"08:00-21:00"', '"18:00-21:00"'), at=CONTACT)
    closes_at_five = policy.DEFAULT_BODY.replace('window_to = "20:00"', 'window_to = "17:00"')
    assert closes_at_five != policy.DEFAULT_BODY
    with desk.store.write() as s:
        policy.publish(s, closes_at_five, reason="Winter", author_id=None, now=NOON)
    boss.get(path)
    answer = boss.post(f"{path}/publish")
    assert answer.status_code == 409
    assert "could never be contacted" in words(answer)
