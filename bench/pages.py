"""Pages on PostgreSQL: requests a second against the floor, tail, weight, memory, cold start.

Bars (issue A): at least half of the floor's rate, p99 ≤ 150 ms at 32 connections, ≤ 90 MB PSS a
worker with preload, cold start ≤ 3 s, a page ≤ 60 kB over the wire first and ≤ 15 kB after.
"""

from __future__ import annotations

import re
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import Connection, select

import web
from bench import load, places
from models.accounts import Account
from models.base import Base
from models.creditors import Creditor
from models.invoices import Invoice, InvoiceKind, InvoiceLine
from models.ledger import LedgerCode
from models.links import Channel
from models.money import Money
from models.states import InvoiceStatus
from models.store import Store
from receivables import ledger, links
from receivables.permissions import SYSTEM
from receivables.policy import default_policy

CONNECTIONS = 32
REQUESTS = 1500
#: Accounts with an invoice each beside the measured one (issue B: 100k).
OTHERS = 100_000
#: Their ids begin here.
FAR = 10**7
#: Page and floor take turns; the median of so many rounds is shown, since hosts are shared.
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Scene:
    """An account with 20 open invoices, one of 20 lines, and a live session on it."""

    session_token: str
    invoice_ref: str


def build(url: str, *, others: int = OTHERS) -> Scene:
    """Fill a database: the measured account among many others."""
    store = Store(url)
    now = datetime.now(UTC)
    with store.write() as session:
        creditor = Creditor(
            code="bench",
            name="Northgate Paper & Print Ltd",
            short_name="Northgate",
            address="14 Weir Street, Leeds LS2 7QA",
            country="GB",
            zone="Europe/London",
            language="en",
            languages=["en", "he", "ru", "hu"],
            email_from="accounts@northgate.example",
            person_name="Maya Thornton",
            phone="0113 496 0142",
            hours={"en": "Monday to Friday, 9:00 to 17:00"},
            verify_url="https://northgate.example/pay",
            brand_colour="#0b5d57",
            gateway_account="default",
            created_at=now,
        )
        session.add(creditor)
        session.flush()
        measured = _account(session, creditor, 0, now)
        for number in range(20):
            invoice = _invoice(session, measured, number, lines=20 if number == 0 else 3, now=now)
            if number == 0:
                ref = invoice.ref
        _, token = links.issue(
            session, SYSTEM, measured, contact=None, channel=Channel.EMAIL, policy=default_policy(), now=now
        )
        session_token, _ = links.redeem(session, token, policy=default_policy(), now=now, request_id=None)
    with store.write() as session:
        creditor = session.scalars(select(Creditor)).one()
        pattern = _invoice(session, _account(session, creditor, 1, now), 0, lines=1, now=now)
    with store.writer.begin() as connection:
        _multiply(connection, pattern, others)
    with store.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    store.dispose()
    return Scene(session_token, ref)


def _multiply(connection: Connection, pattern: Invoice, count: int) -> None:
    """Copy an invoice with its account, line, entry and postings `count` times, inside PostgreSQL."""
    connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # rows are right by copy
    entry = f"(SELECT entry_id FROM posting WHERE invoice_id = {pattern.id})"  # noqa: S608
    which = {
        "account": f"s.id = {pattern.account_id}",
        "invoice": f"s.id = {pattern.id}",
        "invoice_line": f"s.invoice_id = {pattern.id}",
        "ledger_entry": f"s.id = {entry}",
        "posting": f"s.entry_id = {entry}",
    }
    said = {
        ("account", "number"): "'B' || n",
        ("account", "name"): "'Tidewater Café ' || n || ' Ltd'",
        ("ledger_entry", "reference"): "'bench:' || n",
    }
    for name, condition in which.items():
        columns = {column.name: f"s.{column.name}" for column in Base.metadata.tables[name].columns}
        for column in columns:
            if (name, column) in said:
                columns[column] = said[name, column]
            elif column == "id":
                columns[column] = f"{FAR} + n * 4 + row_number() OVER (PARTITION BY n ORDER BY s.id)"
            elif column in ("account_id", "invoice_id", "entry_id"):
                # As `id` is made; what is missing stays missing.
                columns[column] = f"{FAR} + n * 4 + s.{column} / s.{column}"
            elif column == "ref":
                columns[column] = "substr(md5(s.ref || n), 1, 22)"
        connection.exec_driver_sql(
            f"INSERT INTO {name} ({', '.join(columns)}) SELECT {', '.join(columns.values())} "  # noqa: S608
            f"FROM {name} s, generate_series(1, {count}) n WHERE {condition}"
        )


def _account(session, creditor, number, now):  # type: ignore[no-untyped-def]
    account = Account(
        creditor_id=creditor.id,
        number=f"{10000 + number}",
        name=f"Tidewater Café {number} Ltd",
        country="GB",
        zone="Europe/London",
        language="en",
        created_at=now,
    )
    session.add(account)
    session.flush()
    return account


