"""Every route of the portal with every name of another debtor's: nothing of his is shown or touched.

The routes come from the application, the names from the tables: what is new is walked without a word.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from models.accounts import Contact
from models.base import Base
from models.links import LinkSession
from tests.portal.addresses import asked_with, form_of, pages, row_of, rules, takes_ref, with_ref
from tests.portal.everything import LATE, Books, Town, proved, refs_of, town_on
from tests.portal.visitor import Visitor
from tests.standins import StandIn

#: What another's name is answered with.
REFUSED = (403, 404, 410)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, stripe: StandIn) -> Iterator[Town]:
    with town_on(tmp_path_factory.mktemp("town"), stripe) as town:
        yield town


def rows_of(town: Town, books: Books) -> dict[str, list[tuple[object, ...]]]:
    """Every row that names the account or one of its branches."""
    ids = [books.account.id, *(branch.id for branch in books.branches)]
    with town.portal.store.read() as session:
        return {
            table.name: sorted(
                (tuple(row) for row in session.execute(select(table).where(table.c.account_id.in_(ids)))),
                key=str,
            )
            for table in Base.metadata.sorted_tables
            if "account_id" in table.c
        }


#: What looks at no row at all by GET and leads to a list of one's own.
LED_HOME = {
    "portal_people.proof": "/account/people",
    "portal_people.send_again_by_hand": "/account/people",
    "portal_callbacks.cancelled": "/account/ring-me",
}


def _sums(marks: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(mark for mark in marks if mark.replace(",", "").replace(".", "").isdigit())


def leaks(answer: TestResponse, marks: tuple[str, ...], said: str = "") -> list[str]:
    """What an answer shows of another debtor; `said`: what was in the question and may be repeated."""
    shown = answer.get_data().decode("utf-8", "replace") + str(answer.headers)
    return [mark for mark in marks if mark and mark in shown and mark not in said]


def walk(
    visitor: Visitor, town: Town, theirs: Books, marks: tuple[str, ...], *, public: bool = False
) -> list[str]:
    """Go to every route with another's refs, by GET and POST; return what was wrong.

    Each route is given all refs of its own kind of row and one of every other kind.

    Args:
        public: those outside of the account instead: the pages of a payment and of a card show status, sum
            and creditor to whoever has their ref (decision 10), and no more.
    """
    wrong, refs = [], theirs.refs + theirs.branch_refs
    one_of_each = dict(refs)
    visitor.get("/account")
    for method in ("GET", "POST"):
        for rule in rules(town.portal.app, method):
            if not takes_ref(rule) or rule.rule.startswith("/account") == public:
                continue
            own = row_of(rule).removeprefix("branch ")
            for kind, ref in {*one_of_each.items(), *(one for one in refs if one[0] == own)}:
                path = with_ref(rule, ref)
                answer = visitor.get(path) if method == "GET" else visitor.post(path, form_of(rule, ref))
                shown = leaks(answer, marks, path)
                while answer.status_code == 303:  # what leads back to a page is as good as that page
                    answer = visitor.get(answer.location)
                    shown += leaks(answer, marks, path)
                if public and kind == own:
                    shown = [mark for mark in shown if mark not in _sums(marks)]
                    fits = answer.status_code == 200
                else:
                    home = LED_HOME.get(rule.endpoint, "") if method == "GET" else ""
                    fits = answer.status_code in REFUSED or answer.request.path == home
                if shown or not (fits or (public and answer.status_code == 429)):
                    wrong.append(f"{method} {rule.rule} ({kind}): {answer.status} {shown}")
    return wrong


def test_every_ref_of_another_debtor(town: Town) -> None:
    """L-15, INV-17: 404, 403 or 410 for each kind of row on each route; not a byte of the other, no trace."""
    before = rows_of(town, town.theirs)
    assert len({kind for kind, _ in town.theirs.refs}) > 14
    wrong = walk(town.ours.visitor, town, town.theirs, town.theirs.marks())
    assert wrong == [], "\n".join(wrong)
    assert rows_of(town, town.theirs) == before
    wrong = walk(town.ours.visitor, town, town.theirs, town.theirs.marks(), public=True)
    assert wrong == [], "\n".join(wrong)


def test_every_question_and_form_with_anothers_refs(
    tmp_path_factory: pytest.TempPathFactory, stripe: StandIn
) -> None:
    """L-15: a ref in a query or a form is as good as none; the other's rows stay as they are."""
    with town_on(tmp_path_factory.mktemp("forms"), stripe) as town:
        ours, theirs = town.ours, town.theirs
        before, marks, wrong = rows_of(town, theirs), theirs.marks(), []
        one_of_each = dict(theirs.branch_refs + theirs.refs).items()
        own = next(page for end, page in pages(town.portal.app, ours, first=town.portal.day(9).isoformat())
                   if end == "portal_invoices.document")  # fmt: skip
        assert leaks(ours.visitor.get(own), ours.marks())  # a page that is one's own says a lot
        for method in ("GET", "POST"):
            for rule in rules(town.portal.app, method):
                if takes_ref(rule) or rule.arguments - {"way"} or rule.endpoint.endswith(".leave"):
                    continue
                path = rule.rule.replace("<way>", "paid")
                for kind, ref in one_of_each:
                    visitor = ours.visitor
                    if method == "GET":
                        answer = visitor.client.get(asked_with(path, ref))
                    else:
                        answer = visitor.post(path, form_of(rule, ref))
                    if answer.status_code >= 500 or (found := leaks(answer, marks, ref)):
                        wrong.append(f"{method} {path} with {kind}: {answer.status} {found}")
        assert wrong == []
        assert rows_of(town, theirs) == before


