"""Judges of the tests: they share no code with what they judge."""