def _invoice(session, account, number, *, lines, now):  # type: ignore[no-untyped-def]
    due = now.date() + timedelta(days=10 - 3 * number)
    total = Money(1250 * lines, "GBP")
    invoice = Invoice(
        account_id=account.id,
        kind=InvoiceKind.INVOICE,
        number=f"2026-{number:04d}",
        status=InvoiceStatus.OPEN,
        issued_on=due - timedelta(days=30),
        due_on=due,
        currency="GBP",
        lines_net_minor=total.minor,
        total_minor=total.minor,
        balance_minor=0,
        description="Menus and cup sleeves",
        created_at=now,
    )
    session.add(invoice)
    session.flush()
    session.add_all(
        InvoiceLine(
            invoice_id=invoice.id,
            position=position,
            code=f"MN-{position}",
            description="Autumn menu, A4 folded",
            quantity="5",
            unit_price="2.50",
            net_minor=1250,
        )
        for position in range(1, lines + 1)
    )
    ledger.post(
        session,
        SYSTEM,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=f"invoice:{invoice.id}",
            kind="opening",
            currency="GBP",
            sides=[
                ledger.debit(LedgerCode.RECEIVABLES, total, account_id=account.id, invoice_id=invoice.id),
                ledger.credit(LedgerCode.OPENING_COUNTERPART, total),
            ],
            effective_on=invoice.issued_on,
        ),
        now=now,
    )
    return invoice


def cookie(token: str) -> str:
    """The portal's session cookie for a session token, as web.py signs it."""
    interface = web.TwoCookies(places.SECRET, secure=True)
    signer: URLSafeTimedSerializer = interface._signers["portal"]
    return f"__Host-portal={signer.dumps({'t': token, 'seen': int(datetime.now(UTC).timestamp())})}"


def weight(port: int, signed: str) -> tuple[int, int, int]:
    """Bytes over the wire of the overview: with everything it loads, the page alone, script."""

    def fetch(path: str, encoding: str) -> bytes:
        headers = {"Cookie": signed, "Accept-Encoding": encoding}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return bytes(answer.read())

    html = fetch("/account", "identity").decode()
    parts = {p.replace("&amp;", "&") for p in re.findall(r'(?:href|src)="(/(?:static|brand)/[^"]+)"', html)}
    sizes = {part: len(fetch(part, "br, gzip")) for part in parts}
    page = len(fetch("/account", "br, gzip"))
    return page + sum(sizes.values()), page, sum(size for part, size in sizes.items() if ".js" in part)


def main() -> None:
    """Measure and print the table."""
    with places.database("postgres") as url:
        scene = build(url)
        signed = cookie(scene.session_token)
        with (
            places.server("wsgi:app", url) as (port, process, cold),
            places.server("bench.floor:app", url) as (floor_port, _, _),
        ):
            targets = {
                "overview": (port, load.get("/account", signed)),
                "overview floor": (floor_port, load.get(f"/floor/{scene.session_token}")),
                "invoice": (port, load.get(f"/account/invoices/{scene.invoice_ref}", signed)),
                "invoice floor": (
                    floor_port,
                    load.get(f"/floor/{scene.session_token}/{scene.invoice_ref}"),
                ),
            }
            for warm_port, request in targets.values():
                load.run(warm_port, lambda n, r=request: r, requests=200, connections=8)
            rounds = [
                {
                    name: load.run(p, lambda n, r=r: r, requests=REQUESTS, connections=CONNECTIONS)
                    for name, (p, r) in targets.items()
                }
                for _ in range(ROUNDS)
            ]
            pss = places.worker_pss(process)
            in_all, again, scripts = weight(port, signed)
    rows = [(name, load.median([r[name] for r in rounds])) for name in targets]
    by = dict(rows)
    print("PostgreSQL, 2 workers x 4 threads, 32 connections\n")
    print("| page | requests/s | p50 ms | p99 ms | share of floor |")
    print("|---|---|---|---|---|")
    for name, outcome in rows:
        floor = by.get(f"{name} floor")
        share = f"{outcome.rate / floor.rate:.0%}" if floor else ""
        print(f"| {name} | {outcome.rate:.0f} | {outcome.p50:.1f} | {outcome.p99:.1f} | {share} |")
        if set(outcome.statuses) != {200}:
            print(f"  answers: {outcome.statuses}")
    print(
        f"\ncold start {cold:.2f} s · PSS a worker {max(pss):.0f} MB · "
        f"first page {in_all / 1000:.1f} kB in all, {again / 1000:.1f} kB again, "
        f"script {scripts} bytes"
    )


if __name__ == "__main__":
    main()
