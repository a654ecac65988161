"""The telephone's side of a call, for trying out, for tests, and for load: `tonewise call`."""
