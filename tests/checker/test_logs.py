"""INV-16: canaries in logs are found, masked lines are not (decision 26)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checker.conftest import Check
from tests.checker.world import CODE, QUIET_TOKEN, TOKEN, World

_MASKED = """\
2026-11-20 12:00:00,120 GET /l/[link] 200 request=0d0f7a5a-6f6e-4c31-9c0e-0a1b2c3d4e5f
sent message 12 to [mail] by mail.northgate.example, id=4f1de4a2b9c84e0f9a3c55d2
charge ch_3PqLkJ2eZvKYlo2C1x8y9zAb took 15000 gbp at 1732104000123456, card [card] 4242
job 4242424242424243 done; account +4545; see /links/overview-of-everything
took 0.074613 s, 960001 rows, id 07461344, at 12:00:00.074613, x-074613, 1074613
"""


def _log(folder: Path, line: str) -> Path:
    path = folder / "web.log"
    path.write_text(_MASKED + line + "\n", encoding="utf-8")
    return path


def test_masked_log_holds(healthy: World, check: Check, tmp_path: Path) -> None:
    """Masked links, ids, numbers that fail the check digit and moments are no finds."""
    answer = check(healthy, "--logs", _log(tmp_path, "done"), _log(tmp_path, "done"))
    assert (answer.code, answer.broken) == (0, {})
    assert answer.checks["INV-16"]["rows"] == 12


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("GET /l/abcdefghijklmnop0123 200", "shows a link with its token"),
        ("GET /x/abcdefghijklmnop012345 200", "shows a link with its token"),
        (f"token={TOKEN}", "shows a token"),
        (f'{{"token": "{QUIET_TOKEN}"}}', "shows a token"),
        (f"code {CODE} was wrong", "shows a one-time code"),
        (f'{{"code":"{CODE}"}}', "shows a one-time code"),
        (f"code={CODE},", "shows a one-time code"),
        ("sent to ada@alder.example", "shows an e-mail address"),
        ("sms to +815055501234 done", "shows a telephone number"),
        ("card 4242424242424242 declined", "shows digits of a card"),
        ("card=5555-5555-5555-4444", "shows digits of a card"),
        ("3782 822463 10005", "shows digits of a card"),
    ],
)
def test_canary_is_found_and_not_repeated(
    line: str, says: str, healthy: World, check: Check, tmp_path: Path
) -> None:
    """File and line are named; the secret itself is not printed again."""
    path = _log(tmp_path, line)
    answer = check(healthy, "--logs", path)
    assert answer.broken == {"INV-16": f"{path}, line 6 {says}"}
