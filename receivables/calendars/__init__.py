"""Days on which people work, corrected by hand, and the feed of somebody's tasks."""
