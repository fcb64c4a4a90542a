"""The house holds: stairs one way, one writer for each thing that matters, nothing left unworded.

Read from the source by its syntax tree, so that a line in the wrong room fails here before anybody
reads it (house.md, "Stairs go one way" and "Conventions").
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import presentation
from admin import words
from app import create_app
from config import Settings
from models.states import MOVES, InboxStatus, InvoiceStatus
from receivables import audit
from receivables.permissions import GRANTS, SCOPE_GRANTS, Permission

ROOT = Path(__file__).resolve().parent.parent
#: Folders and root modules of ours; tests and bench stand outside the house and may use all of it.
ROOMS = {
    "models", "receivables", "gateways", "portal", "admin", "api", "jobs", "sandbox", "checker",
    "app", "wsgi", "assembly", "config", "logs", "web", "presentation",
}  # fmt: skip
#: Room or file -> what of ours it may import. A file named here is bound by its own line, not its room's.
STAIRS: dict[str, set[str]] = {
    "wsgi": {"app", "logs"},
    "app": {"assembly", "portal", "admin", "api", "web", "config", "presentation", "logs"},
    "assembly": {
        "gateways",
        "presentation",
        "models",
        "receivables.ports",
        "receivables.documents.data",
        "receivables.intake.rows",
        "config",
    },
    "config": set(),
    "logs": set(),
    "web": {"receivables", "models", "presentation"},
    "presentation": {
        "presentation",
        "models.money",
        "models.states",
        "receivables.documents.data",
        "receivables.ports",
    },
    "models": {"models"},
    "receivables": {"receivables", "models"},
    "gateways": {
        "receivables.ports",
        "models.money",
        "gateways.spreadsheets",
        "gateways.stripe",
        "gateways.bounces",
        "gateways.mime",
    },
    "portal": {"portal", "receivables", "models", "web"},
    "admin": {"admin", "receivables", "models", "web"},
    "api": {"api", "receivables", "models", "web"},
    "jobs": {"jobs", "receivables", "models"},
    "jobs.commands": {"assembly", "config", "logs", "jobs", "receivables", "models"},
    "jobs.demo": {"assembly", "config", "jobs", "receivables", "models"},
    "sandbox": {"sandbox"},
    "checker": {"checker"},
}
#: Package of the rules -> the other packages that it may import; the rules' single modules are the ground.
#: Payments and arrangements need each other (a plan is paid, a payment keeps a card): there the modules
#: go one way, and test_no_import_loop holds them.
PACKAGES: dict[str, set[str]] = {
    "calendars": set(),
    "contact": set(),
    "editing": {"arrangements", "contact"},
    "approvals": {"arrangements", "costs", "desk", "disputes", "editing"},
    "costs": set(),
    "intake": set(),
    "desk": {"contact"},
    "segments": {"contact"},
    "writing": {"contact"},
    "worklist": {"contact", "desk"},
    "people": {"contact", "intake"},
    "payments": {"contact", "arrangements", "reversals"},
    "reversals": {"contact", "payments"},
    "arrangements": {"contact", "payments"},
    "answers": {"contact", "payments", "arrangements"},
    "disputes": {"contact", "payments", "arrangements"},
    "documents": {"arrangements"},
    "talks": {"answers", "arrangements", "contact", "desk", "disputes"},
    "lessons": set(),
    "post": {"contact", "documents"},
    "handovers": {"contact", "documents", "payments", "post", "reversals"},
    "figures": {"arrangements"},
    "reconciling": {"payments", "reversals"},
    "ladder": {"contact", "costs", "handovers", "post", "segments"},
}
#: Single modules of the rules that stand above the packages they name; all others stand below all of them.
ABOVE: dict[str, set[str]] = {
    "arrivals": {"contact"},
    "branch_notices": {"contact", "payments"},
    "consequences": {"arrangements", "disputes", "handovers", "ladder"},
    "credit_hold_facts": {"contact", "segments"},
    "credit_holds": {"contact", "segments"},
    "credit_notes": {"arrangements", "payments"},
    "credits": {"arrangements", "payments"},
    "early_payment": {"arrangements", "payments"},
    "flags": {"payments"},
    "refunds": {"contact", "reversals"},
    "small_differences": {"arrangements", "payments"},
    "text_samples": {"contact"},
    "letters": {
        "answers",
        "arrangements",
        "contact",
        "disputes",
        "ladder",
        "payments",
        "people",
        "reversals",
        "writing",
    },
    "write_offs": {"arrangements", "payments"},
}
#: Outside packages that only the named places may import.
GUARDED = {
    "stripe": {"gateways/stripe/", "tests/conformance/", "tests/stripe_smoke.py"},
    "imaplib": {"gateways/mailbox.py"},
    "smtplib": {"gateways/mail.py", "sandbox/", "tests/"},
    "flask": {"app.py", "web.py", "portal/", "admin/", "api/", "sandbox/", "tests/", "bench/"},
    "flask_admin": {"admin/", "tests/"},
}
#: Files in which an amount may stand: no float there, not even for a moment.
MONEY_FILES = (
    "models/", "receivables/", "gateways/stripe/", "portal/pay.py", "portal/forms.py",
)  # fmt: skip
#: Who may look at the clock: where a request or a job begins, and programs that stand apart.
CLOCKS = ("web.py", "jobs/", "sandbox/", "checker/__main__.py")
#: Who may read the environment; a child process of the demo gets ours.
ENVIRONMENT = ("config.py", "jobs/demo.py")


@cache
def sources() -> dict[str, ast.Module]:
    """Path from the root -> syntax tree, of every Python file of ours."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith((".", "var/")) and "/." not in name:
            found[name] = ast.parse(path.read_text(encoding="utf-8"), name)
    return found


