"""How was it said? One file per engine, and the pure measures they share."""
