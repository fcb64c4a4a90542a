"""Tests of receivables/answers."""