def house() -> dict[str, ast.Module]:
    """The sources of the house itself, without tests and measurements."""
    return {name: tree for name, tree in sources().items() if not name.startswith(("tests/", "bench/"))}


def module_of(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every module that is imported, as far as the name says: "models.money" for one of its names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            for alias in node.names:
                yield f"{start}.{alias.name}", node.lineno


def is_in(path: str, places: tuple[str, ...] | set[str]) -> bool:
    return any(path == place or (place.endswith("/") and path.startswith(place)) for place in places)


def allowed(module: str, name: str) -> bool:
    rules = STAIRS.get(module, STAIRS.get(module.split(".")[0], set()))
    return any(name == rule or name.startswith(rule + ".") for rule in rules)


# --------------------------------------------------------------------------- stairs


def test_every_room_has_its_stairs() -> None:
    """A folder or root module that is added needs its line here and in house.md."""
    found = {name.split("/")[0].removesuffix(".py") for name in house()}
    assert found <= ROOMS
    assert found <= set(STAIRS)


def test_stairs_go_one_way() -> None:
    """house.md, "Never": each import of ours is one that its room may make."""
    wrong = [
        f"{path}:{line} imports {name}"
        for path, tree in house().items()
        for name, line in imports(tree)
        if name.split(".")[0] in ROOMS and not allowed(module_of(path), name)
    ]
    assert wrong == []


def test_packages_of_the_rules_go_one_way() -> None:
    """Decision 8 of docs/decisions: a package imports the packages below it, the ground imports none."""
    found = {path.split("/")[1] for path in house() if re.fullmatch(r"receivables/\w+/__init__\.py", path)}
    assert found == set(PACKAGES)
    wrong = []
    for path, tree in house().items():
        if not path.startswith("receivables/"):
            continue
        own = path.split("/")[1].removesuffix(".py")
        below = PACKAGES.get(own, ABOVE.get(own, set())) | {own}
        for name, line in imports(tree):
            package = name.split(".")[1] if name.startswith("receivables.") else own
            if package in PACKAGES and package not in below:
                wrong.append(f"{path}:{line} imports {name}")
    assert wrong == []


def test_imports_name_the_whole_way() -> None:
    """No relative import: the stairs could not be read from it."""
    wrong = [f"{p}:{line}" for p, tree in house().items() for n, line in imports(tree) if n.startswith(".")]
    assert wrong == []


def test_nobody_imports_the_application() -> None:
    """`app` and `wsgi` are the top of the stairs; tests stand above."""
    wrong = [
        f"{path}:{line}"
        for path, tree in house().items()
        for name, line in imports(tree)
        if name.split(".")[0] in ("app", "wsgi") and path != "wsgi.py"
    ]
    assert wrong == []


@pytest.mark.parametrize("package", GUARDED)
def test_outside_packages_stay_in_their_rooms(package: str) -> None:
    """`import stripe` in one package; no SMTP and no Flask in the rules."""
    wrong = [
        f"{path}:{line}"
        for path, tree in sources().items()
        for name, line in imports(tree)
        if name.split(".")[0] == package and not is_in(path, GUARDED[package])
    ]
    assert wrong == []


def test_no_import_loop() -> None:
    """house.md: no loop between our modules, also not one hidden inside functions."""
    known = {module_of(path): path for path in house()}
    graph: dict[str, set[str]] = {}
    for module, path in known.items():
        targets = set()
        for name, _ in imports(house()[path]):
            parent = name.rpartition(".")[0]
            targets |= {target for target in (name, parent) if target in known and target != module}
        graph[module] = targets
    # `from models import audit` names the package too; a package that imports its own parts is no loop.
    for package in [m for m, path in known.items() if path.endswith("__init__.py")]:
        for module in [m for m in graph if m.startswith(package + ".")]:
            graph[module].discard(package)
    done: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way[way.index(module) :], module))
        if module not in done:
            for target in sorted(graph[module]):
                walk(target, (*way, module))
            done.add(module)

    for module in sorted(graph):
        walk(module, ())


