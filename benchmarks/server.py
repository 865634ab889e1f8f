"""`passerby serve` under load, beside the handler that one writes first; its memory; a kill -9.

    python benchmarks/server.py [--sightings 100000] [--seconds 10] [--requests 20000]

The gallery is of the packaged model; its sightings are drawn vectors (seed 0, 50 of each person
around its centre, 20 cameras, ten days), so that the index has the work that a real one has. Asked
are pictures of drawn persons (JPEG, 128 high), each client the next as soon as it has an answer;
"search" embeds the picture and searches, "embed" embeds alone, "add" adds another picture each time
(the naive one has no such handler). The clients are one process, which
takes a part of the machine's cores as every client on it would. "naive" is a FastAPI handler with
`UploadFile` that calls the same library, a lock around the gallery: no bounds, no batches, no
keys, no log.

Memory is the server's resident one, while requests of both kinds go on. The kill is SIGKILL while
8 clients add pictures; afterwards the gallery is asked for everything that was acknowledged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import simplejpeg
import uvicorn
from fastapi import FastAPI, UploadFile
from PIL import Image

import passerby
from passerby.client import Client, ServerError
from passerby.data.crops import content_id
from passerby.gallery.gallery import Gallery
from passerby.synthesis.writing import write
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import unit

SEED, LATENT, PER_PERSON, CAMERAS, DAYS, BATCH = 0, 64, 50, 20, 10, 10_000
CLIENTS = [1, 8, 64]
ROUTES = {"search": "/v1/search?k=10", "embed": "/v1/embed"}
ADD = "/v1/sightings?camera=added"
WATCHED = 10  # times that memory is read
STARTED = 120.0  # seconds that a server may take to start


@dataclass
class Load:
    """seconds: of each answer that was 2xx; refused: 429s; failed: anything else; kept: ids of
    what was acknowledged."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    failed: int = 0
    kept: list[str] = field(default_factory=list)

    def row(self, passed: float) -> str:
        """Requests a second, p50 and p95 in ms, 429s."""
        if not self.seconds:
            return f"– | – | – | {self.refused} | {self.failed}"
        middle, high = np.percentile(self.seconds, [50, 95]) * 1e3
        rate = len(self.seconds) / passed
        return f"{rate:.1f} | {middle:.0f} | {high:.0f} | {self.refused} | {self.failed}"


