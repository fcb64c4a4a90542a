"""Figures, each against a sum done by hand."""
