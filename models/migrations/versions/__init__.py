"""One file a step, numbered; each works with the code that is already running."""
