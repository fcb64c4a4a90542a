"""Each route times each kind of visitor: who gets in stands in the table below, and nowhere else (A-01)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from models.accounts import Account, Contact
from models.links import Channel
from models.staff import Role
from models.work import TaskKind
from receivables import links, outbox
from receivables.permissions import SYSTEM, Permission
from receivables.policy import default_policy
from tests import factories as make
from tests.admin.conftest import Desk, desk_on
from tests.conftest import NOON
from tests.portal.visitor import Visitor

ROLES = {
    "collector", "supervisor", "accountant", "salesperson", "auditor", "admin",
}  # fmt: skip
READ_ALL = ROLES - {"admin"}
READ_BOOKS = READ_ALL - {"salesperson"}
CHASE = {"collector", "supervisor"}
LOOK = ROLES - {"salesperson"}
FINISH = {"collector", "supervisor", "accountant"}
CLOSE = {"supervisor", "accountant", "admin"}
AUDIT = {"supervisor", "auditor", "admin"}
CREDIT = {"supervisor", "accountant"}
CONFIRM = {"supervisor", "admin"}
FIGURES = {"supervisor", "accountant", "auditor"}
FEED = {"collector", "supervisor", "accountant", "salesperson"}

#: Desk: who gets in, and the status they see (forms are sent empty). All others 403, without sign-in 401.
DESK: dict[str, tuple[set[str], int]] = {
    "GET /desk/": (ROLES, 200),
    "GET /desk/accounts/<ref>": (READ_ALL, 200),
    "POST /desk/accounts/<ref>/notes": (FINISH | {"salesperson"}, 422),
    "GET /desk/notes/<ref>": (FINISH | {"salesperson"}, 404),
    "POST /desk/notes/<ref>": (FINISH | {"salesperson"}, 404),
    "POST /desk/accounts/<ref>/files": (FINISH, 422),
    "GET /desk/account-files/<ref>": (READ_ALL, 404),
    "GET /desk/accounts/<ref>/credit-limit": (CREDIT, 200),
    "POST /desk/accounts/<ref>/credit-limit": (CREDIT, 422),
    "POST /desk/accounts/<ref>/orders": (CREDIT, 422),
    "GET /desk/accounts/<ref>/pay-run": (CHASE, 200),
    "POST /desk/accounts/<ref>/pay-run": (CHASE, 422),
    "POST /desk/accounts/<ref>/follow-up": (CHASE, 409),
    "GET /desk/accounts/<ref>/message": (CHASE, 200),
    "POST /desk/accounts/<ref>/message": (CHASE, 422),
    "POST /desk/messages/<ref>/withdraw": (CHASE, 404),
    "GET /desk/snippets": (CHASE, 200),
    "GET /desk/snippets/<ref>": (CHASE, 404),
    "POST /desk/snippets/<ref>": (CHASE, 404),
    "POST /desk/snippets/<ref>/away": (CHASE, 404),
    "POST /desk/accounts/<ref>/view-as-debtor": (CHASE, 303),
    "GET /desk/accounts/<ref>/call": (CHASE, 200),
    "POST /desk/accounts/<ref>/call": (CHASE, 422),
    "POST /desk/accounts/<ref>/call/ask": (CHASE, 422),
    "POST /desk/accounts/<ref>/call/wish": (CHASE, 422),
    "GET /desk/problems": (READ_BOOKS, 200),
    "GET /desk/lessons": (READ_BOOKS, 200),
    "GET /desk/lessons/<ref>": (READ_BOOKS, 404),
    "POST /desk/lessons/<ref>": (CHASE, 404),
    "GET /desk/inbound": (READ_BOOKS, 200),
    "POST /desk/inbound/<ref>/assign": (CHASE, 422),
    "GET /desk/suppressed": (READ_BOOKS, 200),
    "POST /desk/tasks/<ref>/put-off": (FINISH, 422),
    "GET /desk/accounts/<ref>/flags": (READ_ALL, 200),
    "POST /desk/accounts/<ref>/flags": (CHASE, 422),
    "POST /desk/accounts/<ref>/flags/<name>/end": (CHASE, 404),
    "GET /desk/accounts/<ref>/pause": (CHASE, 200),
    "POST /desk/accounts/<ref>/pause": (CHASE, 422),
    "POST /desk/accounts/<ref>/pauses/<name>/end": (CHASE, 422),
    "GET /desk/accounts/<ref>/hold": (READ_ALL, 200),
    "POST /desk/accounts/<ref>/hold": (CHASE, 422),
    "POST /desk/accounts/<ref>/hold/announce": (CHASE, 303),
    "POST /desk/accounts/<ref>/hold/release": (CHASE, 422),
    "POST /desk/accounts/<ref>/hold/review": (CHASE, 422),
    "POST /desk/accounts/<ref>/hold/undo": (CHASE, 404),
    "GET /desk/holds": (READ_ALL, 200),
    "GET /desk/holds/status.csv": (READ_ALL, 200),
    "GET /desk/statements/<ref>": ({"supervisor", "salesperson"}, 404),
    "POST /desk/statements/<ref>": ({"supervisor", "salesperson"}, 404),
    "GET /desk/accounts/<ref>/link": (CHASE, 200),
    "POST /desk/accounts/<ref>/link": (CHASE, 200),
    "GET /desk/accounts/<ref>/links/revoke": (CHASE, 200),
    "POST /desk/accounts/<ref>/links/revoke": (CHASE, 422),
    "GET /desk/accounts/<ref>/offer": (CHASE, 200),
    "POST /desk/accounts/<ref>/offer": (CHASE, 422),
    "GET /desk/accounts/<ref>/remind": (CHASE, 200),
    "POST /desk/accounts/<ref>/remind": (CHASE, 303),
    "GET /desk/alerts": (LOOK, 200),
    "POST /desk/alerts/<ref>/close": (CLOSE, 422),
    "GET /desk/dashboard": (FIGURES | {"collector"}, 200),
    "POST /desk/dashboard/targets": ({"supervisor"}, 404),
    "GET /desk/sales-statement": (FIGURES | {"salesperson"}, 200),
    "GET /desk/settlements": (FIGURES, 200),
    "GET /desk/reconciliation": (FIGURES, 200),
    "POST /desk/reconciliation/<ref>/explain": ({"accountant"}, 422),
    "GET /desk/gateway": (FIGURES, 200),
    "POST /desk/gateway/try-again": (CREDIT, 422),
    "GET /desk/approvals": (READ_BOOKS, 200),
    "GET /desk/calendar-feed": (FEED, 200),
    "POST /desk/calendar-feed": (FEED, 200),
    "POST /desk/calendar-feed/revoke": (FEED, 303),
    "GET /desk/profile": (ROLES, 200),
    "POST /desk/profile/language": (ROLES, 422),
    "POST /desk/profile/password": (ROLES, 422),
    "POST /desk/profile/sessions/<ref>/end": (ROLES, 404),
    "POST /desk/profile/sessions/others/end-all": (ROLES, 303),
    "GET /desk/profile/code": (ROLES, 200),
    "POST /desk/profile/code": (ROLES, 422),
    "POST /desk/profile/code/offer": (ROLES, 303),
    "POST /desk/profile/codes": (ROLES, 200),
    "GET /desk/confirm": (ROLES, 200),
    "POST /desk/confirm": (ROLES, 422),
    "GET /desk/policy": (READ_BOOKS, 200),
    "GET /desk/policy/<name>": (READ_BOOKS, 404),
    "POST /desk/policy/<name>": (CHASE, 404),
    "POST /desk/policy/draft/send": (CHASE, 422),
    "POST /desk/policy/draft/drop": (CHASE, 404),
    "POST /desk/policy/draft/take-back": (CHASE, 404),
    "GET /desk/policy/draft/preview": (READ_BOOKS, 200),
    "GET /desk/policy/versions/<ref>": (READ_BOOKS, 404),
    "POST /desk/policy/versions/<ref>/again": (CHASE, 404),
    "GET /desk/texts": (READ_BOOKS, 200),
    "GET /desk/texts/<name>": (READ_BOOKS, 404),
    "POST /desk/texts/<name>": (CHASE, 404),
    "GET /desk/texts/<name>/preview": (READ_BOOKS, 404),
    "POST /desk/texts/<name>/test": (CHASE, 404),
    "POST /desk/texts/<name>/send": (CHASE, 404),
    "POST /desk/texts/<name>/drop": (CHASE, 404),
    "POST /desk/texts/<name>/take-back": (CHASE, 404),
    "POST /desk/texts/<name>/versions/<ref>/again": (CHASE, 404),
    "GET /desk/staff": (AUDIT, 200),
    "GET /desk/staff/invite": ({"admin"}, 200),
    "POST /desk/staff/invite": ({"admin"}, 422),
    "GET /desk/staff/<ref>": (AUDIT, 404),
    "POST /desk/staff/<ref>/role": ({"admin"}, 404),
    "POST /desk/staff/<ref>/leave": ({"admin"}, 404),
    "POST /desk/staff/<ref>/factor": (CONFIRM, 404),
    "POST /desk/staff/<ref>/sessions": (CONFIRM, 404),
    "POST /desk/staff/<ref>/invite": ({"admin"}, 404),
    "GET /desk/bank-lines": (READ_BOOKS, 200),
    "POST /desk/bank-lines": (CREDIT, 422),
    "GET /desk/calendars": (ROLES, 200),
    "POST /desk/calendars": (CONFIRM, 422),
    "POST /desk/calendars/clear": (CONFIRM, 422),
    "GET /desk/approvals/deputies": (CHASE, 200),
    "POST /desk/approvals/deputies": (CHASE, 422),
    "POST /desk/approvals/deputies/<ref>/end": (CHASE, 404),
    "GET /desk/approvals/requests/<ref>": (READ_BOOKS, 404),
    "POST /desk/approvals/requests/<ref>/approve": (CHASE, 404),
    "POST /desk/approvals/requests/<ref>/counter": (CHASE, 404),
    "POST /desk/approvals/requests/<ref>/refuse": (CHASE, 404),
    "POST /desk/approvals/requests/<ref>/withdraw": (FINISH | {"admin"}, 404),
    "GET /desk/accounts/<ref>/refund": (FINISH, 200),
    "POST /desk/accounts/<ref>/refund": (FINISH, 422),
    "GET /desk/invoices/<ref>/write-off": (FINISH, 200),
    "POST /desk/invoices/<ref>/write-off": (FINISH, 422),
    "POST /desk/invoices/<ref>/reopen": (FINISH, 422),
    "POST /desk/accounts/<ref>/refund-card": (FINISH, 422),
    "GET /desk/chargebacks": (READ_BOOKS, 200),
    "POST /desk/chargebacks/<ref>/note": ({"supervisor", "accountant"}, 422),
    "GET /desk/refunds": (READ_BOOKS, 200),
    "POST /desk/refunds/<ref>/paid": ({"accountant"}, 422),
    "POST /desk/charges/<ref>/ask-waiver": (CHASE, 404),
    "GET /desk/approvals/offers/<ref>": (READ_BOOKS, 404),
    "POST /desk/approvals/offers/<ref>/approve": (CHASE, 404),
    "POST /desk/approvals/offers/<ref>/counter": (CHASE, 404),
    "POST /desk/approvals/offers/<ref>/refuse": (CHASE, 404),
    "POST /desk/approvals/offers/<ref>/withdraw": (CHASE, 404),
    "GET /desk/approvals/plans/<ref>": (READ_BOOKS, 404),
    "POST /desk/approvals/plans/<ref>/approve": (CHASE, 404),
    "POST /desk/approvals/plans/<ref>/counter": (CHASE, 404),
    "POST /desk/approvals/plans/<ref>/refuse": (CHASE, 404),
    "GET /desk/books/": (ROLES, 200),
    "GET /desk/books/accounts/": (READ_ALL, 200),
    "GET /desk/books/accounts/details/": (READ_ALL, 200),
    "GET /desk/books/attempts/": (READ_ALL, 200),
    "GET /desk/books/attempts/details/": (READ_ALL, 404),
    "GET /desk/books/audit/": (AUDIT, 200),
    "GET /desk/books/audit/details/": (AUDIT, 200),
    "GET /desk/books/invoices/": (READ_ALL, 200),
    "GET /desk/books/invoices/details/": (READ_ALL, 200),
    "GET /desk/books/journal/": (READ_BOOKS, 200),
    "GET /desk/books/journal/details/": (READ_BOOKS, 200),
    "GET /desk/books/messages/": (READ_BOOKS, 200),
    "GET /desk/books/messages/details/": (READ_BOOKS, 404),
    "GET /desk/books/notices/": (READ_BOOKS, 200),
    "GET /desk/books/notices/details/": (READ_BOOKS, 404),
    "GET /desk/books/payments/": (READ_ALL, 200),
    "GET /desk/books/payments/details/": (READ_ALL, 404),
    "GET /desk/charges": (READ_BOOKS, 200),
    "POST /desk/charges/<ref>/again": (FINISH, 404),
    "POST /desk/charges/<ref>/issue": (CREDIT, 422),
    "POST /desk/charges/<ref>/waive": (CHASE, 422),
    "GET /desk/charges/rates": (READ_BOOKS, 200),
    "POST /desk/charges/rates": ({"accountant"}, 422),
    "GET /desk/contacts/<ref>": (CONFIRM, 200),
    "POST /desk/contacts/<ref>/confirm": (CONFIRM, 422),
    "POST /desk/contacts/<ref>/signatory": ({"supervisor"}, 422),
    "GET /desk/disputes": (READ_BOOKS, 200),
    "GET /desk/disputes/<ref>": (READ_BOOKS, 404),
    "POST /desk/disputes/<ref>/answer": (CHASE, 404),
    "POST /desk/disputes/<ref>/ask-sales": (CHASE, 404),
    "POST /desk/disputes/<ref>/hand-over": (CHASE, 404),
    "POST /desk/disputes/<ref>/outcome": (FINISH, 404),
    "POST /desk/disputes/<ref>/take": (CHASE, 404),
    "GET /desk/files/<ref>": (READ_BOOKS, 404),
    "GET /desk/accounts/<ref>/hand-over": (CHASE, 200),
    "POST /desk/accounts/<ref>/hand-over": (CHASE, 422),
    "GET /desk/files/case/<ref>": (READ_BOOKS, 404),
    "GET /desk/handlers": (CONFIRM, 200),
    "POST /desk/handlers": (CONFIRM, 422),
    "GET /desk/handlers/<ref>": (CONFIRM, 404),
    "POST /desk/handlers/<ref>": (CONFIRM, 404),
    "GET /desk/handovers": (READ_BOOKS, 200),
    "GET /desk/handovers/<ref>": (READ_BOOKS, 404),
    "POST /desk/handovers/<ref>/close": ({"supervisor"}, 404),
    "POST /desk/handovers/<ref>/place": ({"supervisor"}, 404),
    "POST /desk/handovers/<ref>/prepare": ({"supervisor"}, 404),
    "POST /desk/handovers/<ref>/recall": ({"supervisor"}, 404),
    "POST /desk/handovers/<ref>/refuse": (CHASE, 404),
    "POST /desk/handovers/<ref>/remittance": (CREDIT, 404),
    "GET /desk/remittances/<number>/take-back": ({"accountant"}, 404),
    "POST /desk/remittances/<number>/take-back": ({"accountant"}, 404),
    "GET /desk/hardship": ({"supervisor"}, 200),
    "GET /desk/hardship/<ref>": ({"supervisor"}, 404),
    "POST /desk/hardship/<ref>": ({"supervisor"}, 404),
    "GET /desk/accounts/<ref>/address": (CHASE, 200),
    "POST /desk/accounts/<ref>/address": (CHASE, 303),
    "GET /desk/files/letter-batches/<ref>": (CHASE, 404),
    "GET /desk/files/letters/<ref>": (CHASE, 404),
    "GET /desk/post": (CHASE, 200),
    "POST /desk/post/batches/<ref>/posted": (CHASE, 404),
    "POST /desk/post/letters/<ref>/returned": (CHASE, 404),
    "POST /desk/post/letters/<ref>/withdraw": (CHASE, 404),
    "POST /desk/post/print": (CHASE, 422),
    "GET /desk/requests": (FINISH, 200),
    "GET /desk/requests/<ref>": (FINISH, 404),
    "POST /desk/requests/<ref>": (FINISH, 404),
    "GET /desk/invoices/<ref>": (READ_ALL, 200),
    "GET /desk/invoices/<ref>/credit": (CREDIT, 200),
    "POST /desk/invoices/<ref>/credit": (CREDIT, 422),
    "GET /desk/accounts/<ref>/ladder": (CHASE, 200),
    "POST /desk/accounts/<ref>/ladder": (CHASE, 422),
    "GET /desk/contact-rules": (READ_BOOKS, 200),
    "GET /desk/contact-rules/propose": (CHASE, 200),
    "POST /desk/contact-rules/propose": (CHASE, 422),
    "GET /desk/ladder": (CHASE, 200),
    "GET /desk/ladder/choice": (CHASE, 200),
    "POST /desk/ladder/choice": (CHASE, 422),
    "GET /desk/ladder/versions": (READ_BOOKS, 200),
    "GET /desk/ladder/versions/compare": (READ_BOOKS, 200),
    "GET /desk/ladder/versions/propose": (CHASE, 200),
    "POST /desk/ladder/versions/propose": (CHASE, 422),
    "GET /desk/ladder/versions/read": (READ_BOOKS, 404),
    "GET /desk/rules/proposals/<ref>": (READ_BOOKS, 404),
    "POST /desk/rules/proposals/<ref>/publish": (READ_BOOKS, 404),
    "POST /desk/rules/proposals/<ref>/refuse": (READ_BOOKS, 404),
    "POST /desk/rules/proposals/<ref>/withdraw": (CHASE, 404),
    "POST /desk/ladder/approve": (CHASE, 303),
    "POST /desk/ladder/resume": ({"supervisor"}, 422),
    "POST /desk/ladder/steps/<ref>/approve": (CHASE, 404),
    "POST /desk/ladder/steps/<ref>/refuse": (CHASE, 422),
    "POST /desk/ladder/stop": (CHASE, 422),
    "POST /desk/ladder/switch": ({"supervisor"}, 422),
    "GET /desk/accounts/<ref>/plan": (CHASE, 200),
    "POST /desk/accounts/<ref>/plan": (CHASE, 422),
    "GET /desk/accounts/<ref>/promise": (CHASE, 200),
    "POST /desk/accounts/<ref>/promise": (CHASE, 422),
    "GET /desk/plans": (READ_BOOKS, 200),
    "GET /desk/plans/<ref>/cancel": (CHASE, 404),
    "POST /desk/plans/<ref>/cancel": (CHASE, 404),
    "GET /desk/promises": (READ_BOOKS, 200),
    "GET /desk/promises/<ref>/withdraw": (CHASE, 404),
    "POST /desk/promises/<ref>/withdraw": (CHASE, 404),
    "GET /desk/sales": (READ_ALL, 200),
    "GET /desk/sales/<ref>": (READ_ALL, 404),
    "POST /desk/sales/<ref>/time": ({"supervisor", "salesperson"}, 404),
    "POST /desk/sales/<ref>/warn": ({"supervisor", "salesperson"}, 404),
    "POST /desk/sales/tasks/<ref>/report": ({"supervisor", "salesperson"}, 404),
    "GET /desk/segments": (READ_BOOKS, 200),
    "GET /desk/segments/<ref>": (READ_BOOKS, 404),
    "GET /desk/segments/rules": (READ_BOOKS, 200),
    "POST /desk/segments/review": (CHASE, 422),
    "POST /desk/segments/<ref>/confirm": (CHASE, 404),
    "POST /desk/segments/<ref>/refuse": (CHASE, 404),
    "GET /desk/accounts/<ref>/segment": (CHASE, 200),
    "POST /desk/accounts/<ref>/segment": (CHASE, 422),
    "POST /desk/accounts/<ref>/terms": ({"supervisor"}, 422),
    "GET /desk/search": (READ_ALL, 200),
    "GET /desk/tasks": (LOOK, 200),
    "POST /desk/tasks/<ref>/done": (FINISH, 422),
    "POST /desk/logout": (ROLES, 303),
    "GET /desk/profile/keys": (ROLES, 200),
    "POST /desk/profile/keys": (ROLES, 303),
    "GET /desk/worklist": (CHASE, 200),
    "GET /desk/worklist/away": (CHASE, 200),
    "POST /desk/worklist/away": (CHASE, 422),
    "POST /desk/worklist/away/<ref>/back": (CHASE, 404),
    "GET /desk/worklist/bulk": (CHASE, 200),
    "POST /desk/worklist/bulk": (CHASE, 422),
    "GET /desk/worklist/bulk/<ref>": (CHASE, 404),
    "POST /desk/worklist/bulk/<ref>/undo": (CHASE, 404),
    "POST /desk/worklist/<ref>/claim": (CHASE, 404),
    "POST /desk/worklist/<ref>/release": (CHASE, 404),
    "POST /desk/worklist/<ref>/skip": (CHASE, 422),
    "POST /desk/worklist/skips/<ref>/undo": (CHASE, 404),
}
#: Behind a link session; nobody of the desk gets in with the desk's cookie.
LINK = {
    "GET /account",
    "GET /account/branches",
    "GET /account/branches/invoices/<ref>",
    "GET /account/branches/invoices/<ref>/pdf",
    "GET /account/branches/statement",
    "GET /account/branches/statement.csv",
    "GET /account/branches/statement.pdf",
    "GET /account/branches/statement.xlsx",
    "POST /account/branches",
    "GET /account/branches/review",
    "GET /account/branches/start",
    "POST /account/branches/start",
    "GET /account/cards",
    "GET /account/cards/<ref>/remove",
    "POST /account/cards/<ref>/remove",
    "GET /account/cards/add",
    "POST /account/cards/add",
    "GET /account/cards/plan/<plan_ref>",
    "POST /account/cards/plan/<plan_ref>",
    "GET /account/cheque",
    "POST /account/cheque",
    "GET /account/credit",
    "GET /account/credit-hold",
    "GET /account/credit/back",
    "POST /account/credit/back",
    "GET /account/credit/use/<ref>",
    "POST /account/credit/use/<ref>",
    "GET /account/disputes/<ref>",
    "GET /account/disputes/<ref>/add",
    "POST /account/disputes/<ref>/add",
    "GET /account/disputes/<ref>/reopen",
    "POST /account/disputes/<ref>/reopen",
    "GET /account/disputes/<ref>/withdraw",
    "POST /account/disputes/<ref>/withdraw",
    "GET /account/documents",
    "GET /account/files/<ref>",
    "GET /account/invoices/<ref>/pdf",
    "GET /account/offers/<ref>/pdf",
    "GET /account/payments/<ref>/pdf",
    "GET /account/plans/<ref>/calendar",
    "GET /account/plans/<ref>/pdf",
    "GET /account/statement",
    "GET /account/statement.csv",
    "GET /account/statement.pdf",
    "GET /account/statement.xlsx",
    "GET /account/invoices/<ref>",
    "GET /account/invoices/<ref>/dispute",
    "POST /account/invoices/<ref>/dispute",
    "GET /account/invoices/<ref>/dispute/review",
    "GET /account/invoices/<ref>/dispute/send",
    "POST /account/invoices/<ref>/dispute/send",
    "GET /account/other-device",
    "POST /account/other-device",
    "GET /account/survey/<ref>",
    "POST /account/survey/<ref>",
    "GET /account/stopping",
    "POST /account/stopping",
    "GET /account/stopping/noted",
    "GET /account/stopping/<way>",
    "POST /account/stopping/<way>",
    "GET /account/promise",
    "POST /account/promise",
    "GET /account/promise/review",
    "POST /account/promise/review",
    "GET /account/now-with",
    "GET /account/what-next",
    "GET /account/promises/<ref>",
    "GET /account/promises/<ref>/withdraw",
    "POST /account/promises/<ref>/withdraw",
    "GET /account/requests/<ref>",
    "GET /account/requests/<ref>/withdraw",
    "POST /account/requests/<ref>/withdraw",
    "GET /account/hardship",
    "POST /account/hardship",
    "GET /account/ring-me",
    "POST /account/ring-me",
    "GET /account/ring-me/<ref>/cancel",
    "POST /account/ring-me/<ref>/cancel",
    "POST /account/language",
    "POST /account/leave",
    "GET /account/offers/<ref>",
    "GET /account/offers/<ref>/accept",
    "POST /account/offers/<ref>/accept",
    "POST /account/offers/<ref>/decline",
    "POST /account/offers/<ref>/pay",
    "POST /account/offers/<ref>/withdraw",
    "GET /account/own-offer",
    "POST /account/own-offer",
    "GET /account/plan",
    "POST /account/plan",
    "GET /account/plan/draft",
    "POST /account/plan/draft",
    "GET /account/plan/review",
    "GET /account/plans/<ref>",
    "GET /account/plans/<ref>/agree",
    "POST /account/plans/<ref>/agree",
    "POST /account/plans/<ref>/by-link",
    "GET /account/plans/<ref>/move",
    "POST /account/plans/<ref>/move",
    "GET /account/plans/<ref>/pay",
    "POST /account/plans/<ref>/pay",
    "POST /account/plans/<ref>/withdraw",
    "GET /account/pay",
    "POST /account/pay",
    "GET /account/pay/review",
    "GET /account/pay/start",
    "POST /account/pay/start",
    "GET /account/code",
    "POST /account/code",
    "GET /account/code/send",
    "POST /account/code/send",
    "GET /account/people",
    "GET /account/people/new",
    "POST /account/people/new",
    "GET /account/people/<ref>",
    "POST /account/people/<ref>",
    "GET /account/people/<ref>/address",
    "POST /account/people/<ref>/address",
    "GET /account/people/<ref>/confirm",
    "POST /account/people/<ref>/confirm",
    "GET /account/people/<ref>/proof",
    "POST /account/people/<ref>/proof",
    "GET /account/people/<ref>/proof/send",
    "POST /account/people/<ref>/proof/send",
    "GET /account/people/<ref>/remove",
    "POST /account/people/<ref>/remove",
    "GET /account/people/reminders",
    "POST /account/people/reminders",
    "GET /account/people/wishes",
    "POST /account/people/wishes",
    "GET /account/sessions",
    "GET /account/sessions/end",
    "POST /account/sessions/end",
    "GET /account/invoices/<ref>/forward",
    "POST /account/invoices/<ref>/forward",
    "GET /account/check",
}
#: Without a session: a token, a signature or an opaque name is the owner check, or there is nothing to own.
PUBLIC = {
    "GET /as-debtor/account",
    "GET /as-debtor/account/invoices/<ref>",
    "GET /brand/<digest>.css",
    "POST /csp-report",
    "GET /desk/feeds/<token>.ics",
    "GET /desk/login",
    "POST /desk/login",
    "GET /desk/forgotten",
    "POST /desk/forgotten",
    "GET /desk/answer/<token>",
    "GET /desk/in/<token>",
    "POST /desk/answer/<token>",
    "POST /desk/in/<token>",
    "GET /l/<token>",
    "POST /l/<token>",
    "GET /l/<token>/fresh",
    "POST /l/<token>/fresh",
    "GET /left",
    "GET /r/<ref>",
    "POST /r/<ref>/check",
    "GET /s/<ref>",
    "POST /s/<ref>/check",
    "POST /webhooks/sms",
    "POST /webhooks/stripe/<name>",
    "GET /x/<token>",
    "POST /x/<token>",
    "GET /x/<token>/one-click",
    "POST /x/<token>/one-click",
    "GET /check",
    "GET /moved",
    "GET /x/<token>/again",
    "POST /x/<token>/again",
}


@pytest.fixture
def open_desk(tmp_path: Path) -> Iterator[Desk]:
    """Without CSRF, so that a status says what permissions say (tests/admin/test_books.py has CSRF)."""
    yield from desk_on(tmp_path, WTF_CSRF_ENABLED=False)


def routes(desk: Desk) -> list[str]:
    return [
        f"{method} {rule.rule}"
        for rule in desk.app.url_map.iter_rules()
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
    ]


def test_every_route_has_a_row(open_desk: Desk) -> None:
    """A-01: a route that nobody thought about fails here."""
    assert sorted(routes(open_desk)) == sorted([*DESK, *LINK, *PUBLIC])


def test_every_view_says_its_check(open_desk: Desk) -> None:
    """A-01: each view carries the check it stands behind, and the check is a known one."""
    known = {p.value for p in Permission} | {"link", "public", "staff"}
    checks = {name: getattr(view, "owner_check", None) for name, view in open_desk.app.view_functions.items()}
    assert {name: check for name, check in checks.items() if check not in known} == {}


def debtor(desk: Desk, account: Account) -> Visitor:
    with desk.store.write() as session:
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).first()
        token = links.issue(
            session, SYSTEM, session.get_one(Account, account.id), contact=contact, channel=Channel.EMAIL,
            policy=default_policy(), now=desk.clock.at,
        )[1]  # fmt: skip
    visitor = Visitor(desk.app)
    visitor.open(token)
    return visitor


@pytest.mark.parametrize("who", ["stranger", "debtor", *sorted(ROLES)])
def test_matrix(open_desk: Desk, who: str) -> None:
    """A-01: the status of each route for one kind of visitor, as the tables say."""
    account = open_desk.account()
    invoice = open_desk.invoice(account)
    with open_desk.store.write() as session:
        alert = outbox.raise_alert(session, "amount_differs", "attempt:1", now=NOON).ref
        task = outbox.ask_person(session, TaskKind.UNAPPLIED_MONEY, "u:1", account_id=account.id, facts={},
                                 now=NOON).ref  # fmt: skip
        make.a_person(session)
        contact = make.a_contact(session, account).ref
    refs = {
        "accounts": account.ref, "invoices": invoice, "alerts": alert, "tasks": task, "contacts": contact,
    }  # fmt: skip
    visitor = (
        open_desk.seller_of(account)  # another's account would not be found
        if who == "salesperson"
        else open_desk.at(Role(who))
        if who in ROLES
        else debtor(open_desk, account)
        if who == "debtor"
        else Visitor(open_desk.app)
    )
    wrong = {}
    # Leaving comes last: after it nobody is inside.
    for route in sorted(
        routes(open_desk), key=lambda r: (r in ("POST /desk/logout", "POST /account/leave"), r)
    ):
        method, rule = route.split(" ")
        part = rule.split("/")[2] if rule.startswith("/desk") else "invoices"
        path = rule.replace("<ref>", refs.get(part, "nothing"))
        for name in ("token", "digest", "name", "number"):
            path = path.replace(f"<{name}>", "nothing")
        path += "?id=1" if path.endswith("/details/") else ""
        status = visitor.client.open(path, method=method).status_code
        if not fits(route, who, status):
            wrong[route] = status
    assert wrong == {}


def fits(route: str, who: str, status: int) -> bool:
    if route in DESK:
        inside, seen = DESK[route]
        return status == (seen if who in inside else 403 if who in ROLES else 401)
    if route in LINK:
        return (status not in (401, 403)) == (who == "debtor") and status < 500
    # The sign-in form answers 401 to an empty form; that is its own, not a closed door.
    return status != 403 and status < 500 and (status != 401 or route == "POST /desk/login")
