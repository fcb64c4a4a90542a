"""What every list of the books is: Flask-Admin, read only, behind a permission, in our look.

Of Flask-Admin's routes only the list and the details are registered; its templates, scripts and
styles are not used. Creating, editing, deleting, bulk acts and exports have no address at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from flask import Flask, Response, g, request
from flask_admin import Admin, AdminIndexView
from flask_admin.base import expose
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import BaseForm
from sqlalchemy import select

import web
from admin.shell import note_read, page
from models.accounts import Account, Contact
from models.base import Base
from models.invoices import Invoice
from models.staff import Staff
from receivables.errors import NotFound
from receivables.own_accounts import of_theirs
from receivables.permissions import Permission

#: Rows on one page; there is no count, so the last page is the one that is not full.
PAGE = 50
#: Deepest page: beyond it people filter, and databases are spared.
LAST_PAGE = 2000
#: Kind of row -> its id, ref and name.
_NAMED: dict[str, tuple[Any, Any, Any]] = {
    "account": (Account.id, Account.ref, Account.name),
    "invoice": (Invoice.id, Invoice.ref, Invoice.number),
    "contact": (Contact.id, Contact.ref, Contact.name),
    "staff": (Staff.id, Staff.ref, Staff.name),
}


class ReadOnlyView(ModelView):  # type: ignore[misc]
    """A list and a details page that can't change anything.

    Subclasses say `permission`, `title`, `why`, columns, and which columns name other rows.
    """

    permission: Permission
    #: Heading and the sentence under it, marked for translation.
    title: str
    why: str
    #: column -> kind of row it names, for the names of one page in one statement a kind.
    mentions: dict[str, str] = {}
    #: columns that are amounts or counts and stand at the right.
    numeric: frozenset[str] = frozenset()

    can_create = can_edit = can_delete = can_export = False
    can_view_details = True
    can_set_page_size = False
    action_disallowed_list = ("delete",)
    column_display_actions = False
    simple_list_pager = True
    page_size = PAGE
    column_default_sort = ("id", True)
    list_template = "admin/model/list.html"
    details_template = "admin/model/details.html"

    def create_blueprint(self, admin: Admin) -> Any:
        """Register the list and the details page only."""
        kept, mine = ("index_view", "details_view"), cast(Any, self)
        mine._urls = [rule for rule in mine._urls if rule[1] in kept]
        return super().create_blueprint(admin)

    def is_accessible(self) -> bool:
        return web.staff_may(self.permission)

    def _run_view(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the view once: Flask-Admin would run it again after any TypeError, hiding the first."""
        return fn(self, *args, **kwargs)

    def render(self, template: str, **kwargs: Any) -> Response:
        """Render in our frame, not in Flask-Admin's."""
        kwargs.pop("page", None)  # the page's number; our frame says `page` to itself
        note_read(getattr(kwargs.get("model"), "account_id", None))
        return page(template, here=f"{self.endpoint}.index_view", admin_view=self,
                    page_number=self._page(), asked=self._asked(), **kwargs)  # fmt: skip

    # ------------------------------------------------------------------ reading

    def get_query(self) -> Any:
        """What may be listed; `get_one` goes the same way. A salesperson lists his own accounts (L-15)."""
        query = self.session.query(self.model)
        account_id = self.model.id if self.model is Account else getattr(self.model, "account_id", None)
        return query if account_id is None else query.filter(of_theirs(web.staff_actor(), account_id))

    def get_one(self, id: str) -> Any:
        """Return one row of what may be listed.

        Raises:
            NotFound: no such row, or no id at all.
        """
        number = int(id) if id.isascii() and id.isdigit() and len(id) < 19 else None
        row = self.get_query().filter(self.model.id == number).first() if number else None
        if row is None:
            raise NotFound("not_found")
        self._name_rows([row])
        return row

    def get_list(self, *args: Any, **kwargs: Any) -> Any:
        count, rows = super().get_list(*args, **kwargs)
        self._name_rows(rows)
        return count, rows

    def _name_rows(self, rows: Sequence[Base]) -> None:
        """Load what the cells of these rows need beyond the rows; one statement a kind."""
        wanted: dict[str, set[int]] = {}
        for column, kind in self.mentions.items():
            wanted.setdefault(kind, set()).update(
                i for row in rows if (i := getattr(row, column)) is not None
            )
        g.book_names = {}
        for kind, ids in wanted.items():
            key, ref, name = _NAMED[kind]
            found = self.session.execute(select(key, ref, name).where(key.in_(ids))) if ids else ()
            g.book_names[kind] = {r[0]: (r[1], r[2]) for r in found}

    def scaffold_form(self) -> type[BaseForm]:
        """Make no form of the model: nothing here takes input."""
        return cast(type[BaseForm], BaseForm)

    # ------------------------------------------------------------------ the address

    def _page(self) -> int:
        return max(0, min(request.args.get("page", 0, type=int), LAST_PAGE))

    def _asked(self) -> dict[str, str]:
        """Filters of the address by their keys, unreadable ones left out."""
        typed = {f.key: request.args.get(f.key, "").replace("\x00", "").strip() for f in self._filters or ()}
        readers = {f.key: f.read for f in self._filters or ()}
        return {k: v for k, t in typed.items() if t and (v := readers[k](t)) is not None}

    def _get_list_extra_args(self) -> Any:
        args = super()._get_list_extra_args()
        search = (args.search or "").replace("\x00", "").strip()[:100]
        return args.clone(page=self._page(), search=search or None, extra_args={})

    def _get_list_filter_args(self) -> Any:
        asked = self._asked()
        return [(i, f.name, asked[f.key]) for i, f in enumerate(self._filters or ()) if f.key in asked]

    def _get_filters(self, filters: Any) -> dict[str, Any]:
        return {self._filters[i].key: value for i, _, value in filters or ()}

    def get_safe_page_size(self, page_size: int | None) -> int:
        return self.page_size


class Books(AdminIndexView):  # type: ignore[misc]
    """The start of the books: what each list is for. Serves none of Flask-Admin's own files."""

    def __init__(self) -> None:
        super().__init__(name="Books", endpoint="books", url=f"{web.DESK}/books")
        self.static_folder = None

    @expose()  # type: ignore[untyped-decorator]
    def index(self) -> Response:
        """The lists that the reader may open."""
        mine = [v for v in self.admin._views[1:] if web.staff_may(v.permission)]
        return page("admin/index.html", views=mine)


def guard(app: Flask, view: ReadOnlyView) -> None:
    """Put the same check in front of Flask-Admin's routes as in front of ours."""
    for name in ("index_view", "details_view"):
        endpoint = f"{view.endpoint}.{name}"
        app.view_functions[endpoint] = web.needs(view.permission)(app.view_functions[endpoint])
