"""How long after a picture was chosen the page shows the first matches.

    python benchmarks/page.py [--sightings 100000] [--pictures 40]

A server of its own, a gallery of drawn vectors as in benchmarks/server.py, Debian's Chromium
without a window. Measured in the page, from the event of the chosen file to the first new card in
the document: decoding the picture, upload, embedding, search, answer, drawing the cards.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright
from server import command_of, crops, fill, free_port, served

CHROMIUM = "/usr/bin/chromium"
MOST = 30_000  # milliseconds until matches are no longer waited for
WATCH = """() => {
  window.shown = [];
  let began = 0, before = null;
  document.addEventListener("change", () => (began = performance.now()), true);
  new MutationObserver(() => {
    const card = document.querySelector(".found .card");
    if (!began || !card || card === before) return;
    before = card;
    window.shown.push(performance.now() - began);
    began = 0;
  }).observe(document.getElementById("main"), { subtree: true, childList: true });
}"""


def first_matches(address: str, files: list[Path]) -> list[float]:
    """Milliseconds until each picture's first match is there."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("h1")
        page.evaluate(WATCH)
        for number, file in enumerate(files, 1):
            page.set_input_files("#file", file)
            page.wait_for_function(f"() => window.shown.length === {number}", timeout=MOST)
        found: list[float] = page.evaluate("() => window.shown")
        browser.close()
    return found


def main() -> None:
    """Fill, serve, measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sightings", type=int, default=100_000)
    parser.add_argument("--pictures", type=int, default=40)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place, pictures = Path(folder) / "gallery", Path(folder) / "pictures"
        fill(place, arguments.sightings)
        files = []
        for number, jpeg in enumerate(crops(pictures)[: arguments.pictures]):
            files.append(Path(folder) / f"{number}.jpg")
            files[-1].write_bytes(jpeg)
        port = free_port()
        with served(command_of("passerby", place, port, 1), port):
            found = first_matches(f"http://127.0.0.1:{port}/", files)
    median, high, worst = np.percentile(found, [50, 95, 100])
    print(
        f"| {arguments.sightings:,} sightings | {len(found)} pictures | first match after "
        f"{median:.0f} ms, p95 {high:.0f} ms, at most {worst:.0f} ms |"
    )


if __name__ == "__main__":
    main()
