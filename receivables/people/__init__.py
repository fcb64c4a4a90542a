"""The people behind an account: contacts, their proofs, their sessions."""
