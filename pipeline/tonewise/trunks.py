"""Who brings telephone calls, and what has to be true before any is taken.

A trunk is a wire that is switched on: its provider, the secret that signatures are checked with,
and a tally of what became of its calls. Nothing is taken on trust: without a secret, or without the
URL that signatures are made over, the server does not start.
"""

import ipaddress
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tonewise import plugins
from tonewise.config import Config
from tonewise.errors import ConfigError, PluginError
from tonewise.posting import check_url
from tonewise.settings import Telephony
from tonewise.wire.origin import is_loopback
from tonewise.wire.telephone import Provider, Ringing

TCP = "audiosocket"
"""The wire that is no WebSocket."""


@dataclass(frozen=True, slots=True)
class Trunk:
    """One wire that is switched on.

    Attributes:
        secret: what signatures are checked with; empty only where nothing is checked.
        api_secret: for requests to the provider's API.
        tally: what became of its calls, for /healthz.
    """

    provider: Provider
    secret: str
    api_secret: str
    tally: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """The wire's."""
        return self.provider.name


def load(config: Config, environ: Mapping[str, str], *, insecure: bool) -> dict[str, Trunk]:
    """The trunks of the settings, by name.

    Args:
        config: the settings.
        environ: where secrets are looked for.
        insecure: nothing is checked; for trying out on one's own machine.

    Raises:
        ConfigError: it would not be safe to answer, or an option is wrong.
        PluginError: there is no such wire, or a package that it needs is missing.
    """
    settings = config.telephony
    if insecure and not is_loopback(config.server.host):
        raise ConfigError("--insecure is for this machine alone: take host 127.0.0.1")
    for name in settings.wires:
        if why := plugins.missing("wire", name):
            raise PluginError(f"telephony.wires: {why}")
    _check(settings, insecure=insecure)
    names = {**settings.wires, **({TCP: {}} if settings.audiosocket else {})}
    trunks = {}
    for name, options in names.items():
        given = settings.wires.get(name, options)
        trunks[name] = _trunk(plugins.load("wire", name, given), environ, insecure=insecure)
        if settings.transfer_marker and not settings.transfer_to and has_api(trunks[name]):
            raise ConfigError("telephony.transfer_to: write whom callers are handed over to")
    return trunks


def has_api(trunk: Trunk) -> bool:
    """Is a running call handed over by the provider's API? Else its own flow goes on."""
    return trunk.provider.end(Ringing("any")) is not None


def _trunk(provider: Provider, environ: Mapping[str, str], *, insecure: bool) -> Trunk:
    secret = environ.get(provider.secret_env, "") if provider.secret_env else ""
    if provider.secret_env and not secret and not insecure:
        msg = (
            f"telephony.wires.{provider.name}: put what its calls are signed with into the variable"
            f" {provider.secret_env}; 'tonewise serve --insecure' takes unsigned calls, from this "
            "machine only"
        )
        raise ConfigError(msg)
    own = environ.get(f"{provider.name.upper()}_API_TOKEN")
    return Trunk(provider, secret, own or secret)


def _check(settings: Telephony, *, insecure: bool) -> None:
    web = [name for name in settings.wires if name != TCP]
    if web and not insecure and not settings.public_url.startswith("https://"):
        msg = (
            "telephony.public_url: write how providers reach this server, as in "
            "'https://voice.example.org': signatures are made over it"
        )
        raise ConfigError(msg)
    if TCP in settings.wires and not settings.audiosocket:
        raise ConfigError("telephony.audiosocket: write where it listens, as in '127.0.0.1:9092'")
    if settings.audiosocket:
        tcp_place(settings)
    networks(settings)
    if settings.summary_url:
        check_url(settings.summary_url, private=settings.summary_private)


def tcp_place(settings: Telephony) -> tuple[str, int]:
    """Host and port of AudioSocket.

    Raises:
        ConfigError: there is none, or the open internet reaches it: AudioSocket signs nothing.
    """
    host, _, port = settings.audiosocket.rpartition(":")
    host = host.strip("[]")
    if not (port.isdigit() and int(port) < 65_536):
        raise ConfigError("telephony.audiosocket: write host and port, as in '127.0.0.1:9092'")
    if not is_loopback(host):
        try:
            private = ipaddress.ip_address(host).is_private and int(ipaddress.ip_address(host)) > 0
        except ValueError:
            private = False
        if not private:
            msg = "nothing is signed there: write a private address of this machine"
            raise ConfigError(f"telephony.audiosocket: {msg}")
    return host, int(port)


Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


def networks(settings: Telephony) -> Networks:
    """From where wires may connect.

    Raises:
        ConfigError: one is no network.
    """
    found: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
    for written in settings.addresses:
        try:
            found.append(ipaddress.ip_network(written))
        except ValueError as error:
            raise ConfigError(f"telephony.addresses: {error}; write '10.0.0.0/8'") from error
    return tuple(found)


def is_from(address: str, welcome: Networks) -> bool:
    """Is an address in one of the networks?"""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return any(ip in network for network in welcome)
