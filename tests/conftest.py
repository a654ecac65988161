"""What holds for every test: hypothesis times no example, since a busy machine is no defect."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "any machine",
    settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, *settings.default.suppress_health_check],
)
settings.load_profile("any machine")
