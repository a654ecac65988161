"""What is kept of a call: a folder with its sound, its events, and what made it."""