def test_a_branch_sees_neither_another_nor_its_head(town: Town) -> None:
    """L-15, part 7: a branch never sees another branch, nor what its head office has."""
    books, portal = town.theirs, town.portal
    first, second = books.branches
    visitor = proved(portal, first)
    with portal.store.read() as session:
        own = set(refs_of(session, first.id))
    others = tuple(one for one in books.refs + books.branch_refs if one not in own)
    head = Books(books.party, books.account, [], visitor, refs=others)
    marks = (second.name, books.party.person, books.party.colleague, books.party.words,
             f"{books.party.code}-2026-0", f"{books.party.code}-2026-1", f"{books.party.code}-2026-B1",
             *(ref for _, ref in head.refs))  # fmt: skip
    wrong = walk(visitor, town, head, marks)
    assert wrong == [], "\n".join(wrong)


def test_a_forwarded_link_shows_one_invoice(town: Town) -> None:
    """Issue B 8: whoever was sent one invoice finds nothing else of the account, in no way."""
    books = town.theirs
    visitor = Visitor(town.portal.app)
    visitor.open(books.forwarded)
    with town.portal.store.write() as session:
        session.execute(update(LinkSession).values(proved_at=town.portal.clock.at))
    shown = visitor.get(f"/account/invoices/{books.narrow}")
    assert shown.status_code == 200
    with town.portal.store.read() as session:
        colleague = session.scalars(select(Contact.ref).where(Contact.name == books.party.colleague)).one()
    own_refs = (books.narrow, books.account.ref, colleague)
    rest = Books(
        books.party, books.account, books.branches, visitor,
        refs=tuple(one for one in books.refs if one[1] not in own_refs), branch_refs=books.branch_refs,
    )  # fmt: skip
    own = (books.party.name.split()[0], *leaks(shown, books.marks()))  # whose invoice it is, he may know
    marks = tuple(mark for mark in rest.marks() if mark not in own and mark not in _sums(books.marks()))
    numbers = tuple(f"{books.party.code}-2026-{end}" for end in LATE if end != "16")
    assert not leaks(shown, (*marks, *numbers))
    wrong = walk(visitor, town, rest, (*marks, *numbers))
    assert wrong == [], "\n".join(wrong)
    for _, path in pages(town.portal.app, books, first=town.portal.day(9).isoformat()):
        if path.startswith("/account"):
            assert leaks(visitor.get(path), (*marks, *numbers), path) == [], path