def test_no_import_inside_functions() -> None:
    """house.md: nothing dodges a loop; the tests' database server alone is started when it is needed."""
    wrong = [
        f"{path}:{inner.lineno}"
        for path, tree in house().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert wrong == []


# --------------------------------------------------------------------------- one writer for each thing


def assigned(tree: ast.AST, attribute: str) -> Iterator[int]:
    """Lines that write `something.attribute`, by =, +=, setattr or a bulk update."""
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            for part in ast.walk(target):
                if (
                    isinstance(part, ast.Attribute)
                    and part.attr == attribute
                    and isinstance(part.ctx, ast.Store)
                ):
                    yield part.lineno
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if (
                called == "setattr"
                and len(node.args) > 1
                and ast.unparse(node.args[1]).strip("'\"") == attribute
            ):
                yield node.lineno
            if called.endswith(".values") and "insert(" not in called:
                yield from (node.lineno for k in node.keywords if k.arg == attribute)


def test_only_the_table_of_moves_writes_a_status() -> None:
    """house.md: `.status =` only through models/states.py; stand-ins and reports have words of their own."""
    places = {path: list(assigned(tree, "status")) for path, tree in house().items()}
    apart = ("sandbox/", "checker/", "jobs/imports.py")
    ours = {path: lines for path, lines in places.items() if lines and not is_in(path, apart)}
    assert set(ours) == {"models/states.py"}, ours


def test_only_the_ledger_makes_postings() -> None:
    """house.md: `Posting(` and `insert(Posting…)` in one file; the table is defined beside."""
    wrong = [
        f"{path}:{node.lineno}"
        for path, tree in house().items()
        if path != "receivables/ledger.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            ast.unparse(node.func).rpartition(".")[2] in ("Posting", "LedgerEntry")
            or (
                ast.unparse(node.func).rpartition(".")[2] in ("insert", "update", "delete")
                and node.args
                and re.search(r"\b(Posting|LedgerEntry|_POSTING|_ENTRY)\b", ast.unparse(node.args[0]))
            )
        )
    ]
    assert wrong == []


def test_only_the_ledger_writes_balances() -> None:
    """Decision 15: `balance_minor` is a cache with one writer."""
    places = {path for path, tree in house().items() if list(assigned(tree, "balance_minor"))}
    assert places == {"receivables/ledger.py"}


