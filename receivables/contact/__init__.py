"""Whether we may write, what we write, and what people said about it."""
