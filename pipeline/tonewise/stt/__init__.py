"""What was said? One file per engine."""
