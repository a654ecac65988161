"""The voice of the answer."""
