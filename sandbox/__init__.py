"""Local stand-ins for the services outside, each a process of its own; they import nothing of ours."""
