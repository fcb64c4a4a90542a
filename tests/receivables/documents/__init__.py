"""Documents: what stands in each."""
