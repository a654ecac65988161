"""The engines that all calls share: loaded once, from the settings, by their names."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tonewise import plugins
from tonewise.config import Config
from tonewise.errors import ConfigError
from tonewise.llm.dispatch import Target
from tonewise.stages import AcousticEngine, Candidate, Policy, SttEngine, VadEngine


@dataclass(frozen=True, slots=True)
class Engines:
    """One implementation of every stage, and the threads that compute for all calls."""

    config: Config
    vad: VadEngine
    stt: SttEngine
    acoustic: AcousticEngine
    policy: Policy
    targets: dict[str, Target]
    candidates: tuple[Candidate, ...]
    workers: ThreadPoolExecutor

    @property
    def names(self) -> dict[str, str]:
        """Which implementation serves each stage, for people and for the call's first event."""
        return {
            "vad": self.vad.name,
            "stt": self.stt.name,
            "acoustic": self.acoustic.name,
            "routing": self.policy.name,
            "llm": ", ".join(self.targets),
        }

    async def aclose(self) -> None:
        """Let go of connections and threads. A thread that still computes ends by itself."""
        for target in self.targets.values():
            await target.engine.aclose()
        self.workers.shutdown(wait=False, cancel_futures=True)


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
    policy: Policy = plugins.load("routing", config.router.use, config.router.options)
    if not config.models:
        raise ConfigError("no models: add a [[models]] entry")
    return Engines(
        config=config,
        vad=vad,
        stt=stt,
        acoustic=acoustic,
        policy=policy,
        targets={
            model.name: Target(
                name=model.name,
                engine=plugins.load("llm", model.use, model.options),
                first_token_s=model.first_token,
                stall_s=model.stall,
                total_s=model.total,
            )
            for model in config.models
        },
        candidates=tuple(Candidate(model.name, model.route) for model in config.models),
        workers=ThreadPoolExecutor(config.stt.workers, thread_name_prefix="stage"),
    )
