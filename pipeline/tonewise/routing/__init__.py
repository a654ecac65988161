"""Who should answer? One file per policy, and the pure scores they share."""