def test_no_float_where_money_is() -> None:
    """M-01: no float call, no float literal, no Numeric or Float column."""
    wrong = []
    for path, tree in house().items():
        if not is_in(path, MONEY_FILES):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (
                "float", "Float", "Numeric", "REAL", "Double",
            ):  # fmt: skip
                wrong.append(f"{path}:{node.lineno} {ast.unparse(node.func)}")
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, float)
                and not waits(path, node.lineno)
            ):
                wrong.append(f"{path}:{node.lineno} {node.value}")
            if isinstance(node, ast.Name) and node.id == "float" and not annotates(path, node.lineno):
                wrong.append(f"{path}:{node.lineno} float")
    assert wrong == []


def line_of(path: str, number: int) -> str:
    return (ROOT / path).read_text(encoding="utf-8").splitlines()[number - 1]


def waits(path: str, number: int) -> bool:
    """Seconds are no money: a pause or a time-out may have a fraction."""
    return bool(re.search(r"sleep|timeout|seconds|_SECONDS|TIMEOUT", line_of(path, number)))


def annotates(path: str, number: int) -> bool:
    return bool(re.search(r"timeout|seconds", line_of(path, number)))


def test_the_clock_is_read_where_work_begins() -> None:
    """house.md, Time: `now` is an argument everywhere else."""
    wrong = [
        f"{path}:{node.lineno}"
        for path, tree in house().items()
        if not is_in(path, CLOCKS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func)
        in (
            "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time",
            "datetime.datetime.now", "datetime.date.today",
        )
    ]  # fmt: skip
    assert wrong == []


def test_the_environment_is_read_in_one_file() -> None:
    """Decision 29: config.py, and what the demo hands on to its children."""
    wrong = [
        f"{path}:{node.lineno}"
        for path, tree in house().items()
        if path not in ENVIRONMENT
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
        and ast.unparse(node) in ("os.environ", "os.getenv", "environ", "getenv", "os.putenv")
    ]
    assert wrong == []


# --------------------------------------------------------------------------- nothing left over or unworded


