"""Tests of receivables/payments."""
