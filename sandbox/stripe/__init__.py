"""The Stripe stand-in: `python -m sandbox.stripe`; it never imports the package of that name."""
