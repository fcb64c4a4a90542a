"""The call screen: whom to ring now, the gate before dialling, what came of it, and tasks that lead there."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from models.accounts import Account, AccountFlag, Contact, FlagKind
from models.answers import HardshipCase
from models.arrangements import Promise
from models.disputes import Dispute
from models.invoices import Invoice
from models.messages import CallAttempt, ContactDecision, Message
from models.staff import Role
from models.work import Task, TaskKind
from models.worklist import WorklistClaim
from receivables import outbox
from receivables.worklist import claiming, refreshing
from tests import factories as make
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import Visitor, hidden, words

PHONE = "+441134960142"
FACTS = {"rung": "call", "script": "promise", "currency": "GBP", "amount_minor": 141840}


@pytest.fixture
def rung(desk: Desk, tidewater: Account) -> Account:
    """Tidewater with a number and a call task of the ladder."""
    with desk.store.write() as s:
        contact = s.scalars(select(Contact)).one()
        contact.phone = PHONE
        outbox.ask_person(s, TaskKind.LADDER_CALL, "t", account_id=tidewater.id, facts=FACTS, now=NOON)
    return tidewater


def only(desk: Desk, kind: type) -> object:
    with desk.store.read() as s:
        return s.scalars(select(kind)).one()


def count(desk: Desk, kind: type) -> int:
    with desk.store.read() as s:
        return len(s.scalars(select(kind)).all())


def refs(desk: Desk) -> dict[str, str]:
    return {"contact": only(desk, Contact).ref, "task": only(desk, Task).ref}


def asked(desk: Desk, visitor: Visitor, account: Account) -> TestResponse:
    visitor.get(f"/desk/accounts/{account.ref}/call")
    return visitor.post(f"/desk/accounts/{account.ref}/call/ask", refs(desk))


AGAIN = {"next": "call", "next_at": "2026-11-19T14:00"}
CHECK = {"next": "check_payment", "next_at": "2026-11-27T09:30"}
#: A promise as the page offers it: what follows from it was shown.
PROMISE = {"amount": "1,418.40", "currency": "GBP", "promised_on": "2026-11-26",
           "shown": "141840GBP2026-11-26"}  # fmt: skip


def logged(desk: Desk, visitor: Visitor, account: Account, **fields: object) -> TestResponse:
    visitor.get(f"/desk/accounts/{account.ref}/call")
    asked = {"how": "phone", "way": "out", **AGAIN, **refs(desk), **fields}
    return visitor.post(f"/desk/accounts/{account.ref}/call", asked)


def test_everything_before_a_call_stands_on_one_page(desk: Desk, rung: Account) -> None:
    """C-01: who may be rung, at what time there, why, what to say and what is asked for."""
    page = words(desk.at().get(f"/desk/accounts/{rung.ref}/call"))
    for said in (
        "10:00 there",
        f"Helen Marsh {PHONE} may be rung now",
        "Ring up · Call 1,418.40 GBP",
        "What stands in the way of paying it today?",
        "Nobody gave a reason in the portal so far",
        "Overdue 1,418.40 GBP",
        "2026-1131",
        "29 days late",
        "Promises None so far.",
        "Last calls Nobody was rung yet.",
    ):
        assert said in page
    assert count(desk, ContactDecision) == 0


def test_a_call_is_asked_for_made_and_written_down(desk: Desk, rung: Account) -> None:
    """C-01, C-04: the yes is kept before dialling; the number and the form come with it; the task is done."""
    visitor = desk.at()
    answer = asked(desk, visitor, rung)
    assert answer.status_code == 303
    kept = only(desk, ContactDecision)
    assert (kept.channel, kept.allowed, kept.inputs["zones"]) == ("call", True, ["Europe/London"])
    page = visitor.get(answer.location)
    assert f'href="tel:{PHONE}"' in page.text
    assert "You may ring now." in words(page)
    answer = logged(
        desk, visitor, rung, outcome="yes:promised", words="Friday, all of it", **PROMISE, **CHECK
    )
    assert "The call is written down." in words(visitor.get(answer.location))
    call = only(desk, CallAttempt)
    assert (call.talked, call.outcome) == (True, "promised")
    with desk.store.read() as s:
        done, check = s.scalars(select(Task).order_by(Task.id)).all()
        [promise] = s.scalars(select(Promise)).all()
    assert done.done_at == desk.clock.at
    assert (check.kind, check.facts["next"], check.due_at.isoformat()) == (
        TaskKind.FOLLOW_UP, "check_payment", "2026-11-27T09:30:00+00:00",
    )  # fmt: skip
    assert (promise.amount_minor, promise.promised_on.isoformat(), promise.contact_id) == (
        141840, "2026-11-26", call.contact_id,
    )  # fmt: skip
    assert "Rang up · “Friday, all of it”" in words(visitor.get(f"/desk/accounts/{rung.ref}"))
    assert "promised to pay" in words(visitor.get(f"/desk/accounts/{rung.ref}/call"))
    assert count(desk, ContactDecision) == 1


def test_who_was_not_reached_is_tried_again_and_invited(desk: Desk, rung: Account) -> None:
    """The next try is on another time of day; the task waits for it; the invitation is queued once a day."""
    visitor = desk.at()
    page = words(visitor.get(asked(desk, visitor, rung).location))
    assert "Good moments to ring: 19 November 2026, 14:00" in page
    logged(desk, visitor, rung, outcome="no:no_answer")
    task = only(desk, Task)
    assert task.done_at is None
    assert task.due_at == NOON + timedelta(hours=4)
    message = only(desk, Message)
    assert (message.kind, message.currency, message.channel.value) == ("callback_invitation", "GBP", "email")
    asked(desk, visitor, rung)
    logged(desk, visitor, rung, outcome="no:busy")
    assert count(desk, Message) == 1
    assert count(desk, CallAttempt) == 2


def test_a_call_that_is_not_allowed_is_refused_by_name(desk: Desk, rung: Account) -> None:
    """C-01, C-05: the reason is said before dialling, and nothing is logged as called; the no is kept."""
    with desk.store.write() as s:
        s.add(AccountFlag(account_id=rung.id, kind=FlagKind.BANKRUPTCY, from_on=NOON.date(), source="x",
                          created_at=NOON))  # fmt: skip
    visitor = desk.at()
    page = words(visitor.get(f"/desk/accounts/{rung.ref}/call"))
    assert "not now Insolvent." in page
    for send in (asked, lambda *a: logged(*a, outcome="yes:talked")):
        answer = send(desk, visitor, rung)
        assert answer.status_code == 409
        assert "This person may not be rung now. insolvent. Nothing is written down as a call." in words(
            answer
        )
    assert count(desk, CallAttempt) == 0
    assert [only(desk, ContactDecision).allowed, only(desk, Task).done_at] == [False, None]


def test_outside_the_hours_the_page_says_when(desk: Desk, rung: Account) -> None:
    """C-03: local time of the debtor, and the moment from which he may be rung."""
    desk.clock.forward(hours=11)
    visitor = desk.at()
    page = words(visitor.get(f"/desk/accounts/{rung.ref}/call"))
    assert "21:00 there" in page
    assert "not before 20 November 2026, 08:00" in page
    assert "Outside the hours." in page


def test_what_somebody_wishes_binds_from_now_on(desk: Desk, rung: Account) -> None:
    """C-06: asked us not to ring: the gate says no until he takes it back; letters go where he wants."""
    visitor = desk.at()
    asked(desk, visitor, rung)
    logged(desk, visitor, rung, outcome="yes:talked", no_calls="y", instead="email")
    contact = only(desk, Contact)
    assert (contact.no_calls_at, contact.preferred_channel) == (desk.clock.at, "email")
    path = f"/desk/accounts/{rung.ref}/call"
    page = words(visitor.get(path))
    assert "not now Asked us not to ring." in page
    assert "Prefers to be written to by E-mail." in page
    assert visitor.post(f"{path}/ask", {"contact": contact.ref}).status_code == 409
    visitor.get(path)
    answer = visitor.post(f"{path}/wish", {"contact": contact.ref})
    assert "This person may be rung again." in words(visitor.get(answer.location))
    assert "contact.wishes_noted" in desk.codes()
    assert "Asked us not to ring" in words(visitor.get(f"/desk/accounts/{rung.ref}"))


@pytest.mark.parametrize("outcome", ["", "no:promised", "yes:busy", "sang", "yes:"])
def test_an_outcome_that_cannot_be_stays_at_its_field(desk: Desk, rung: Account, outcome: str) -> None:
    visitor = desk.at()
    asked(desk, visitor, rung)
    answer = logged(desk, visitor, rung, outcome=outcome, words="kept")
    assert answer.status_code == 422
    assert "Choose what came of it." in words(answer)
    assert ">kept</textarea>" in answer.text
    assert count(desk, CallAttempt) == 0


def test_another_accounts_people_and_tasks_are_not_found(desk: Desk, rung: Account) -> None:
    """L-15: neither a contact nor a task goes with another account."""
    other = desk.account(name="Larkspur Events Ltd")
    visitor = desk.at()
    with desk.store.read() as s:
        mine = s.scalars(select(Contact).where(Contact.account_id == rung.id)).one()
        theirs = s.scalars(select(Contact).where(Contact.account_id == other.id)).one()
        task = s.scalars(select(Task)).one()
    path = f"/desk/accounts/{other.ref}/call"
    assert visitor.get(f"{path}?task={task.ref}").status_code == 404
    visitor.get(path)
    assert visitor.post(f"{path}/ask", {"contact": mine.ref}).status_code == 404
    assert visitor.post(f"{path}/ask", {"contact": theirs.ref, "task": task.ref}).status_code == 404


@pytest.mark.parametrize(
    ("kind", "leads"),
    [
        (TaskKind.LADDER_CALL, "/call?task="), (TaskKind.HOLD_CREDIT, "/hold"),
        (TaskKind.MAKE_OFFER, "/offer"),
        (TaskKind.SALES, "/desk/sales/"), (TaskKind.MANAGEMENT, "/desk/sales/"),
        (TaskKind.PREPAYMENT_OVER, "/desk/accounts/"), (TaskKind.READ_REPLY, "/desk/inbound"),
    ],
)  # fmt: skip
def test_tasks_of_the_ladder_lead_to_where_they_are_done(
    desk: Desk, tidewater: Account, kind: TaskKind, leads: str
) -> None:
    """A-01: each kind with its advice and a link; a reader who may not go there sees none."""
    with desk.store.write() as s:
        outbox.ask_person(s, kind, "t", account_id=tidewater.id, facts={}, now=NOON)
    page = desk.at(Role.SUPERVISOR).get("/desk/tasks").text
    link = page.split('<p class="sm mb-0"><a href="')[1:]
    assert len(link) == 1
    assert leads in link[0].partition('"')[0]
    if kind is TaskKind.LADDER_CALL:
        assert "To the call page" not in words(desk.at(Role.AUDITOR).get("/desk/tasks"))


def test_a_task_is_put_off_with_a_day_and_a_reason(desk: Desk, rung: Account) -> None:
    """It comes back on the morning of that day; a day that has passed, or too late, is refused by name."""
    visitor = desk.at()
    path = f"/desk/tasks/{only(desk, Task).ref}/put-off"
    for to_on, reason, says, status in (
        ("", "x", "Write the day", 422), ("2026-11-19", "x", "This day has passed.", 409),
        ("2027-11-19", "x", "This day is later than the rules give.", 409),
        ("2026-11-24", " ", "Fill this in.", 422),
    ):  # fmt: skip
        visitor.get("/desk/tasks")
        answer = visitor.post(path, {"to_on": to_on, "reason": reason})
        assert (answer.status_code, says in words(answer)) == (status, True), (to_on, words(answer))
    visitor.get("/desk/tasks")
    answer = visitor.post(path, {"to_on": "2026-11-24", "reason": "she is back on Tuesday"})
    assert "Put off." in words(visitor.get(answer.location))
    assert only(desk, Task).due_at.isoformat() == "2026-11-24T09:00:00+00:00"
    assert desk.codes().count("task.put_off") == 1


def test_why_here_what_next_when(desk: Desk, tidewater: Account) -> None:
    """Issue C, part 3: each open document with its rung, what comes next and the day, on the account page."""
    page = words(desk.at().get(f"/desk/accounts/{tidewater.ref}"))
    assert "Why here, what next, when" in page
    assert "2026-1131 Gentle 29 before the first rung" in page
    auditor = words(desk.at(Role.AUDITOR).get(f"/desk/accounts/{tidewater.ref}"))
    assert "Why here, what next, when" not in auditor


def test_only_who_chases_may_ring(desk: Desk, rung: Account) -> None:
    """A-01: an auditor reads the account, and finds no call button and no call page."""
    auditor = desk.at(Role.AUDITOR)
    assert "Ring up…" not in words(auditor.get(f"/desk/accounts/{rung.ref}"))
    assert auditor.get(f"/desk/accounts/{rung.ref}/call").status_code == 403


# --------------------------------------------------------------------------- what a talk leads to


def test_a_changed_promise_is_shown_before_it_is_kept(desk: Desk, rung: Account) -> None:
    """Issue D, "consequences before the button": what was not read is not written; then it is."""
    visitor = desk.at()
    page = words(visitor.get(asked(desk, visitor, rung).location))
    for said in (
        "Stands still until 30 November 2026, then goes on.",
        "1,276.56 GBP or more counts as kept",
        "Up to 2,318.40 GBP, by 3 December 2026 at the latest.",
    ):
        assert said in page, page
    changed = PROMISE | {"amount": "800", "outcome": "yes:promised"}
    answer = logged(desk, visitor, rung, **changed, **CHECK)
    assert answer.status_code == 200
    page = words(answer)
    assert "Nothing is saved yet." in page
    assert "720.00 GBP or more counts as kept; still to ask for: 1,518.40 GBP." in page
    assert (count(desk, CallAttempt), count(desk, Promise)) == (0, 0)
    answer = logged(desk, visitor, rung, **changed | {"shown": "80000GBP2026-11-26"}, **CHECK)
    assert answer.status_code == 303
    assert only(desk, Promise).amount_minor == 80000


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        (PROMISE | {"outcome": "yes:promised", "amount": "9000", "shown": "900000GBP2026-11-26"}, 409,
         "This is more than is open"),
        (PROMISE | {"outcome": "yes:promised", "amount": "many"}, 422, "This is not an amount."),
        (PROMISE | {"outcome": "yes:promised", "promised_on": "soon"}, 422, "Write the day as year"),
        ({"outcome": "yes:disputed"}, 422, "Fill this in."),
        ({"outcome": "yes:hardship"}, 409, "Say whether parts are agreed on"),
        ({"outcome": "yes:talked", "next": ""}, 422, "Say what comes next"),
        ({"outcome": "yes:talked", "next_at": ""}, 422, "Write the day as year"),
        ({"outcome": "yes:talked", "next": "ladder"}, 409, "Say what comes next"),
        ({"outcome": "yes:call_again", **CHECK}, 409, "They asked to be rung again: say when."),
        ({"outcome": "yes:talked", "next_at": "2026-11-18T09:00"}, 409, "This day has passed."),
        ({"outcome": "yes:talked", "instead": "pigeon"}, 422, "How did it end?"),
    ],
)  # fmt: skip
def test_what_lacks_something_comes_back_at_its_field(
    desk: Desk, rung: Account, fields: dict[str, str], status: int, says: str
) -> None:
    """With everything typed, and nothing written down."""
    visitor = desk.at()
    asked(desk, visitor, rung)
    answer = logged(desk, visitor, rung, words="kept <b>so</b>", **fields)
    assert (answer.status_code, says in words(answer)) == (status, True), words(answer)
    assert "kept &lt;b&gt;so&lt;/b&gt;</textarea>" in answer.text
    assert (count(desk, CallAttempt), count(desk, Promise)) == (0, 0)


def test_a_dispute_is_opened_with_the_invoice_that_was_chosen(desk: Desk, rung: Account) -> None:
    """Part 3: "disputes" opens the dispute; the page shows it at once."""
    visitor = desk.at()
    asked(desk, visitor, rung)
    with desk.store.read() as s:
        invoice = s.scalars(select(Invoice).where(Invoice.number == "2026-1131")).one()
    fields = {"invoice": invoice.ref, "reason": "wrong_price", "contested": "100.00", "words": "too dear"}
    assert logged(desk, visitor, rung, outcome="yes:disputed", **fields, **CHECK).status_code == 303
    dispute = only(desk, Dispute)
    assert (dispute.invoice_id, dispute.contested_minor) == (invoice.id, 10000)


def test_cannot_pay_leads_to_parts_or_to_a_person(desk: Desk, rung: Account) -> None:
    """domain.md, hardship: to the alternatives again, or a case of its own without a word on the timeline."""
    visitor = desk.at()
    asked(desk, visitor, rung)
    answer = logged(desk, visitor, rung, outcome="yes:hardship", cannot="plan")
    assert answer.location.endswith("/call#al")
    assert "Now agree on the parts" in words(visitor.get(answer.location))
    asked(desk, visitor, rung)
    logged(desk, visitor, rung, outcome="yes:hardship", cannot="person", words="the clinic first")
    assert only(desk, HardshipCase).words == "the clinic first"
    assert "clinic" not in visitor.get(f"/desk/accounts/{rung.ref}/call").text


MANAGED = {"outcome": "yes:hardship", "cannot": "plan", "month_currency": "GBP"}


@pytest.mark.parametrize(
    ("a_month", "said", "parts"),
    [
        ("480", "At 480.00 GBP a month it takes 3 parts. That is inside the rules.", "3"),
        (
            "150", "At 150.00 GBP a month it takes 10 parts. The rules give 6, of about 236.40 GBP. 10 parts "
            "need a second person.", "6",
        ),
        (
            "20", "At 20.00 GBP a month it takes 71 parts. The rules give 6, of about 236.40 GBP. Nobody "
            "here may approve more than 36: speak of a settlement, or give the case to a person.", "6",
        ),
        ("2000", "At 2,000.00 GBP a month it takes 1 part. That is all of it: note a promise", "2"),
    ],
)  # fmt: skip
def test_what_they_can_manage_a_month_leads_to_the_plan(
    desk: Desk, rung: Account, a_month: str, said: str, parts: str
) -> None:
    """Issue D, part 3: what policy allows is said beside the wish, and the form of the plan is filled in."""
    visitor = desk.at()
    asked(desk, visitor, rung)
    look = logged(desk, visitor, rung, a_month=a_month, look="1", **MANAGED)
    assert (look.status_code, said in words(look)) == (200, True)
    assert count(desk, CallAttempt) == 0
    answer = logged(desk, visitor, rung, a_month=a_month, **MANAGED)
    assert answer.status_code == 303
    form = visitor.get(answer.location)
    page = words(form)
    assert "The call is written down. It stands on the timeline and counts. Now agree on the parts" in page
    assert said in page
    assert f'name="parts" type="text" value="{parts}"' in form.text
    fields = {"parts": parts, "day": "2026-12-03", "every": "month", "reason": "They asked."}
    ticked = re.findall(r'name="invoice" value="([^"]+)" checked', form.text)
    sent = [*hidden(form), *fields.items(), *(("invoice", ref) for ref in ticked)]
    answer = visitor.post(answer.location.partition("?")[0], sent)
    assert (answer.status_code, said in words(answer)) == (200, True)
    assert "Send it to be signed" in words(answer)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"a_month": "0"}, "The amount must be more than zero."),
        ({"a_month": "a lot"}, "This is not an amount."),
        ({"a_month": "150", "cannot": "person"}, "An amount a month goes with parts"),
    ],
)
def test_a_month_that_cannot_be_stays_at_its_field(
    desk: Desk, rung: Account, fields: dict[str, str], said: str
) -> None:
    visitor = desk.at()
    asked(desk, visitor, rung)
    answer = logged(desk, visitor, rung, **{**MANAGED, **fields})
    assert (answer.status_code, 'aria-describedby="mo-hint a_month-error"' in answer.text) == (422, True)
    assert said in words(answer)
    assert count(desk, CallAttempt) == 0


def test_a_month_from_a_strange_address_fills_nothing_in(desk: Desk, rung: Account) -> None:
    visitor = desk.at()
    for month in ("x", "-5", "0", "9" * 40):
        page = visitor.get(f"/desk/accounts/{rung.ref}/plan?currency=GBP&month={month}")
        assert (page.status_code, "a month it takes" in words(page)) == (200, False)


def test_saved_and_on_to_the_next_account(desk: Desk, rung: Account) -> None:
    """Issue D, part 1: the next of one's own list is claimed and opened; what is done is let go."""
    second = desk.account()
    desk.invoice(second, 50000, late=40)
    me = desk.person(name="Priya Shah")
    visitor = Visitor(desk.app)
    assert desk.sign_in(me, visitor).status_code == 303
    actor = make.staff_actor(me)
    with desk.store.write() as s:
        refreshing.refresh(s, [rung.id, second.id], now=NOON)
    desk.store.run(lambda s: claiming.claim(s, actor, rung.ref, now=NOON))
    send_to(desk, visitor, rung)
    answer = logged_of(desk, visitor, rung, then="next")
    assert answer.location.endswith(f"/desk/accounts/{second.ref}")
    page = words(visitor.get(answer.location))
    assert "The call is written down; here is the next account. It is yours now." in page
    with desk.store.read() as s:
        [held] = s.scalars(select(WorklistClaim)).all()
    assert (held.account_id, held.staff_id) == (second.id, me.id)


