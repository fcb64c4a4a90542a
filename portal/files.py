"""The files of a form: looked at, and kept aside while the form needs another look.

What came once is never asked for again: it stands on the form with its name, to be taken out or sent.
Source: X-03, X-10; decision 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import request
from sqlalchemy.orm import Session

import web
from portal.forms import Problem
from receivables import files
from receivables.errors import Refused
from receivables.files import ReceivedFile, SentFile
from receivables.policy import Policy


@dataclass(frozen=True, slots=True)
class FormFiles:
    """What one form brought.

    Attributes:
        received: came with this try.
        earlier: refs of what came with an earlier one and is not taken out.
        problems: one for each file that cannot be taken.
    """

    received: Sequence[ReceivedFile]
    earlier: Sequence[str]
    problems: Sequence[Problem]


def form_files(policy: Policy) -> FormFiles:
    """Look at the files of this request; each that cannot be taken is named."""
    received, problems = receive_files(policy)
    dropped = request.form.getlist("drop")
    earlier = [ref for ref in dict.fromkeys(request.form.getlist("sent")) if ref not in dropped]
    return FormFiles(received, earlier, problems)


def receive_files(policy: Policy) -> tuple[list[ReceivedFile], list[Problem]]:
    """Look at the new files of this request, and say of each that cannot be taken why.

    Called once the subject was found and the holder may act on it: what is decoded here is kept.

    Raises: TooManyTries: forms with files of this caller are counted, as they cost most.
    """
    sent = [one for one in request.files.getlist("files") if one.filename]
    received: list[ReceivedFile] = []
    problems: list[Problem] = []
    if sent:
        web.limit_guesses("upload")
    if len(sent) > policy.disputes.files:
        return [], [Problem("files", "too_many_files", {"most": policy.disputes.files})]
    for one in sent:
        data = one.stream.read(policy.disputes.file_mebibytes * 1024 * 1024 + 1)
        name = one.filename or ""
        try:
            received.append(files.receive(web.house().files, name, data, policy))
        except Refused as error:
            problems.append(Problem("files", error.code, error.facts))
    return received, problems


def set_aside(brought: FormFiles, policy: Policy) -> list[SentFile]:
    """Keep what a form brought that needs another look, and return what it shows of it.

    Of more files than a form may have, the last ones are left out; the page says so by its own refusal.
    """
    actor, account_id = web.holder().actor, web.holder().account_id

    def unit(session: Session) -> list[SentFile]:
        there = files.staged(session, actor, brought.earlier)
        for one in brought.received[: max(policy.disputes.files - len(there), 0)]:
            there.append(
                files.keep(
                    session, actor, one, account_id=account_id, policy=policy, now=web.now(),
                    retention_class=files.DRAFT,
                )
            )  # fmt: skip
        return [files.sent_file(file) for file in there]

    try:
        return web.house().store.run(unit)
    except Refused:  # no room left: what was there before stays
        with web.house().store.read() as session:
            return [files.sent_file(file) for file in files.staged(session, actor, brought.earlier)]
