"""The mailbox stand-in: an SMTP and an SMS sink on this machine, one SQLite file, and a page to read it."""
