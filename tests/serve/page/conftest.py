"""The page in a browser: drawn persons in a gallery of the packaged model, a server in a thread."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from passerby.gallery.gallery import Gallery
from passerby.serve.application import application
from passerby.serve.settings import Limits, Settings
from passerby.synthesis.figures import draw, photo
from tests.serve.conftest import SEED

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = "/usr/bin/chromium"
OFFLINE = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip
WAIT = 8_000  # milliseconds: what takes longer hangs
LOADED = "main:not(:has(.working)) h1"


@dataclass
class Site:
    """A server of one gallery in a thread. place: of the gallery."""

    address: str
    place: Path
    stop: Callable[[], None]
    start: Callable[[], None]

    def gallery(self) -> Gallery:
        """The same gallery, opened beside the server."""
        return Gallery.open(self.place)


@contextmanager
def serving(settings: Settings) -> Iterator[Site]:
    """A server while the context lasts; it can be stopped and started again on its port."""
    import uvicorn

    running: list[tuple[Any, threading.Thread]] = []

    def start() -> None:
        port = running[0][0].config.port if running else 0
        config = uvicorn.Config(
            application(settings),
            host="127.0.0.1",
            port=port,
            log_level="error",
            timeout_graceful_shutdown=1,
        )
        socket = config.bind_socket()
        config.port = socket.getsockname()[1]
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([socket],))
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        running.append((server, thread))

    def stop() -> None:
        server, thread = running[-1]
        # A browser that goes leaves its connections a moment later: none is cut off half-way.
        for _ in range(100):
            if not server.server_state.connections:
                break
            time.sleep(0.01)
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()

    start()
    try:
        address = f"http://127.0.0.1:{running[0][0].config.port}"
        yield Site(address, Path(settings.galleries["lobby"]), stop, start)
    finally:
        stop()


@contextmanager
def serving_copy(drawn_gallery: Path, folder: Path, *, keys: bool = False) -> Iterator[Site]:
    """A server of a copy of a gallery; its state lies in the folder."""
    place = Path(shutil.copytree(drawn_gallery, folder / "lobby"))
    settings = Settings(
        {"lobby": str(place)}, state=str(folder), keys=keys, limits=Limits(bytes=2_000_000)
    )
    with serving(settings) as made:
        yield made


@pytest.fixture
def site(tmp_path: Path, drawn_gallery: Path) -> Iterator[Site]:
    """Of a test alone, which may change it and stop it."""
    with serving_copy(drawn_gallery, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def lasting_site(tmp_path_factory: pytest.TempPathFactory, drawn_gallery: Path) -> Iterator[Site]:
    """Of the tests of a file that change nothing."""
    with serving_copy(drawn_gallery, tmp_path_factory.mktemp("lasting")) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. For a module at most: while it is open its thread has a running loop."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no browser at {CHROMIUM}")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OFFLINE))
        yield opened
        opened.close()


Open = Callable[..., "Page"]


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Open]:
    """Opens a view: ``open_page("people")``; afterwards no script has failed in any."""
    contexts, failures = [], []

    def opened(view: str = "search", address: str = "", **options: Any) -> Page:
        context = browser.new_context(**{"timezone_id": "Europe/Berlin", **options})
        context.set_default_timeout(WAIT)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda said: _worth_a_failure(said) and failures.append(said.text))
        page.goto(f"{address or site.address}/#/{view}")
        page.wait_for_selector(f"{LOADED}, dialog h2")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert failures == []


def _worth_a_failure(said: Any) -> bool:
    # A browser tells of every refusal of a server; the page tells it in words, which tests look at.
    return said.type in ("error", "warning") and not said.text.startswith("Failed to load resource")


@pytest.fixture(scope="session")
def crop(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """The file of another picture of a person, by number; those above 8 are not in the gallery."""
    folder = tmp_path_factory.mktemp("crops")

    def made(person: int) -> Path:
        path = folder / f"{person}.jpg"
        if not path.exists():
            path.write_bytes(photo(SEED, person, 1, 4))
        return path

    return made


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[int, int, int, int]]:
    """A frame of 640 × 360 with person 2 in it, and where."""
    import simplejpeg

    person = draw(SEED, 2, 1, 4)
    high, wide = person.shape[:2]
    frame = np.full((360, 640, 3), 130, np.uint8)
    left, top = 400, 60
    frame[top : top + high, left : left + wide] = person
    path = tmp_path_factory.mktemp("scene") / "scene.jpg"
    path.write_bytes(simplejpeg.encode_jpeg(frame, 95))
    return path, (left, top, left + wide, top + high)


def focused(page: Page) -> str:
    """What the focus is on: its label, or its text."""
    return page.evaluate(
        """() => {
          const { activeElement: one } = document;
          const label = one.labels?.[0]?.innerText;
          return one.getAttribute("aria-label") || label || one.innerText || one.id;
        }"""
    )


def tab_to(page: Page, name: str, most: int = 60) -> None:
    """Press Tab until something of that name has the focus."""
    seen = []
    for _ in range(most):
        page.keyboard.press("Tab")
        seen.append(focused(page))
        if name in seen[-1]:
            return
    pytest.fail(f"no Tab leads to {name!r}, but to {seen}")
