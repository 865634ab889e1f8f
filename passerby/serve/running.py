"""One process, or several on one port, until told to stop."""

from __future__ import annotations

import socket
from functools import partial
from types import FrameType

import uvicorn

from passerby.process.reporting import say
from passerby.serve.application import application
from passerby.serve.guards.turns import Turns
from passerby.serve.keys import Keys
from passerby.serve.metrics import shared_counts
from passerby.serve.settings import Settings
from passerby.serve.state import state_folder
from passerby.serve.workers import run_workers

_GRACE = 5  # ticks of a tenth of a second in which a stopping server still says that it stops


class _Server(uvicorn.Server):
    """Told to stop, it finishes what it took and refuses the rest; told twice, it stops at once."""

    def __init__(self, config: uvicorn.Config, turns: Turns, serving: str) -> None:
        super().__init__(config)
        self._turns, self._ticks, self._serving = turns, 0, serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        if self.started and self.config.workers == 1:
            say(self._serving)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: stop taking requests."""
        if not self._turns.open:
            self.should_exit = self.force_exit = True
        self._turns.open = False

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether it is time to go."""
        if not self._turns.open:
            self._ticks += 1
            waited = self._ticks / 10 > (self.config.timeout_graceful_shutdown or 0)
            if waited or (self._ticks > _GRACE and not self._turns.running):
                self.should_exit = True
        return await super().on_tick(counter)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; then what was taken is finished.

    Raises:
        ValueError: An address that others reach, with neither keys nor a proxy; a gallery that
            cannot be opened.
        OSError: The port is taken.
    """
    require_guarded(settings)
    turns = Turns()
    config = uvicorn.Config(
        partial(application, settings, turns),
        factory=True,
        host=settings.host.strip("[]"),
        port=settings.port,
        workers=settings.workers,
        log_level="warning",
        access_log=False,  # addresses of requests name persons
        server_header=False,
        proxy_headers=settings.behind_proxy,
        timeout_graceful_shutdown=int(settings.limits.patience),
        timeout_keep_alive=15,
        backlog=2048,
    )
    bound = listening(config)
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    names = ", ".join(settings.galleries)
    server = _Server(config, turns, f"serving {names} at http://{shown}:{port} (Ctrl-C stops)")
    if settings.workers > 1:
        say(f"{settings.workers} workers begin to serve {names} at http://{shown}:{port}")
        with shared_counts():
            run_workers(settings.workers, partial(server.run, [bound]))
    else:
        server.run(sockets=[bound])
    say("stopped: what was taken is finished")


def listening(config: uvicorn.Config) -> socket.socket:
    """The socket of a server. Raises OSError where the port is taken."""
    bound = config.bind_socket()
    # asyncio does this for sockets that say they are TCP's, which uvicorn's do not: the end of each
    # answer waited 40 ms for its beginning to be acknowledged.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


def require_guarded(settings: Settings) -> None:
    """ValueError where keys are asked for and there are none: nobody could ask anything, or others
    reach the server and nothing decides who may."""
    if not settings.guarded or Keys(state_folder(settings.state)).any():
        return
    where = "keys are asked for" if settings.local else f"{settings.host} is reached from elsewhere"
    raise ValueError(
        f"{where}, and there is no key: make one first (passerby serve keys add NAME --scope read)"
        + ("" if settings.keys else ", or say --behind-proxy where a proxy decides who may ask")
    )
