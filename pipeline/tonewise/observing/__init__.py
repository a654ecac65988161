"""What monitoring sees: figures for Prometheus, traces for OpenTelemetry."""
