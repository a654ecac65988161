"""What is said on the wire, without a socket. One file per peer's message format."""
