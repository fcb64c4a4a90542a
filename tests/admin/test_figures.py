"""Pages of figures: settlements out, the dashboard, the statement; shown, forged, refused, taken along."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from jobs import figures
from models.accounts import Account
from models.audit import AccessLog
from models.figures import CollectionTarget
from models.staff import Role
from receivables.figures.tables import FigureTable
from tests.admin.conftest import Desk, password_hash
from tests.conftest import NOON
from tests.portal.visitor import Visitor, words
from tests.receivables.arrangements.offer_world import OfferWorld, a_late_account


@pytest.fixture
def world(desk: Desk) -> OfferWorld:
    """£1,300.00 of £1,418.40 paid by a settlement, and the days worked out."""
    world = a_late_account(desk.store)
    offer = world.propose(130000)
    world.accept(offer)
    world.pay_offer(offer)
    work_out(desk)
    return world


def work_out(desk: Desk) -> None:
    figures.rebuild(SimpleNamespace(store=desk.store), now=NOON)  # type: ignore[arg-type]


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_settlements_as_a_page_and_as_files(desk: Desk, world: OfferWorld) -> None:
    """Part 15: the same rows in all three; a file is logged as a read of its own (A-07)."""
    visitor = desk.at(Role.ACCOUNTANT)
    page = words(visitor.get("/desk/settlements"))
    assert "agrees with the ledger" in page
    assert world.account.name in page
    assert "98.67" in page
    answer = visitor.get("/desk/settlements?format=csv")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    header, row = table(answer.text)
    assert dict(zip(header, row, strict=True))["Forgiven, net"] == "98.67"
    book = visitor.get("/desk/settlements?format=xlsx")
    assert zipfile.is_zipfile(io.BytesIO(book.data))
    book.close()
    answer.close()
    with desk.store.read() as session:
        logged = set(session.scalars(select(AccessLog.endpoint)))
    assert {"backoffice.settlements", "backoffice.settlements.csv", "backoffice.settlements.xlsx"} <= logged


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=2026-11-30&to=2026-11-01", "The last day is before the first."),
        ("from=yesterday", "Write the day as year, month and day"),
        ("from=1990-01-01", "Ask for ten years at most."),
        ("format=pdf", "Tables are given as CSV or XLSX."),
    ],
)
def test_days_that_cannot_be_asked_for(desk: Desk, query: str, said: str) -> None:
    answer = desk.at(Role.ACCOUNTANT).get(f"/desk/settlements?{query}")
    assert (answer.status_code, said in words(answer)) == (422, True)


def test_no_settlements_says_what_is_next(desk: Desk) -> None:
    page = words(desk.at(Role.AUDITOR).get("/desk/settlements"))
    assert "No offer or plan concerns these days." in page


def test_the_dashboard_shows_its_tables(desk: Desk, world: OfferWorld) -> None:
    page = words(desk.at(Role.SUPERVISOR).get("/desk/dashboard"))
    for heading in (
        "Key figures",
        "Ageing, end of each month",
        "Collected against target",
        "Exceptions given",
    ):
        assert heading in page
    assert "1,300.00" in page
    assert "no promise was judged in the range" in page
    assert "The rules of the house name no first day with Amicable" in page


def test_before_anything_was_worked_out(desk: Desk) -> None:
    """Nothing is nought that nobody worked out."""
    desk.account()
    page = words(desk.at(Role.SUPERVISOR).get("/desk/dashboard"))
    assert "No figures yet. They are worked out from the books every night" in page
    assert "the books do not reach so far back" in page


def test_a_collector_sees_the_team_but_no_colleague(desk: Desk, world: OfferWorld) -> None:
    """No league table: own figures beside the sums of all, and no table by person."""
    page = words(desk.at(Role.COLLECTOR).get("/desk/dashboard"))
    assert "Own figures and team" in page
    for hidden in ("Exceptions given, by person", "Collected by salesperson", "Plans at risk"):
        assert hidden not in page
    answer = desk.at(Role.COLLECTOR).get("/desk/dashboard?format=csv&table=exceptions")
    assert answer.status_code == 404
    assert "Own figures and team" not in words(desk.at(Role.SUPERVISOR).get("/desk/dashboard"))


def test_each_table_is_taken_along(desk: Desk, world: OfferWorld) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    for code in ("key", "ageing", "collected", "ways", "promises", "rungs", "again", "at_risk", "sold",
                 "signed", "prepaid", "exceptions", "go_live"):  # fmt: skip
        for kind in ("csv", "xlsx"):
            answer = visitor.get(f"/desk/dashboard?format={kind}&table={code}")
            assert (answer.status_code, code, kind) == (200, code, kind)
            assert len(answer.data) > 20
            answer.close()
    header, *rows = table(visitor.get("/desk/dashboard?format=csv&table=collected").text)
    assert header[-1] == "Currency"
    assert rows[-1] == ["Total", "1300.00", "", "", "GBP"]
    assert visitor.get("/desk/dashboard?format=csv&table=nonsense").status_code == 404
    assert visitor.get("/desk/dashboard?format=csv").status_code == 404
    with zipfile.ZipFile(io.BytesIO(visitor.get("/desk/dashboard?format=xlsx").data)) as book:
        assert sum("worksheets/sheet" in name for name in book.namelist()) == 13


@pytest.mark.parametrize(
    "query", ["range=month", "range=year", "range=last_month", "range=own&from=2026-11-19&to=2026-11-19"]
)
def test_every_range_is_shown(desk: Desk, world: OfferWorld, query: str) -> None:
    assert desk.at(Role.ACCOUNTANT).get(f"/desk/dashboard?{query}").status_code == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [("currency=XYZ", 404), ("creditor=nobody", 404), ("range=own&from=x", 422), ("format=doc", 422),
     ("range=own&from=2026-11-02&to=2026-11-01", 422)],
)  # fmt: skip
def test_what_cannot_be_shown(desk: Desk, world: OfferWorld, query: str, status: int) -> None:
    assert desk.at(Role.ACCOUNTANT).get(f"/desk/dashboard?{query}").status_code == status


def test_a_target_is_set_and_compared(desk: Desk, world: OfferWorld) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    with desk.store.read() as session:
        creditor = session.execute(select(Account)).scalars().one().creditor_id
    page = visitor.get("/desk/dashboard?range=month")
    assert "Set the target" in words(page)
    ref = page.text.split("/desk/dashboard/targets?creditor=")[1].split("&")[0]
    address = f"/desk/dashboard/targets?creditor={ref}&currency=GBP"
    fields = {"month": "2026-11", "amount": "3,000.00", "reason": "as last year"}
    answer = visitor.post(address, fields)
    assert answer.status_code == 303
    page = words(visitor.get(answer.location))
    assert "The target is set." in page
    page = words(visitor.get("/desk/dashboard?range=month"))
    assert "3,000.00" in page
    assert "−1,700.00" in page
    assert "600.00 GBP behind" in page  # 19 of 30 days of 3,000.00 are 1,900.00
    for wrong in ({"month": "soon"}, {"amount": "much"}, {"amount": "0"}, {"reason": ""}):
        assert visitor.post(address, fields | wrong).status_code == 422
    with desk.store.read() as session:
        assert session.scalar(select(func.count()).select_from(CollectionTarget)) == 1
        assert session.scalars(select(CollectionTarget.creditor_id)).one() == creditor
    assert "target.set" in desk.codes()
    assert desk.at(Role.ACCOUNTANT).post(address, fields).status_code == 403


def test_a_salesperson_reads_his_own_statement(desk: Desk, world: OfferWorld) -> None:
    """The same figures for both: his page and the head's are one statement."""
    seller = desk.person(Role.SALESPERSON, name="Dan Ellis", password_hash=password_hash())
    other = desk.person(Role.SALESPERSON, name="Eva Frost", password_hash=password_hash())
    with desk.store.write() as session:
        session.get_one(Account, world.account.id).salesperson_id = seller.id
    work_out(desk)
    visitor = Visitor(desk.app)
    assert desk.sign_in(seller, visitor).status_code == 303
    own = words(visitor.get("/desk/sales-statement"))
    assert "Dan Ellis" in own
    assert "1,300.00" in own
    assert visitor.get(f"/desk/sales-statement?who={other.ref}").status_code == 404
    assert visitor.get("/desk/dashboard").status_code == 403
    head = desk.at(Role.SUPERVISOR)
    assert "1,300.00" in words(head.get(f"/desk/sales-statement?who={seller.ref}"))
    assert "no payment came in the range" in words(head.get(f"/desk/sales-statement?who={other.ref}"))
    mine = visitor.get("/desk/sales-statement?format=csv").text
    assert mine == head.get(f"/desk/sales-statement?format=csv&who={seller.ref}").text
    _, *rows = table(head.get("/desk/dashboard?format=csv&table=sold").text)
    assert rows[0] == ["Dan Ellis", "1300.00", "0.00", "1300.00", "GBP"]
    assert sum(1300 for _ in table(mine)[1:]) == 1300


