"""The ladder: rungs as data, each once, on its day, and never ahead of the right to contact."""
