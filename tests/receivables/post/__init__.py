"""Letters on paper: queued, printed, posted, and what they allow."""