def test_saved_and_nothing_is_left(desk: Desk, rung: Account) -> None:
    """The worklist's own empty state says what it means."""
    visitor = desk.at()
    with desk.store.write() as s:
        refreshing.refresh(s, [rung.id], now=NOON)
    asked(desk, visitor, rung)
    answer = logged(desk, visitor, rung, outcome="yes:talked", then="next")
    assert answer.location.endswith("/desk/worklist")
    page = words(visitor.get(answer.location))
    assert "The call is written down." in page
    assert count(desk, CallAttempt) == 1


def send_to(desk: Desk, visitor: Visitor, account: Account) -> None:
    """Ask the gate before dialling, where there are several accounts."""
    visitor.get(f"/desk/accounts/{account.ref}/call")
    visitor.post(f"/desk/accounts/{account.ref}/call/ask", {"contact": contact_of(desk, account)})


def logged_of(desk: Desk, visitor: Visitor, account: Account, **fields: object) -> TestResponse:
    visitor.get(f"/desk/accounts/{account.ref}/call")
    asked = {"how": "phone", "way": "out", **AGAIN, "contact": contact_of(desk, account), "task": "",
             "outcome": "yes:talked", **fields}  # fmt: skip
    return visitor.post(f"/desk/accounts/{account.ref}/call", asked)


