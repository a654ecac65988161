"""Where records are kept: a journal that never makes anybody wait, and a database behind it."""
