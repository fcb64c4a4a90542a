"""Flask put together: blueprints, log-in, CSRF, headers, cookies, error map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, g
from flask_babel import Babel
from flask_compress import Compress
from flask_login import LoginManager
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from whitenoise import WhiteNoise

import presentation
import web
from admin import desk
from assembly import House, assemble
from config import Settings
from portal import (
    branch_papers,
    branches,
    brand,
    callbacks,
    cards,
    codes,
    credit,
    disputes,
    documents,
    handed_over,
    holds,
    invoices,
    links,
    offers,
    overview,
    pay,
    people,
    plans,
    preferences,
    promises,
    requests,
    returns,
    sms_inbound,
    staff_views,
    stopping,
    surveys,
    ways,
    webhooks,
)

ROOT = Path(__file__).parent
PORTAL_ROOMS = (
    links, codes, people, overview, invoices, pay, offers, returns, preferences, brand, webhooks,
    handed_over, holds, credit, surveys, ways, branches, branch_papers, disputes, documents, plans, cards,
    stopping, promises, requests, callbacks, sms_inbound, staff_views,
)  # fmt: skip
A_YEAR = 365 * 24 * 3600


def create_app(settings: Settings | None = None, *, house: House | None = None, **config: Any) -> Flask:
    """Build the application.

    Args:
        settings: read from the environment when None.
        house: parts put together already (tests, jobs).
        config: Flask's own configuration, for tests (CLOCK).
    Raises:
        SettingsError: names every setting that is wrong.
    """
    built = house or assemble(settings or Settings.load())
    settings = built.settings
    built.store.assert_pragmas()
    app = Flask("amicable", root_path=str(ROOT), template_folder="templates", static_folder=None)
    app.config.update(
        SECRET_KEY=settings.SECRET_KEY,
        DEBUG=settings.AMICABLE_DEBUG,
        # Our pages send no referrer, so it can't be asked for; cross-site posts are refused in web.py.
        WTF_CSRF_SSL_STRICT=False,
        WTF_CSRF_TIME_LIMIT=None,
        BABEL_TRANSLATION_DIRECTORIES=str(ROOT / "translations"),
        # Text only: what we make as PDF, XLSX or picture is compressed already. Static files are
        # compressed once, by `make static`.
        COMPRESS_MIMETYPES=["text/html", "text/csv", "text/calendar"],
        COMPRESS_ALGORITHM=["br", "gzip"],
        **config,
    )
    app.extensions["amicable"] = built
    app.session_interface = web.TwoCookies(settings.SECRET_KEY, secure=settings.secure_cookies)
    if settings.AMICABLE_TRUSTED_PROXIES:
        hops = settings.AMICABLE_TRUSTED_PROXIES
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    Babel(app, locale_selector=lambda: presentation.LOCALES[g.get("language") or "en"])
    presentation.install(app.jinja_env)
    # Before CSRFProtect, which reads the form: the size of a body is limited first.
    web.protect(
        app,
        checkout_origins=web.checkout_origins(settings),
        https=settings.base_url.startswith("https://"),
    )
    Compress(app)
    csrf = CSRFProtect(app)
    login = LoginManager(app)
    login.session_protection = None  # our own session rows end a session
    login.user_loader(web.load_staff)
    for room in PORTAL_ROOMS:
        app.register_blueprint(room.blueprint)
    csrf.exempt(webhooks.blueprint)
    csrf.exempt(sms_inbound.blueprint)
    for endpoint in app.view_functions:
        if endpoint.endswith(web.ONE_CLICK):
            csrf.exempt(app.view_functions[endpoint])
    desk.install(app, built.store)
    static = WhiteNoise(app.wsgi_app, max_age=A_YEAR)
    static.add_files(str(ROOT / "portal" / "static"), prefix="static/")
    static.add_files(str(ROOT / "admin" / "static"), prefix="desk-static/")
    app.wsgi_app = static  # type: ignore[method-assign]
    return app
