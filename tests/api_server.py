"""Our HTTP interfaces on a real port, with a real store, before models that tests bring along."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.applications import Starlette

from on_a_port import on_a_port
from tonewise import engines
from tonewise.api import chat, models
from tonewise.api.answering import Answering
from tonewise.api.clients import Clients
from tonewise.config import Config
from tonewise.default_models import Model
from tonewise.engines import Engines
from tonewise.experience import Experience
from tonewise.pseudonyms import pseudonyms
from tonewise.records import AnyRecord
from tonewise.store.keeper import open_store


@dataclass
class ApiServer:
    """What tests see of it."""

    url: str
    config: Config
    engines: Engines
    answering: Answering
    records: list[AnyRecord] = field(default_factory=list)

    def of(self, kind: type) -> list[Any]:
        return [record for record in self.records if type(record) is kind]


def loaded(config: Config) -> Engines:
    """The engines that requests need: models and routers, no ears and no mouth."""
    policy = engines.load_policy(config, config.router)
    others = {name: engines.load_policy(config, each) for name, each in config.routers.items()}
    return Engines(
        config=config,
        vad=None,
        stt=None,
        acoustic=None,
        endpoint=None,
        policy=policy,
        routers={"default": policy, **others},
        targets={m.name: engines._target(m, config.attempts) for m in config.models},
        candidates=engines.candidates(config),
        workers=ThreadPoolExecutor(1),
    )


def chat_model(name: str, url: str, **more: Any) -> Model:
    options = {"model": f"{name}-upstream", "base_url": f"{url}/v1", "api_key_env": ""}
    options |= more.pop("options", {})
    return Model(name, options=options, **more)


def claude_model(name: str, url: str, **more: Any) -> Model:
    options = {"model": f"{name}-upstream", "base_url": url, "api_key_env": ""}
    options |= more.pop("options", {})
    return Model(name, use="anthropic", options=options, **more)


def scripted_model(name: str, *replies: str, **more: Any) -> Model:
    options = {"replies": list(replies) or ["All right."]} | more.pop("options", {})
    return Model(name, use="scripted", options=options, **more)


@asynccontextmanager
async def api_server(
    *named: Model,
    routes: Callable[[], list[Any]] | None = None,
    tables: dict[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[ApiServer]:
    """A server whose settings are the defaults but for these models and tables.

    Args:
        named: the models.
        routes: more addresses.
        tables: of the settings, where a name is taken here.
        settings: other tables.
    """
    environ = settings.pop("environ", {})
    config = msgspec.structs.replace(Config(), models=named, **settings, **(tables or {}))
    known = loaded(config)
    store = open_store(config.store, environ)
    told: list[AnyRecord] = []
    clients = Clients(config, environ, store)
    listeners = (told.append, clients.note)
    experience = Experience(
        store, known.candidates, config.profile, config.learning, clients.budget, listeners
    )
    answering = Answering(known, experience, pseudonyms(b"key of the tests"))
    app = Starlette(routes=[*chat.routes(), *models.routes(), *(routes() if routes else ())])
    app.state.answering, app.state.clients = answering, clients
    try:
        async with on_a_port(app) as url:
            yield ApiServer(url, config, known, answering, told)
    finally:
        await answering.aclose()
        await known.aclose()
        await asyncio.to_thread(store.close)


os.environ.setdefault("NO_PROXY", "127.0.0.1")
