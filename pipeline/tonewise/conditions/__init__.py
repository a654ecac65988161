"""When is a condition true? The languages that rules may be written in."""
