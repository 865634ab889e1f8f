"""The pictures of these pages, drawn anew: ``python docs/pictures.py [NAME...]``.

All are of rendered persons, who do not exist; docs/synthetic.md says where their bodies and clothes
come from (``--style street`` draws them and needs none of that). Each is made by the command that
the page names.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from passerby.registry import AUGMENTATIONS
from passerby.synthesis.figures import contact_sheet

IMAGES = Path(__file__).parent / "images"
SEED = "7"
CHROMIUM = "/usr/bin/chromium"


def run(*words: str) -> None:
    """A command of Passerby's."""
    subprocess.run([sys.executable, "-m", "passerby", *words], check=True)


def persons(folder: Path, style: str) -> Path:
    """Thirty persons before four cameras of one site."""
    root = folder / "persons"
    if not root.exists():
        sizes = ("--train-persons", "1", "--test-persons", "30", "--cameras", "4", "--images", "2")
        run("data", "synthesize", str(root), "--style", style, "--seed", SEED, *sizes)
    return root


def ranking(folder: Path, style: str) -> Image.Image:
    """A ranked list of the packaged model, as in Fig. 6 of the paper."""
    lists = folder / "lists"
    run("rank", "default", "--data", str(persons(folder, style)), "--out", str(lists),
        "--queries", "1", "--columns", "8", "--colours", "safe", "--seed", "3")  # fmt: skip
    return Image.open(next(path for path in lists.iterdir() if path.suffix in (".png", ".jpg")))


def regions(folder: Path, style: str) -> Image.Image:
    """Which regions made two images alike."""
    query = persons(folder, style) / "query"
    names = sorted(query.iterdir())
    first = names[0].name[:4]
    same = [name for name in names if name.name.startswith(first)][:2]
    other = next(name for name in names if not name.name.startswith(first))
    run("explain", "default", "--data", *map(str, [*same, other]), "--out", str(folder / "why.png"))
    sheet = Image.open(folder / "why.png")
    return sheet.crop((0, round(sheet.height * 0.715), sheet.width, sheet.height))  # the matches


def batch(folder: Path, style: str) -> Image.Image:
    """Three persons, four pictures of each: a small batch of P × K."""
    sheet = contact_sheet(range(41, 44), [1, 3, 4, 5], moments=1, style=style)  # type: ignore[arg-type]
    return Image.fromarray(sheet)


def augmentations(folder: Path, style: str) -> Image.Image:
    """A crop, and what each augmentation makes of it."""
    crop = contact_sheet([41], [1], moments=1, style=style)  # type: ignore[arg-type]
    image = torch.from_numpy(crop).permute(2, 0, 1)
    shown = {"as it is": image}
    for name in AUGMENTATIONS.names():
        options = AUGMENTATIONS.describe(name).options
        certain = f"{name}(probability=1.0)" if "probability" in options else name
        shown[name] = AUGMENTATIONS.build(certain)(image, np.random.default_rng(37))
    height, width, gap, columns = *crop.shape[:2], 30, 7
    rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (columns * (width + gap), rows * (height + gap)), "white")
    label = ImageDraw.Draw(sheet)
    for place, (name, pixels) in enumerate(shown.items()):
        row, column = divmod(place, columns)
        corner = column * (width + gap), row * (height + gap)
        sheet.paste(Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()), corner)
        label.text((corner[0], corner[1] + height + 4), name, "black", ImageFont.load_default(15))
    return sheet


def found(folder: Path, style: str) -> Image.Image:
    """What a search finds, with the answer in words below."""
    root, place = persons(folder, style), str(folder / "asked")
    run("gallery", "create", place)
    run("gallery", "add", place, str(root), "--part", "gallery")
    query = sorted((root / "query").iterdir())[8]
    run("gallery", "search", place, str(query), "-k", "8", "--out", str(folder / "found.png"))
    return Image.open(folder / "found.png")


def passages(folder: Path, style: str) -> Image.Image:
    """What docs/cameras.md watches: a row a passage, of a drawn hall."""
    sizes = ("--cameras", "3", "--minutes", "0.3", "--persons", "6", "--seed", "3671")
    run("data", "site", str(folder / "hall"), *sizes)
    run("gallery", "create", str(folder / "lobby"))
    videos = [str(folder / "hall" / f"camera{number}.mp4") for number in (1, 2)]
    run("watch", *videos, "--camera", "east", "--camera", "west", "--gallery",
        str(folder / "lobby"), "--start", "2026-01-05T08:00:00+00:00", "--detector", "motion",
        "--sheet", str(folder / "seen.png"))  # fmt: skip
    return Image.open(folder / "seen.png")


def scores(folder: Path, style: str) -> Path:
    """Distances of pairs of one person and of two."""
    run("explain", "default", "--data", str(persons(folder, style)), "--out", str(folder / "why"))
    return folder / "why" / "scores.svg"


def page(folder: Path, style: str) -> Image.Image:
    """The page of the server with what a picture found; needs Chromium and Playwright."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    from playwright.sync_api import sync_playwright
    from server import command_of, free_port, served

    root, port, place = persons(folder, style), free_port(), folder / "shown"
    run("gallery", "create", str(place))
    run("gallery", "add", str(place), str(root), "--part", "gallery")
    with (
        served(command_of("passerby", place, port, 1), port),
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser,
    ):
        tab = browser.new_page(viewport={"width": 1100, "height": 800})
        tab.goto(f"http://127.0.0.1:{port}/")
        tab.set_input_files("#file", sorted((root / "query").iterdir())[8])
        tab.wait_for_selector(".found .card")
        tab.wait_for_timeout(2000)  # the pictures of the cards
        tab.screenshot(path=str(folder / "page.png"))
    return Image.open(folder / "page.png")


PICTURES: dict[str, tuple[Callable[[Path, str], Image.Image | Path], int]] = {
    "ranking": (ranking, 1000),
    "regions": (regions, 900),
    "batch": (batch, 420),
    "passages": (passages, 340),
    "augmentations": (augmentations, 1000),
    "found": (found, 1000),
    "page": (page, 1000),
    "scores": (scores, 0),
}  # a picture, and its greatest width in pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PICTURES)}")
    parser.add_argument("--style", default="rendered", choices=["rendered", "street"])
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        for name in options.names or PICTURES:
            draw, width = PICTURES[name]
            drawn = draw(Path(made), options.style)
            if isinstance(drawn, Path):
                shutil.copy(drawn, options.out)
                print(f"{name}: {drawn.stat().st_size} bytes")
                continue
            picture = drawn.convert("RGB")
            if picture.width > width:
                picture = picture.resize((width, round(picture.height * width / picture.width)))
            picture.save(options.out / f"{name}.webp", quality=80, method=6)
            print(f"{name}: {picture.size}, {(options.out / f'{name}.webp').stat().st_size} bytes")


if __name__ == "__main__":
    main()