def contact_of(desk: Desk, account: Account) -> str:
    with desk.store.read() as s:
        return s.scalars(select(Contact.ref).where(Contact.account_id == account.id)).one()


def test_a_recording_is_kept_with_its_basis_and_given_out_as_a_file(desk: Desk, rung: Account) -> None:
    """C-09, X-03: refused by name without a basis; then kept, and to be saved, never played in a page."""
    visitor = desk.at()
    page = words(visitor.get(asked(desk, visitor, rung).location))
    assert "In GB: it has to be announced. Investigatory Powers" in page
    assert "to be checked by somebody of law" in page
    sound = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40)
    for basis, status, says in (
        ("", 409, "Say why the recording may be kept"),
        ("one_party", 409, "In this country that is not enough"),
        ("announced", 303, ""),
    ):
        answer = logged(desk, visitor, rung, outcome="yes:talked", basis=basis,
                        recording=(BytesIO(sound), "call.wav"))  # fmt: skip
        assert (answer.status_code, says in words(answer)) == (status, True)
    page = visitor.get(f"/desk/accounts/{rung.ref}/call")
    assert "call.wav" in words(page)
    path = page.text.split("/desk/files/")[1].partition('"')[0]
    given = visitor.get(f"/desk/files/{path}")
    assert (given.data, given.headers["Content-Disposition"]) == (sound, "attachment; filename=call.wav")


