"""Is this speech? One file per engine."""
