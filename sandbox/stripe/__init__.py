"""The Stripe stand-in: `python -m sandbox.stripe`; it never imports the `stripe` package it is named after."""
