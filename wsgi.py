"""What a WSGI server loads; its logs are masked before the first request (L-12)."""

import logs
from app import create_app

logs.configure()
app = create_app()
