"""Tests of receivables/contact."""
