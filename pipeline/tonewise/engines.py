"""The engines that all calls share: loaded once, from the settings, by their names."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from tonewise import plugins
from tonewise.config import Config
from tonewise.default_models import Attempts, Model
from tonewise.errors import ConfigError
from tonewise.experience import Experience
from tonewise.llm.breaker import Breaker
from tonewise.llm.dispatch import Target
from tonewise.settings import Router, Shadow
from tonewise.spare import Spare
from tonewise.stages import (
    AcousticEngine,
    Candidate,
    EndpointEngine,
    Policy,
    SttEngine,
    TtsEngine,
    VadEngine,
)

DEFAULT_ROUTER = "default"
"""What `[router]` is called among the routers."""


@dataclass(frozen=True, slots=True)
class Engines:
    """One implementation of every stage, and the threads that compute for all calls."""

    config: Config
    vad: VadEngine
    stt: SttEngine
    acoustic: AcousticEngine
    endpoint: EndpointEngine
    policy: Policy
    targets: dict[str, Target]
    candidates: tuple[Candidate, ...]
    workers: ThreadPoolExecutor
    shadow: Policy | None = None
    tts: TtsEngine | None = None
    routers: dict[str, Policy] = field(default_factory=dict)
    """By name, for requests that name one; `default` is `policy`."""
    experience: Experience | None = None
    """What was learnt of other calls; a replay has none, so that it is the same each time."""
    spare: Spare = field(default_factory=Spare)

    @property
    def names(self) -> dict[str, str]:
        """Which implementation serves each stage, for people and for the call's first event."""
        return {
            "vad": self.vad.name,
            "stt": self.stt.name,
            "acoustic": self.acoustic.name,
            "endpoint": self.endpoint.name,
            "routing": self.policy.name,
            "llm": ", ".join(self.targets),
            "tts": self.tts.name if self.tts else "none",
        }

    async def aclose(self) -> None:
        """Let go of connections and threads. A thread that still computes ends by itself."""
        self.workers.shutdown(wait=False, cancel_futures=True)
        self.spare.close()
        async with AsyncExitStack() as letting_go:  # one that breaks keeps no other from it
            for target in self.targets.values():
                letting_go.push_async_callback(target.engine.aclose)
            if self.tts:
                letting_go.push_async_callback(self.tts.aclose)


def load(config: Config, progress: Callable[[str], None] = lambda _: None) -> Engines:
    """Load what the settings name. Takes seconds: call it in a thread where others wait.

    Args:
        config: the settings.
        progress: told what is being loaded, a line at a time.

    Raises:
        PluginError: an engine, or a package that it needs, is missing.
        ConfigError: an engine does not know an option, or refuses its value.
    """
    progress(f"loading VAD {config.vad.use}")
    vad: VadEngine = plugins.load("vad", config.vad.use, config.vad.options)
    progress(f"loading STT {config.stt.use}")
    stt: SttEngine = plugins.load("stt", config.stt.use, config.stt.options)
    progress(f"loading voice cues {config.acoustic.use}")
    acoustic: AcousticEngine = plugins.load(
        "acoustic", config.acoustic.use, config.acoustic.options
    )
    progress(f"loading endpointing {config.endpoint.use}")
    endpoint: EndpointEngine = plugins.load(
        "endpoint", config.endpoint.use, config.endpoint.options
    )
    progress(f"loading voice {config.tts.use}")
    tts: TtsEngine | None = plugins.load("tts", config.tts.use, config.tts.options)
    progress(f"loading router {config.router.use}")
    policy = load_policy(config, config.router)
    shadow = load_policy(config, config.router.shadow) if config.router.shadow.use else None
    others = {name: load_policy(config, section) for name, section in config.routers.items()}
    if not config.models:
        raise ConfigError("no models: add a [[models]] entry")
    return Engines(
        config=config,
        vad=vad,
        stt=stt,
        acoustic=acoustic,
        endpoint=endpoint,
        tts=tts,
        policy=policy,
        shadow=shadow,
        routers={DEFAULT_ROUTER: policy, **others},
        targets={model.name: _target(model, config.attempts) for model in config.models},
        candidates=candidates(config),
        workers=ThreadPoolExecutor(config.stt.workers, thread_name_prefix="stage"),
    )


def _target(model: Model, attempts: Attempts) -> Target:
    return Target(
        name=model.name,
        engine=plugins.load("llm", model.use, model.options),
        first_token_s=model.first_token,
        stall_s=model.stall,
        total_s=model.total,
        cold_first_token_s=model.cold_first_token,
        hedge_after_s=model.hedge_after,
        prefill=model.prefill,
        facts=model,
        breaker=Breaker(attempts.faults, attempts.cooldown),
    )


def load_policy(config: Config, section: Router | Shadow) -> Policy:
    """A policy, given the rules and routes where it reads any.

    Raises:
        PluginError: there is no such policy, or a package that it needs is missing.
        ConfigError: an option or a rule is wrong.
    """
    accepted = plugins.accepted_options("routing", section.use)
    read = {"rules": config.rules, "routes": config.routes}
    given = {key: value for key, value in read.items() if value and key in accepted}
    policy: Policy = plugins.load("routing", section.use, given | section.options)
    return policy


def candidates(config: Config) -> tuple[Candidate, ...]:
    """The models that a policy chooses from."""
    return tuple(Candidate(model.name, model.route, model) for model in config.models)
