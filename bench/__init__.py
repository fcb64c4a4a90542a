"""Repeatable measurements, each a command that prints a table. Timings never stand in tests."""
