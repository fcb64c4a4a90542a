"""What a WSGI server loads; its logs are masked before the first request (L-12)."""

import gc

import logs
from app import create_app

logs.configure()
app = create_app()
# What is loaded now stays: collecting it again and again would stop requests for tens of milliseconds,
# and would copy the pages that workers share after the fork.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 100)
