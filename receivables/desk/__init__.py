"""What staff see and do at the desk, and who they are."""
