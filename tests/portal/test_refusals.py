"""Refusals in words: one table for the portal, one for the desk, and no refusal without a sentence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, nodes

from admin.words import REFUSALS

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "templates" / "components" / "refusals.html"
#: Refusals that are told elsewhere than beside a form, and where.
ELSEWHERE = {
    # Pages of their own say why there is no form (dispute_not.html, offer_none.html, plan_none.html).
    "in_arrangement", "invoice_paid", "nothing_overdue", "plan_nothing_open",
    # The page of a refusal (409.html): what was shown has changed meanwhile, look again.
    "ceiling_unusable", "cheques_not_here", "file_waits", "line_twice", "link_over", "promise_over",
    "rules_changed", "step_decided",
    # A letter on paper that can't be written: a task or an alert says so (admin.words.LETTER_ENDS).
    "fact_missing", "flagged", "no_address", "unknown_letter",
    # The page of too many tries (429.html).
    "too_many_tries",
    # The command line says them by name.
    "code_required", "email_taken", "password_short", "paused",
    # A mistake of ours: the unit of work is undone and the error page names the request.
    "balance_out_of_range", "reference_reused", "reversal_of_reversal", "source_reused",
}  # fmt: skip


def sources() -> Iterator[ast.AST]:
    for room in ("receivables", "portal", "models", "gateways"):
        for path in sorted((ROOT / room).rglob("*.py")):
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def raised() -> set[str]:
    """The codes of `Refused("code", …)`, also of one chosen between two."""
    found: set[str] = set()
    for node in sources():
        if isinstance(node, ast.Call) and node.args:
            code = node.args[0]
            if ast.unparse(node.func).rpartition(".")[2] in ("Refused", "TooManyTries"):
                chosen = (code.body, code.orelse) if isinstance(code, ast.IfExp) else (code,)
                found |= {part.value for part in chosen if isinstance(part, ast.Constant)}
    return found


def rows() -> list[tuple[set[str], bool]]:
    """The rows of the portal's table in their order: codes, and whether for one place only."""
    tree = Environment(autoescape=True, extensions=["jinja2.ext.i18n"]).parse(TABLE.read_text("utf-8"))
    (sentence,) = (macro for macro in tree.find_all(nodes.Macro) if macro.name == "sentence")
    (table,) = (node for node in sentence.body if isinstance(node, nodes.If))
    found = []
    for row in (table, *table.elif_):
        compared = [row.test, *row.test.find_all(nodes.Compare)]
        named = {c.expr.name: c for c in compared if isinstance(c, nodes.Compare)}  # type: ignore[attr-defined]
        if "code" in named:
            found.append(({c.value for c in named["code"].find_all(nodes.Const)}, "on" in named))
    return found


def worded() -> set[str]:
    return set().union(*(codes for codes, _ in rows()))


def test_each_refusal_has_a_sentence() -> None:
    """house.md, Errors: nobody meets a code; he reads what is wrong and what he can do."""
    assert "amount_above_balance" in raised() & worded()
    assert raised() - worded() - set(REFUSALS) - ELSEWHERE == set()
    assert ELSEWHERE - raised() == set()


def test_no_sentence_is_left_over() -> None:
    """Each row's code can still be met: somebody writes it, or builds it from a field's name."""
    written = {node.value for node in sources() if isinstance(node, ast.Constant)}
    built = {"bank_too_long", "number_too_long"}
    assert worded() - written - built == set()


def test_no_row_hides_another() -> None:
    """The row of one place stands above the row for all others, and each row is reached."""
    told: set[str] = set()
    for codes, only_somewhere in rows():
        assert not codes & told
        if not only_somewhere:
            told |= codes
