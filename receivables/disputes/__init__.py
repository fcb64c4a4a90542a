"""Disputes: opened, talked about, ended."""
