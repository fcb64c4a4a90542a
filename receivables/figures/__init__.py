"""Figures out of the books: settlements, the days that a dashboard reads, and its formulas."""
