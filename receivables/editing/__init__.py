"""Rules and texts in the making: what may be typed, what is wrong with it, what it changes, who publishes."""
