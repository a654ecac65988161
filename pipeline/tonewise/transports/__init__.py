"""Where bytes come from: sockets and recordings. One file per transport."""
