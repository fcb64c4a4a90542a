"""The worklist's page: whom to work first and why, claims, skips, filters, absences."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from models.accounts import Account, Segment
from models.staff import Role, Staff
from models.worklist import Assignment, WorklistClaim, WorklistRow, WorklistSkip
from receivables.worklist import assigning, refreshing
from tests.admin.conftest import Desk
from tests.portal.visitor import Visitor, words


def ranked(desk: Desk) -> None:
    """What the daily job does."""
    with desk.store.read() as session:
        ids = refreshing.concerned(session, now=desk.clock.at)
    desk.store.run(lambda s: refreshing.refresh(s, ids, now=desk.clock.at))


@pytest.fixture
def five(desk: Desk) -> list[Account]:
    """£160.00 40 days late; £320.00, £80.00, £40.00 20 days; €60.00 5 days late: ranked 1, 2, 3, 4, 5."""
    accounts = []
    for name, total, late, currency in (
        ("Brightwater Hospitality Ltd", 16000, 40, "GBP"), ("Larkspur Events Ltd", 32000, 20, "GBP"),
        ("Tamar & Sons Bakery", 8000, 20, "GBP"), ("Fenwick Print Works", 4000, 20, "GBP"),
        ("Kovács Kft.", 6000, 5, "EUR"),
    ):  # fmt: skip
        account = desk.account(name=name)
        desk.invoice(account, total, late=late, currency=currency)
        accounts.append(account)
    with desk.store.write() as session:
        session.get_one(Account, accounts[0].id).segment = Segment.NO_AGREEMENT
    ranked(desk)
    return accounts


def count(desk: Desk, table: type) -> int:
    with desk.store.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def claim(visitor: Visitor, account: Account, then: str = ""):  # type: ignore[no-untyped-def]
    return visitor.post(f"/desk/worklist/{account.ref}/claim", {"then": then})


def test_today_of_who_chases_is_the_worklist(desk: Desk, five: list[Account]) -> None:
    """Issue D, part 1: the first account with its sentence, its figures and its arithmetic, then the rest."""
    page = words(desk.at().get("/desk/"))
    places = [page.index(account.name) for account in five]
    assert places == sorted(places)
    assert "To work 5" in page
    assert "160.00 collectable × 0.45 % a day at 40 days × 1.40" in page
    assert "= 1.01 GBP at risk a day" in page
    assert "One document is 40 days late." in page


def test_others_keep_their_today(desk: Desk, five: list[Account]) -> None:
    page = words(desk.at(Role.ACCOUNTANT).get("/desk/"))
    assert "Overdue, largest first" in page
    assert desk.at(Role.AUDITOR).get("/desk/worklist").status_code == 403


def test_sorts_and_filters(desk: Desk, five: list[Account]) -> None:
    """Plain sorts by amount, age, next action one click away; filters leave the others out."""
    visitor = desk.at()
    by_amount = words(visitor.get("/desk/worklist?sort=amount"))
    assert by_amount.index("Larkspur") < by_amount.index("Brightwater")
    by_age = words(visitor.get("/desk/worklist?sort=age"))
    assert by_age.index("Brightwater") < by_age.index("Larkspur") < by_age.index("Kovács")
    assert visitor.get("/desk/worklist?sort=next").status_code == 200
    for query, kept, gone in (
        ("currency=EUR", "Kovács", "Larkspur"), ("segment=no_agreement", "Brightwater", "Larkspur"),
        ("age=31-60", "Brightwater", "Fenwick"), ("age=1-30", "Fenwick", "Brightwater"),
        ("whose=nobody", "Fenwick", "·nobody·"),
    ):  # fmt: skip
        page = words(visitor.get(f"/desk/worklist?{query}"))
        assert kept in page, query
        assert gone not in page, query
    empty = words(visitor.get("/desk/worklist?language=hu"))
    assert "Nothing passes these filters." in empty
    strange = visitor.get("/desk/worklist?sort=evil&age=x&segment=y&first=-3&currency=%27--")
    assert strange.status_code == 200


def test_next_shows_the_next_and_changes_nothing(desk: Desk, five: list[Account]) -> None:
    visitor = desk.at()
    page = visitor.get("/desk/worklist?first=1&view=one").text
    assert "Larkspur" in page
    assert "Brightwater" not in page
    assert "Tamar" not in page
    assert count(desk, WorklistClaim) == 0


def test_claim_leads_to_the_account_or_to_the_call(desk: Desk, five: list[Account]) -> None:
    visitor = desk.at()
    assert claim(visitor, five[0]).location == f"/desk/accounts/{five[0].ref}"
    assert claim(visitor, five[0], "call").location == f"/desk/accounts/{five[0].ref}/call"
    assert "yours until" in words(visitor.get("/desk/"))
    assert claim(visitor, five[0], "elsewhere").status_code == 422
    assert visitor.post(f"/desk/worklist/{five[0].ref}/release", {}).status_code == 303
    assert count(desk, WorklistClaim) == 0


def test_a_claim_keeps_others_out_until_it_times_out(desk: Desk, five: list[Account]) -> None:
    """One collector at a time; the name and the hour are said."""
    first, second = desk.at(name="Tom Okafor"), desk.at()
    claim(first, five[0])
    page = words(second.get("/desk/"))
    assert "Tom Okafor works on it until 10:45" in page
    refused = claim(second, five[0])
    assert refused.status_code == 409
    assert "Somebody else works on this account now. Tom Okafor" in words(refused)
    skip = {"why": "asked_later", "until": "2026-11-23", "words": ""}
    assert second.post(f"/desk/worklist/{five[0].ref}/skip", skip).status_code == 409
    assert second.post(f"/desk/worklist/{five[0].ref}/release", {}).status_code == 403
    desk.clock.forward(minutes=46)
    again = desk.at(email="late@northgate.example")
    assert claim(again, five[0]).status_code == 303


def test_skip_with_a_reason_comes_back_and_is_undone(desk: Desk, five: list[Account]) -> None:
    visitor = desk.at()
    answer = visitor.post(
        f"/desk/worklist/{five[0].ref}/skip?currency=GBP",
        {"why": "asked_later", "until": "2026-11-23", "words": "Helen is back on Monday"},
    )
    assert answer.location == "/desk/worklist?currency=GBP"
    page = words(visitor.get("/desk/"))
    assert "To work 4" in page
    assert "Skipped Brightwater Hospitality Ltd until 23/11/2026: asked to be called later" in page
    assert "“Helen is back on Monday”" in page
    with desk.store.read() as session:
        skip = session.scalars(select(WorklistSkip)).one()
    assert visitor.post(f"/desk/worklist/skips/{skip.ref}/undo", {}).status_code == 303
    assert "To work 5" in words(visitor.get("/desk/"))
    assert {"worklist.skipped", "worklist.skip_undone"} <= set(desk.codes())


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"why": "asked_later", "until": ""}, 422, "Write the day as year, month and day"),
        ({"why": "weather", "until": "2026-11-23"}, 422, "Fill this in."),
        ({"why": "asked_later", "until": "2026-11-19"}, 409, "This day has passed."),
        ({"why": "asked_later", "until": "2027-03-01"}, 409, "later than the rules give"),
        ({"why": "other", "until": "2026-11-23"}, 409, "Say why, in a few words."),
    ],
)
def test_a_skip_that_cannot_be_is_said_at_the_field(
    desk: Desk, five: list[Account], fields: dict[str, str], status: int, said: str
) -> None:
    visitor = desk.at()
    answer = visitor.post(f"/desk/worklist/{five[0].ref}/skip", {"words": "", **fields})
    assert answer.status_code == status
    assert 'aria-invalid="true"' in answer.text
    assert said.casefold() in words(answer).casefold()
    assert count(desk, WorklistSkip) == 0


def test_forged_posts_change_nothing(desk: Desk, five: list[Account]) -> None:
    """A-09: without the token of our form nothing is claimed, skipped or given away."""
    visitor = desk.at()
    for path in (
        f"/desk/worklist/{five[0].ref}/claim", f"/desk/worklist/{five[0].ref}/skip", "/desk/worklist/bulk",
        "/desk/worklist/away", "/desk/profile/keys",
    ):  # fmt: skip
        answer = visitor.client.post(path, data={"why": "asked_later", "until": "2026-11-23"})
        assert answer.status_code == 400, path
    assert (count(desk, WorklistClaim), count(desk, WorklistSkip), count(desk, Assignment)) == (0, 0, 0)


def test_get_changes_nothing(desk: Desk, five: list[Account]) -> None:
    visitor = desk.at()
    before = desk.codes()
    for path in ("/desk/", "/desk/worklist?first=2", "/desk/worklist/away", "/desk/profile/keys",
                 f"/desk/worklist/bulk?act=put_off&account={five[0].ref}"):  # fmt: skip
        assert visitor.get(path).status_code == 200
    assert desk.codes() == before


def test_an_absence_lends_and_gives_back(desk: Desk, five: list[Account]) -> None:
    """Bulk reassignment with a note for holidays: who, from, to, given back."""
    tom, priya = desk.person(name="Tom Okafor"), desk.person(name="Priya Shah")
    with desk.store.write() as session:
        for account in five[:3]:
            session.get_one(Account, account.id).collector_id = tom.id
    ranked(desk)
    boss = desk.at(Role.SUPERVISOR)
    form = {"who": tom.ref, "to": priya.ref, "from_on": "2026-11-19", "to_on": "2026-11-27", "note": ""}
    assert boss.post("/desk/worklist/away", form).status_code == 422
    form["note"] = "Brightwater pays on Fridays"
    assert boss.post("/desk/worklist/away", form).location == "/desk/worklist/away"
    page = words(boss.get("/desk/worklist/away"))
    assert "Priya Shah for Tom Okafor Brightwater Hospitality Ltd and 2 more" in page
    visitor = Visitor(desk.app)
    desk.sign_in(priya, visitor)
    assert "Tom Okafor until 27/11/2026, now with Priya Shah" in words(visitor.get("/desk/"))
    desk.clock.forward(days=9)
    desk.store.run(lambda s: assigning.turn_over(s, now=desk.clock.at))
    with desk.store.read() as session:
        held = session.scalars(select(Account.collector_id).where(Account.id == five[0].id)).one()
        row = session.scalars(select(WorklistRow.collector_id).where(WorklistRow.account_id == five[0].id))
        assert (held, row.one()) == (tom.id, tom.id)


def test_keys_are_laid_and_switched_off(desk: Desk, five: list[Account]) -> None:
    """WCAG 2.1.4: single keys can be laid elsewhere and switched off."""
    visitor = desk.at()
    page = visitor.get("/desk/").text
    assert "keys.js" in page
    assert '<kbd aria-hidden="true">S</kbd>' in page
    own = {f"key-{act}": "" for act in ("next", "skip")} | {"key-skip": "x"}
    assert visitor.post("/desk/profile/keys", own).status_code == 303
    assert '<kbd aria-hidden="true">X</kbd>' in visitor.get("/desk/").text
    taken = visitor.post("/desk/profile/keys", {"key-skip": "j"})
    assert taken.status_code == 422
    assert "Two acts would have this key." in words(taken)
    assert visitor.post("/desk/profile/keys", {"key-skip": "§"}).status_code == 422
    assert visitor.post("/desk/profile/keys", {"off": "y"}).status_code == 303
    page = visitor.get("/desk/").text
    assert "keys.js" not in page
    assert "<kbd" not in page


def test_people_are_not_shown_who_left(desk: Desk, five: list[Account]) -> None:
    gone = desk.person(name="Gone Person")
    with desk.store.write() as session:
        session.get_one(Staff, gone.id).is_active = False
    assert "Gone Person" not in desk.at().get("/desk/").text
