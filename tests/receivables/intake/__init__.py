"""Tests of receivables/intake."""