def test_the_search_page_marks_what_it_found(desk: Desk, tidewater: Account) -> None:
    """Part 13: found by beginning and end, exact first; odd input finds nothing and breaks nothing."""
    visitor = desk.at()
    assert "2026-<mark>1131</mark>" in visitor.get("/desk/search?q=1131").text
    page = visitor.get("/desk/search?q=2026-11")
    assert "<mark>2026-11</mark>31" in page.text
    assert "2 found" in words(page)
    assert "Open on 2026-1131" in words(visitor.get("/desk/search?q=576"))
    assert "Write at least two characters." in words(visitor.get("/desk/search?q=5"))
    assert "No account, document, person" in words(visitor.get("/desk/search?q=zzzz"))
    for odd in ("", "%00", "%25%25", "%3Cb%3E", "x" * 5000):
        assert visitor.get(f"/desk/search?q={odd}").status_code == 200


def test_a_table_that_says_why_has_no_rows() -> None:
    """A figure that cannot be worked out says why, in the file too."""
    assert FigureTable("sold", ("salesperson",), [], why="no_payments").rows == []


def test_figures_change_nothing(desk: Desk, world: OfferWorld) -> None:
    """A GET writes the access log and nothing else."""
    visitor, before = desk.at(Role.SUPERVISOR), len(desk.codes())
    for path in ("/desk/dashboard", "/desk/settlements", "/desk/sales-statement", "/desk/search?q=tide"):
        assert visitor.get(path).status_code == 200
    assert len(desk.codes()) == before
    assert NOON + timedelta(0) == desk.clock.at
