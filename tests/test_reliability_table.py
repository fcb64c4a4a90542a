"""docs/reliability.md names a test for each fault, invariant and bug; each of them exists (issue E)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`((?:tests|checker)/[\w/]+\.py)(?:::(\w+))?`", TEXT)
#: Ids that the issue asks for.
FAULTS = [*range(1, 28), 29]
INVARIANTS = [*range(1, 15), 16]


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED)))
def test_what_is_named_exists(path: str, name: str) -> None:
    """A renamed or removed test is missed here before anybody trusts the table."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert not name or name in functions
    assert name or functions or path.endswith("corruptions.py")


@pytest.mark.parametrize(
    ("mark", "numbers"), [("FT-{:02}", FAULTS), ("INV-{}", INVARIANTS), ("B{}", range(1, 21))]
)
def test_every_id_has_its_row(mark: str, numbers: list[int]) -> None:
    """Each id has a row of its own, and the row names a test."""
    rows = {line.split("|")[1].strip(): line for line in TEXT.splitlines() if line.startswith("| ")}
    missing = [mark.format(n) for n in numbers if "tests/" not in rows.get(mark.format(n), "")]
    assert missing == []


def test_each_fault_test_cites_its_fault() -> None:
    """The file of a fault says in its docstring which one, and which invariants must hold."""
    for path in sorted((ROOT / "tests" / "faults").glob("test_ft*.py")):
        number = path.name[7:9]
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert f"FT-{number}" in said, path.name
        assert "INV-" in said or number in ("18", "19", "23", "27"), path.name  # of the ladder's own issue
