"""Tests of receivables/desk."""