def strings(trees: dict[str, ast.Module]) -> set[str]:
    return {
        node.value
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_each_permission_is_granted_and_asked_for() -> None:
    """A-01: a permission that nobody holds, or that nothing asks for, is a mistake."""
    granted = set().union(*GRANTS.values(), *SCOPE_GRANTS.values())
    assert granted == set(Permission)
    used = {
        node.attr
        for path, tree in house().items()
        if path != "receivables/permissions.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("P", "Permission")
    }
    assert {p.name for p in Permission} - used == set()


def test_each_audit_code_is_recorded_and_worded() -> None:
    """house.md, Audit: no code without an act, no act without a word at the desk."""
    elsewhere = {p: t for p, t in house().items() if p.startswith(("receivables/", "jobs/", "portal/"))}
    said: set[str] = set()
    for path, tree in elsewhere.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "record":
                said |= strings({path: ast.Module([ast.Expr(a) for a in node.args], [])})
    assert {code for code in said if "." in code} == set(audit.CODES)
    assert set(words.AUDIT) == set(audit.CODES)


@pytest.mark.parametrize("kind", sorted(MOVES, key=lambda k: k.__name__), ids=lambda k: k.__name__)
def test_each_status_is_worded(kind: type) -> None:
    """Statuses that somebody reads have a word; jobs and imports are never shown by status."""
    if kind.__name__ in ("JobStatus", "ImportStatus"):
        shown = {path for path, tree in house().items() if path.startswith(("admin/", "portal/"))
                 and any(name.endswith(f".{kind.__name__}") for name, _ in imports(tree))}  # fmt: skip
        assert shown == set()
        return
    for status in kind:  # type: ignore[attr-defined]
        if kind is InboxStatus:
            assert words.INBOX[status.value]
        else:
            assert presentation.label(status, "en", staff=True)


def test_each_status_that_a_debtor_meets_is_worded_for_him() -> None:
    """He never meets a draft."""
    for status in [s for s in InvoiceStatus if s is not InvoiceStatus.DRAFT]:
        assert presentation.label(status, "en")


def test_each_alert_that_is_raised_is_worded() -> None:
    """INV-13: what needs a look says what it is and what to do."""
    raised = set()
    for path, tree in house().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith("_alert"):
                continue
            code = node.args[1] if len(node.args) > 1 else None
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                raised.add(code.value)
            elif code is not None and ast.unparse(node.func).endswith("raise_alert"):
                assert ast.unparse(code) == "code", f"{path}:{node.lineno}: an alert needs a plain code"
    assert raised
    assert raised - set(words.ALERTS) == set()
    assert set(words.ALERTS) == set(words.ADVICE)


def test_each_message_is_complete() -> None:
    """Decision 19: every kind in every language, with all its parts, and nothing beside."""
    folder = ROOT / "templates" / "messages"
    kinds = {p.name for p in folder.iterdir() if p.is_dir()} - {"blocks"}
    assert kinds == set(presentation.KINDS)
    for kind in kinds:
        assert {p.name for p in (folder / kind).iterdir()} == set(presentation.LANGUAGES), kind
        for language in presentation.LANGUAGES:
            files = {p.name for p in (folder / kind / language).iterdir()}
            assert {"subject.txt", "body.txt"} <= files <= {"subject.txt", "body.txt", "sms.txt"}, (
                kind,
                language,
            )
            assert files == {p.name for p in (folder / kind / "en").iterdir()}, (kind, language)
            assert all((folder / kind / language / name).read_text("utf-8").strip() for name in files)
        assert kind in words.MESSAGE_KINDS


def test_each_message_that_is_queued_exists() -> None:
    """A kind that is enqueued by name has its folder."""
    named = {
        keyword.value.value
        for path, tree in house().items()
        if path.startswith("receivables/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("enqueue")
        for keyword in node.keywords
        if keyword.arg == "kind" and isinstance(keyword.value, ast.Constant)
    }
    assert named
    assert named <= set(presentation.KINDS)


# --------------------------------------------------------------------------- routes, settings, folders


def test_each_route_says_who_owns_what_it_shows(tmp_path: Path) -> None:
    """L-15, A-01: link session, permission of the desk, or knowingly public; nothing in between."""
    settings = Settings.load(
        AMICABLE_ENV="test", SECRET_KEY="k" * 40, DATABASE_URL=f"sqlite:///{tmp_path / 'house.db'}",
        AMICABLE_DATA_DIR=tmp_path,
    )  # fmt: skip
    app = create_app(settings)
    allowed_marks = {"link", "public", "staff", *(p.value for p in Permission)}
    unmarked = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if getattr(app.view_functions[rule.endpoint], "owner_check", None) not in allowed_marks
    }
    app.extensions["amicable"].store.dispose()
    assert unmarked == set()


def test_each_setting_is_in_the_readme() -> None:
    """Decision 29: name by name, in the table of settings, and nothing that does not exist."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    cells = [line.split("|")[1] for line in lines if line.startswith("| `")]
    named = {name for cell in cells for name in re.findall(r"`([A-Z][A-Z_]+)`", cell)}
    settings = {name for name in Settings.model_fields if name.isupper()}
    assert settings - named == set()
    assert named - settings == set()
    for part in ("SECRET_KEY", "WEBHOOK_SECRET", "API_BASE"):
        assert any("AMICABLE_STRIPE_<NAME>_" in cell and part in cell for cell in cells)


def test_every_folder_of_tests_is_a_package() -> None:
    """house.md, traps 4: tests/models without tests/__init__.py would hide the real models."""
    folders = {p.parent for p in (ROOT / "tests").rglob("*.py") if "__pycache__" not in p.parts}
    assert [str(f) for f in sorted(folders) if not (f / "__init__.py").exists()] == []


def test_packages_have_no_logic_of_their_own() -> None:
    """house.md, Size: `__init__.py` is a sentence, and the names it hands on."""
    wrong = []
    for path, tree in sources().items():
        if not path.endswith("__init__.py"):
            continue
        for node in tree.body:
            sentence = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            names = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            if not (sentence or names or isinstance(node, ast.Import | ast.ImportFrom)):
                wrong.append(f"{path}:{node.lineno}")
    assert wrong == []