def fill(place: Path, count: int) -> None:
    """Make a gallery of the packaged model with drawn sightings."""
    random = np.random.default_rng(SEED)
    start = np.datetime64("2026-05-01", "us")
    with Gallery.create(place, passerby.load(device="cpu")) as gallery:
        width = gallery.about.dimensions
        centres = random.standard_normal((max(1, count // PER_PERSON), LATENT), np.float32)
        projection = random.standard_normal((LATENT, width), np.float32) / np.sqrt(LATENT)
        for begin in range(0, count, BATCH):
            size = min(BATCH, count - begin)
            who = random.integers(0, len(centres), size)
            latent = centres[who] + 0.75 * random.standard_normal((size, LATENT), np.float32)
            noise = 0.3 * random.standard_normal((size, width), np.float32)
            seconds = random.integers(0, DAYS * 86400, size).astype("timedelta64[s]")
            gallery.store.write(
                Sightings(
                    [random.bytes(16).hex() for _ in range(size)],
                    unit(latent @ projection + noise),
                    persons=[f"person {number}" for number in who],
                    cameras=[f"camera {n}" for n in random.integers(0, CAMERAS, size)],
                    times=start + seconds,
                )
            )
        gallery.store.compact()


def crops(folder: Path) -> list[bytes]:
    """JPEGs of drawn persons."""
    root = write(folder, train_persons=0, test_persons=32, distractors=0, junk=0)
    files = sorted(root.rglob("*.jpg"))
    return [path.read_bytes() for path in files]


def naive(place: str, port: int) -> None:
    """The handler that one writes first."""
    application, gallery, lock = FastAPI(), Gallery.open(place, device="cpu"), threading.Lock()
    gallery.embedder([np.zeros((128, 64, 3), np.uint8)])

    @application.get("/readyz")
    def ready() -> str:
        return "ready"

    @application.post("/v1/search")
    def search(image: UploadFile, k: int = 10) -> object:
        with lock:
            return json.loads(gallery.search(image.file.read(), k).to_json())

    @application.post("/v1/embed")
    def embed(image: UploadFile) -> object:
        return gallery.embedder(image.file.read()).tolist()

    uvicorn.run(application, port=port, log_level="warning")


@contextmanager
def served(command: Sequence[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server that is ready, ended in the end."""
    process = subprocess.Popen([sys.executable, *command], start_new_session=True)
    try:
        client, begun = Client(f"http://127.0.0.1:{port}", timeout=5), time.monotonic()
        while True:
            try:
                client.get("/readyz")
                break
            except ServerError:
                if process.poll() is not None or time.monotonic() - begun > STARTED:
                    raise SystemExit(f"the server does not start: {' '.join(command)}") from None
                time.sleep(0.2)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait()


def command_of(name: str, place: Path, port: int, workers: int) -> list[str]:
    if name == "naive":
        return [__file__, "--naive", str(place), str(port)]
    state = place.parent / "state"
    return [
        "-m", "passerby", "serve", "--gallery", f"bench={place}", "--port", str(port),
        "--state", str(state), "--workers", str(workers),
    ]  # fmt: skip


def body_of(jpeg: bytes, form: bool) -> tuple[str, bytes]:
    """Content type and body: the picture as it is, or as a form's part."""
    if not form:
        return "image/jpeg", jpeg
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
    whole = head + b"Content-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n--b--\r\n"
    return "multipart/form-data; boundary=b", whole


async def ask(
    port: int, next_request: Callable[[], tuple[str, str, bytes, str] | None], load: Load
) -> None:
    """One client on one connection, until there is nothing more to ask: a route, a content type, a
    body, and what to keep when it was acknowledged."""
    reader = writer = None
    while (request := next_request()) is not None:
        route, kind, body, keep = request
        begun = time.perf_counter()
        try:
            if writer is None or reader is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"POST {route} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            lines = answer.decode("latin-1").lower().split("\r\n")
            length = next(line for line in lines if line.startswith("content-length:"))
            await reader.readexactly(int(length.partition(":")[2]))
        except (OSError, asyncio.IncompleteReadError):
            load.failed += 1
            reader = writer = None
            await asyncio.sleep(0.05)
            continue
        status = int(lines[0].split(" ")[1])
        if 200 <= status < 300:
            load.seconds.append(time.perf_counter() - begun)
            load.kept += [keep] if keep else []
        elif status == 429:
            load.refused += 1
            await asyncio.sleep(0.1)
        else:
            load.failed += 1
        if "connection: close" in lines:
            writer.close()
            reader = writer = None
    if writer is not None:
        writer.close()


def loaded(
    port: int, clients: int, request: Callable[[int], tuple[str, str, bytes, str] | None]
) -> Load:
    """What so many clients got, of requests numbered from 0, until one is None."""
    load, number = Load(), iter(range(1 << 60))

    async def all_of_them() -> None:
        waiting = [ask(port, lambda: request(next(number)), load) for _ in range(clients)]
        await asyncio.gather(*waiting)

    asyncio.run(all_of_them())
    return load


def speed(name: str, port: int, pictures: list[bytes], options: argparse.Namespace) -> None:
    """A row of each number of clients and kind of request."""
    new = others(pictures)
    routes = ROUTES if name == "naive" else ROUTES | {"add": ADD}
    for kind, route in routes.items():
        if options.kinds and kind not in options.kinds:
            continue
        for clients in options.clients:
            for length in (
                min(3.0, options.seconds),
                options.seconds,
            ):  # the first round is left out
                end = time.monotonic() + length

                def request(
                    number: int, end: float = end, route: str = route
                ) -> tuple[str, str, bytes, str] | None:
                    if time.monotonic() > end:
                        return None
                    picture = next(new) if route == ADD else pictures[number % len(pictures)]
                    return (route, *body_of(picture, name == "naive"), "")

                begun = time.monotonic()
                load = loaded(port, clients, request)
            print(
                f"| {name} | {kind} | {clients} | {load.row(time.monotonic() - begun)} |",
                flush=True,
            )


def others(pictures: list[bytes]) -> Iterator[bytes]:
    """Pictures of which none is like another, without end."""
    random, number = np.random.default_rng(SEED), 0
    images = [Image.fromarray(np.asarray(simplejpeg.decode_jpeg(one))) for one in pictures]
    while True:
        turned = images[number % len(images)].rotate(float(random.uniform(-5, 5)))
        yield simplejpeg.encode_jpeg(np.ascontiguousarray(turned), quality=90)
        number += 1


def resident(process: subprocess.Popen[bytes]) -> float:
    """MB of a process and those that it started."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) != process.pid:
                continue
            status = (folder / "status").read_text(encoding="ascii")
        except (OSError, ProcessLookupError):
            continue
        total += int(status.partition("VmRSS:")[2].split()[0])
    return total / 1e3


def memory(port: int, process: subprocess.Popen[bytes], pictures: list[bytes], count: int) -> None:
    """Resident memory as requests go on."""
    print("\n| requests | resident MB |\n|---|---|", flush=True)
    print(f"| 0 | {resident(process):.0f} |", flush=True)
    each = max(1, count // WATCHED)
    for step in range(1, WATCHED + 1):

        def request(number: int) -> tuple[str, str, bytes, str] | None:
            route = [*ROUTES.values()][number % 2]
            picture = pictures[number % len(pictures)]
            return None if number >= each else (route, *body_of(picture, False), "")

        load = loaded(port, 8, request)
        print(f"| {step * each:,} | {resident(process):.0f} |", flush=True)
        if load.failed:
            print(f"{load.failed} requests failed", flush=True)


def kill(place: Path, port: int, pictures: list[bytes], workers: int, seconds: float) -> None:
    """Add under load, kill, and look for what was acknowledged."""
    new = others(pictures)
    with served(command_of("passerby", place, port, workers), port) as process:
        end = time.monotonic() + seconds

        def request(number: int) -> tuple[str, str, bytes, str] | None:
            if time.monotonic() > end + 1:
                return None
            if time.monotonic() > end and process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            jpeg = next(new)
            return "/v1/sightings?camera=killed", "image/jpeg", jpeg, content_id(jpeg)

        load = loaded(port, 8, request)
    lost = len(set(load.kept))
    with Gallery.open(place) as gallery:
        for start in range(0, len(load.kept), 500):
            ids = tuple(set(load.kept[start : start + 500]))
            lost -= gallery.store.count(Where(ids=ids))
        whole = gallery.check().whole
    print(
        f"\nkill -9 after {seconds:g} s of adding by 8 clients: {len(load.kept)} acknowledged, "
        f"{lost} of them lost; the gallery is {'whole' if whole else 'NOT whole'}"
    )


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sightings", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each row")
    parser.add_argument("--clients", type=int, nargs="+", default=CLIENTS)
    parser.add_argument("--requests", type=int, default=20_000, help="over which memory is watched")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=["speed", "memory", "kill"])
    parser.add_argument("--kinds", nargs="+", choices=[*ROUTES, "add"], help="of requests")
    parser.add_argument("--naive", nargs=2, metavar=("PLACE", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.naive:
        naive(options.naive[0], int(options.naive[1]))
        return
    wanted = options.only or ["speed", "memory", "kill"]
    with tempfile.TemporaryDirectory() as folder:
        place, port = Path(folder) / "gallery", free_port()
        fill(place, options.sightings)
        pictures = crops(Path(folder) / "drawn")
        if "speed" in wanted:
            print("| server | request | clients | a second | p50 ms | p95 ms | 429 | failed |")
            print("|---|---|---|---|---|---|---|---|", flush=True)
            for name in ("passerby", "naive"):
                with served(command_of(name, place, port, options.workers), port):
                    speed(name, port, pictures, options)
        if "memory" in wanted:
            with served(command_of("passerby", place, port, options.workers), port) as process:
                memory(port, process, pictures, options.requests)
        if "kill" in wanted:
            kill(place, port, pictures, options.workers, options.seconds)


if __name__ == "__main__":
    main()
