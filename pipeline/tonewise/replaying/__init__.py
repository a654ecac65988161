"""Recorded calls as tests: replayed, expected, compared, reported."""
