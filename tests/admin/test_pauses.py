"""Pauses at the desk: what stands still, one placed once its consequences were read, one ended early."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.invoices import Invoice
from models.pauses import Pause, PauseReason
from models.staff import Role
from receivables import pauses
from receivables.permissions import SYSTEM
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import Visitor, hidden, words

ASKED = {"kind": "says_paid", "scope": "account", "until": "2026-11-24", "reason": "Their bank shows it"}


def rows(desk: Desk) -> list[Pause]:
    with desk.store.read() as s:
        return list(s.scalars(select(Pause).order_by(Pause.id)))


def ref_of(desk: Desk, number: str) -> str:
    with desk.store.read() as s:
        return s.scalars(select(Invoice.ref).where(Invoice.number == number)).one()


def seen_and_placed(visitor: Visitor, account: Account, fields: list[tuple[str, str]]) -> str:
    """Send the form, read what follows, send it again; returns what the account's page says."""
    path = f"/desk/accounts/{account.ref}/pause"
    visitor.get(path)
    read = visitor.post(path, fields)
    assert read.status_code == 200, words(read)
    answer = visitor.post(path, [*fields, *hidden(read)])
    assert answer.status_code == 303, words(answer)
    return words(visitor.get(answer.location))


def test_what_follows_is_read_before_it_stands_still(desk: Desk, tidewater: Account) -> None:
    """look.md: consequences in words before the button; nothing is written before they were read."""
    visitor, path = desk.at(), f"/desk/accounts/{tidewater.ref}/pause"
    page = words(visitor.get(path))
    for said in (
        "They say it is paid at the latest 25/11/2026",
        "It waits for an approval on their side at the latest 02/12/2026",
        "The whole account These invoices only 2026-1131 29 days overdue 576.00 GBP",
        "Nothing stands still. Reminders and the ladder go their way.",
    ):
        assert said in page
    page = words(visitor.post(path, ASKED))
    for said in (
        "The whole account, also what comes later: 5 invoices, 215.00 EUR, 2,318.40 GBP",
        "Tuesday 24 November 2026; from Wednesday 25 November 2026 it goes on where it stood.",
        "None for these days.",
        "Nobody is written to; the timeline says so.",
    ):
        assert said in page
    assert rows(desk) == []
    page = seen_and_placed(visitor, tidewater, list(ASKED.items()))
    assert "It stands still. It ends by itself, and can be ended before." in page
    assert "Paused: says it is paid, up to 25/11/2026. See them, or end one…" in page
    assert "Pause placed by hand · 24 November 2026 · “Their bank shows it”" in page
    [row] = rows(desk)
    assert (row.reason, row.invoice_id, row.to_on) == (
        PauseReason.SAYS_PAID, None, (NOON + timedelta(days=6)).date(),
    )  # fmt: skip


def test_only_the_ticked_invoices(desk: Desk, tidewater: Account) -> None:
    visitor = desk.at()
    fields = [*(ASKED | {"scope": "invoices"}).items(), ("invoice", ref_of(desk, "2026-1131"))]
    seen_and_placed(visitor, tidewater, fields)
    assert [row.invoice_id is not None for row in rows(desk)] == [True]
    page = words(visitor.get(f"/desk/accounts/{tidewater.ref}/pause"))
    assert "Their bank shows it” 2026-1131 19/11/2026 24/11/2026 End now" in page


def test_a_changed_wish_is_read_again(desk: Desk, tidewater: Account) -> None:
    visitor, path = desk.at(), f"/desk/accounts/{tidewater.ref}/pause"
    visitor.get(path)
    read = visitor.post(path, ASKED)
    answer = visitor.post(path, [*(ASKED | {"until": "2026-11-25"}).items(), *hidden(read)])
    assert answer.status_code == 200
    assert rows(desk) == []


@pytest.mark.parametrize(
    ("status", "said", "fields"),
    [
        (422, "Choose why it stands still.", {"kind": "dispute"}),
        (422, "Choose why it stands still.", {"kind": ""}),
        (422, "Tick the invoices it is about.", {"scope": "invoices"}),
        (422, "Fill this in.", {"until": ""}),
        (422, "Fill this in.", {"reason": " "}),
        (409, "This day has passed.", {"until": "2026-11-18"}),
        (409, "The rules do not give so many days for this reason", {"until": "2026-12-24"}),
    ],
)
def test_bad_input_is_said_at_its_field(
    desk: Desk, tidewater: Account, status: int, said: str, fields: dict[str, str]
) -> None:
    visitor, path = desk.at(), f"/desk/accounts/{tidewater.ref}/pause"
    visitor.get(path)
    answer = visitor.post(path, ASKED | fields)
    assert (answer.status_code, said in words(answer)) == (status, True)
    if "2026-12-24" in fields.values():
        assert 'value="2026-11-25"' in answer.text
    assert rows(desk) == []


def test_ended_now_with_a_reason(desk: Desk, tidewater: Account) -> None:
    """Undo by ending early; without a reason the form says so, and a stranger's name is not found."""
    visitor, path = desk.at(), f"/desk/accounts/{tidewater.ref}/pause"
    seen_and_placed(visitor, tidewater, list(ASKED.items()))
    [row] = rows(desk)
    end = f"/desk/accounts/{tidewater.ref}/pauses/{row.key.removeprefix('by_hand:')}/end"
    visitor.get(path)
    answer = visitor.post(end, {"reason": ""})
    assert (answer.status_code, "Fill this in." in words(answer)) == (422, True)
    assert visitor.post(end.replace(row.key[-6:], "zzzzzz"), {"reason": "wrong"}).status_code == 404
    answer = visitor.post(end, {"reason": "It was another invoice"})
    assert "The pause is over. The ladder goes on where it stood." in words(visitor.get(answer.location))
    assert rows(desk)[0].to_on == NOON.date()
    visitor.get(path)
    answer = visitor.post(end, {"reason": "Again"})
    assert (answer.status_code, "This pause has ended already." in words(answer)) == (409, True)


def test_what_something_else_paused_says_how_it_ends(desk: Desk, tidewater: Account) -> None:
    """Only what a person placed has the button; hardship is nobody's business here."""
    with desk.store.write() as s:
        for reason in (PauseReason.DISPUTE, PauseReason.HARDSHIP):
            pauses.pause(s, SYSTEM, s.get_one(Account, tidewater.id), reason, key=reason.value, now=NOON)
    page = words(desk.at().get(f"/desk/accounts/{tidewater.ref}/pause"))
    assert "Paused: in dispute the whole account 19/11/2026 · ends when the dispute is answered" in page
    assert "End now" not in page
    assert page.count("the whole account") == 1


def test_looking_changes_nothing_and_a_forged_form_neither(desk: Desk, tidewater: Account) -> None:
    """X-01, A-01: CSRF; who does not chase gets no form and is refused."""
    visitor, path = desk.at(), f"/desk/accounts/{tidewater.ref}/pause"
    codes = desk.codes()
    visitor.get(path)
    visitor.csrf = "forged"
    assert visitor.post(path, ASKED).status_code == 400
    assert desk.codes() == codes
    books = desk.at(Role.ACCOUNTANT)
    assert books.get(path).status_code == 403
    assert "/pause" not in books.get(f"/desk/accounts/{tidewater.ref}").text


def test_nothing_asked_for_needs_no_pause(desk: Desk) -> None:
    account = desk.account()
    page = words(desk.at().get(f"/desk/accounts/{account.ref}/pause"))
    assert "Nothing is asked for now, so nothing needs to stand still" in page