def test_a_visit_has_its_checklist_and_no_keys(desk: Desk, rung: Account) -> None:
    """Visits ask the same gate; what was gone through stays with the visit."""
    visitor = desk.at()
    visitor.get(f"/desk/accounts/{rung.ref}/call?how=visit")
    answer = visitor.post(f"/desk/accounts/{rung.ref}/call/ask", refs(desk) | {"how": "visit", "way": "out"})
    page = visitor.get(answer.location)
    assert "Said who we are, and showed it" in words(page)
    assert "data-digit" not in page.text
    answer = logged(desk, visitor, rung, how="visit", outcome="no:nobody_there",
                    checks="left_card")  # fmt: skip
    assert answer.status_code == 303, words(answer)
    call = only(desk, CallAttempt)
    assert (call.channel, call.checks) == ("visit", ["left_card"])


def test_they_rang_us_needs_no_yes(desk: Desk, rung: Account) -> None:
    """What the debtor begins is written down at any hour, and no decision is made about it."""
    desk.clock.forward(hours=13)
    visitor = desk.at()
    path = f"/desk/accounts/{rung.ref}/call?way=in&contact={refs(desk)['contact']}"
    assert "They began it." in words(visitor.get(path))
    answer = logged(desk, visitor, rung, way="in", outcome="yes:pays_now", next_at="2026-11-20T10:00")
    assert answer.status_code == 303, words(answer)
    assert (only(desk, CallAttempt).direction, count(desk, ContactDecision)) == ("in", 0)
    assert "they began" in words(visitor.get(f"/desk/accounts/{rung.ref}/call"))


def test_the_nine_keys_are_those_of_the_page(desk: Desk, rung: Account) -> None:
    """Keyboard: 1 to 9, each once, in their order."""
    visitor = desk.at()
    page = visitor.get(asked(desk, visitor, rung).location).text
    keys = [part.partition('"')[0] for part in page.split('data-digit="')[1:]]
    assert sorted(keys) == list("123456789")


def test_a_number_that_is_dead_says_so(desk: Desk, rung: Account) -> None:
    """Marked for whoever rings next."""
    visitor = desk.at()
    asked(desk, visitor, rung)
    logged(desk, visitor, rung, outcome="no:dead_number", next="visit")
    assert "number does not work Noted on 19/11/2026" in words(visitor.get(f"/desk/accounts/{rung.ref}/call"))
