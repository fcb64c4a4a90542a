"""Letters on paper: queued with their content fixed, printed in batches, posted, and what they allow."""
