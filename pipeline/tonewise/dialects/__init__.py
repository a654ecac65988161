"""The formats of the HTTP interfaces, each to chat completions and back. Pure: no socket."""
