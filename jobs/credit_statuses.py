"""The credit status of accounts for an order system that reads a file or asks `amicable credit-status`."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from jobs.house import House
from models.accounts import Account
from receivables import credit_status
from receivables.credit_status import CreditStatus
from receivables.permissions import SYSTEM


def show(house: House, number: str, *, as_json: bool, now: datetime) -> int:
    """Print the status of one account, or of each creditor's account of that number.

    Returns:
        0, or 1 where no account has the number.
    """
    with house.store.read() as session:
        refs = session.scalars(select(Account.ref).where(Account.number == number).order_by(Account.id)).all()
        found = [credit_status.credit_status(session, SYSTEM, ref, now=now) for ref in refs]
    if not found:
        print(f"amicable: no account has the number {number}", file=sys.stderr)
        return 1
    if as_json:
        said = [_as_json(one) for one in found]
        print(json.dumps(said[0] if len(said) == 1 else said, ensure_ascii=False))
    else:
        for one in found:
            print(_as_line(one))
    return 0


def write_all(house: House, path: Path | None, *, now: datetime) -> int:
    """Write the status of every account as CSV, to a file or to the terminal; returns 0."""
    with house.store.read() as session:
        pieces = house.exports.csv_pieces(credit_status.sheet(session, SYSTEM, now=now))
        if path is None:
            for piece in pieces:
                sys.stdout.write(piece.decode("utf-8").removeprefix("\ufeff"))
        else:
            with path.open("wb") as file:
                file.writelines(pieces)
    return 0


def _as_json(one: CreditStatus) -> dict[str, object]:
    release = one.release
    return {
        "account": one.number,
        "name": one.name,
        "status": one.grade.value,
        "reasons": list(one.reasons),
        "since": one.since_on.isoformat() if one.since_on else None,
        "release_amount": f"{release.decimal:f}" if release else None,
        "currency": release.currency if release else None,
        "review_on": one.review_on.isoformat() if one.review_on else None,
        "prepaid_allowed": one.prepaid_allowed,
    }


def _as_line(one: CreditStatus) -> str:
    parts = [one.number, one.name, one.grade.value, *one.reasons]
    if one.since_on is not None and one.release is not None:
        parts.append(f"since {one.since_on}, to pay {one.release.decimal:f} {one.release.currency}")
        parts.append("prepaid orders go on" if one.prepaid_allowed else "no prepaid orders")
    return " · ".join(parts)
