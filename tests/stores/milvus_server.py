"""The real Milvus server, from the wheel ``milvus``, as a process of its own for the tests."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

PASSWORD = "Milvus"
"""Of the user root, on a server that was just made."""

_NODES = ("queryNode", "indexNode", "dataNode")
_COORDINATORS = ("rootCoord", "queryCoord", "dataCoord")
_QUICK = {
    # How often the coordinators look: a test should not wait for the defaults of a cluster.
    "queryCoord.checkInterval": 50,
    "queryCoord.distPullInterval": 50,
    "queryCoord.checkHandoffInterval": 200,
    "proxy.timeTickInterval": 50,
    "common.gracefulStopTimeout": 2,
    "common.session.ttl": 12,  # seconds; that a killed server keeps its successor waiting
    "log.level": "warn",
    "log.stdout": "false",
}
_NOT_IN_THE_TEMPLATE = """
  checkChannelInterval: 50
  checkSegmentInterval: 50
  checkIndexInterval: 500
  updateNextTargetInterval: 1
  leaderViewUpdateInterval: 1
"""
_OFTENER = ("  compaction:\n", "  compaction:\n    check:\n      interval: 1\n")  # seconds, not 10


_CANNOT_RUN = {126, 127, -signal.SIGILL}
"""Exit codes of a programme that this machine cannot execute: no right, no library, no such CPU."""


class CannotRun(Exception):
    """The server's programme does not run on this machine at all."""


def why_not() -> str:
    """Why the server cannot run here, "" where it can."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return f"the wheel milvus has no server for {sys.platform} {platform.machine()}"
    try:
        import milvus  # noqa: F401
        import pymilvus  # noqa: F401
    except ImportError as error:
        return f"{error}: pip install passerby[test]"
    return ""


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nothing listens on just now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class MilvusServer:
    """One server with a folder of its own; its address stays the same over restarts.

    Milvus 2.3 listens on all interfaces whatever its configuration says, except for the etcd within
    it; so it asks for a password here.
    """

    def __init__(self, folder: Path, like: MilvusServer | None = None) -> None:
        """like: another one, whose programme is taken: to unpack it takes most of a start."""
        from milvus import MilvusServerConfig, _initialize_data_files

        self.folder = folder
        if like is None:
            _initialize_data_files(str(folder))
        else:
            folder.mkdir()
            (folder / "bin").symlink_to(like.folder / "bin")
        self._config = MilvusServerConfig(data_dir=str(folder))
        names = [name for name in self._config.configurable_items if name.endswith("_port")]
        self._ports = dict(
            zip([*names, "metrics", "peer"], free_ports(len(names) + 2), strict=True)
        )
        for name in names:
            self._config.set(name, self._ports[name])
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """HOST:PORT for clients."""
        return f"127.0.0.1:{self._ports['proxy_port']}"

    def start(self, *, tls: tuple[Path, Path] | None = None, timeout: float = 240) -> None:
        """Returns when it is healthy. tls: certificate and key. To be called by the main thread:
        the server ends with the thread that started it."""
        assert self.process is None
        self._write_config(tls)
        command = [str(self.folder / "bin" / "milvus"), "run", "standalone"]
        if shutil.which("setpriv"):  # the server goes when the tests are killed
            command = ["setpriv", "--pdeathsig", "KILL", *command]
        environment = os.environ | {
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self._ports["metrics"]),
            "MILVUS_RUN_DIR": str(self.folder / "run"),
            "LD_LIBRARY_PATH": str(self.folder / "bin"),
        }
        with (self.folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests, which then end it
            )
        self._wait_until_healthy(timeout)

    def kill(self) -> None:
        """As a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As an administrator does."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _wait_until_healthy(self, timeout: float) -> None:
        assert self.process is not None
        deadline = time.monotonic() + timeout
        address = f"http://127.0.0.1:{self._ports['metrics']}/healthz"
        # A proxy of the environment is not for the loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with opener.open(address, timeout=5) as answer:
                    if b"OK" in answer.read():
                        return
            except OSError:
                pass
            time.sleep(0.1)
        code = self.process.poll()
        self.kill()
        tail = (self.folder / "output.txt").read_text(errors="replace")[-3000:]
        if code in _CANNOT_RUN:
            raise CannotRun(f"the Milvus server ended with {code}: {tail[-300:]}")
        raise RuntimeError(f"the Milvus server did not come up in {timeout} s:\n{tail}")

    def _write_config(self, tls: tuple[Path, Path] | None) -> None:
        for component in ("proxy", *_NODES, *_COORDINATORS):
            self._config.set(f"{component}.ip", "127.0.0.1")
        for name, value in _QUICK.items():
            self._config.set(name, value)
        self._config.set("authorization_enabled", True)
        self._config.set("tls_mode", 1 if tls else 0)
        if tls:
            self._config.set("server_pem_path", str(tls[0]))
            self._config.set("server_key_path", str(tls[1]))
        # Not resolve(): it fails where a port of the server that was just killed is not free yet.
        self._config.resolve_storage()
        self._config.write_config()
        # The etcd within takes the ports 2379 and 2380 unless it is told otherwise.
        etcd, peer = (f"http://127.0.0.1:{self._ports[name]}" for name in ("etcd_port", "peer"))
        own = self.folder / "etcd.yaml"
        own.write_text(
            f"listen-client-urls: {etcd}\nadvertise-client-urls: {etcd}\n"
            f"listen-peer-urls: {peer}\ninitial-advertise-peer-urls: {peer}\n"
            f"initial-cluster: default={peer}\n"
        )
        path = self.folder / "configs" / "milvus.yaml"
        text = path.read_text()
        text = text.replace("etcd:\n", f"etcd:\n  config:\n    path: {own}\n", 1)
        text = text.replace("\nqueryCoord:\n", f"\nqueryCoord:{_NOT_IN_THE_TEMPLATE}", 1)
        path.write_text(text.replace(*_OFTENER, 1))
