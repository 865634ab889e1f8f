"""The pictures of these pages, drawn anew: ``python docs/pictures.py [NAME...]``.

All are of rendered persons, who do not exist; docs/data.md says where their bodies and clothes come
from (``--style drawn`` needs none of that). Each is made by the command that the page names.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from passerby.synthesis.figures import contact_sheet

IMAGES = Path(__file__).parent / "images"
SEED = "7"


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


PICTURES: dict[str, tuple[Callable[[Path, str], Image.Image], int]] = {
    "ranking": (ranking, 1000),
    "regions": (regions, 900),
    "batch": (batch, 420),
}  # a picture, and its width in pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PICTURES)}")
    parser.add_argument("--style", default="rendered", choices=["rendered", "street"])
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        for name in options.names or PICTURES:
            draw, width = PICTURES[name]
            picture = draw(Path(made), options.style).convert("RGB")
            if picture.width > width:
                picture = picture.resize((width, round(picture.height * width / picture.width)))
            picture.save(options.out / f"{name}.webp", quality=80, method=6)
            print(f"{name}: {picture.size}, {(options.out / f'{name}.webp').stat().st_size} bytes")


if __name__ == "__main__":
    main()
