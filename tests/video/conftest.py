"""Small videos with known content."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``kill_trial`` runs once, and twenty times with ``--long``."""
    if "kill_trial" in metafunc.fixturenames:
        metafunc.parametrize("kill_trial", range(20 if metafunc.config.getoption("long") else 1))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB, where this process may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    try:
        subprocess.run(mount, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no right to mount a small file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


MakeVideo = Callable[..., Path]


def flat(level: int, height: int, width: int) -> np.ndarray:
    """A picture of one grey level whose upper left quarter is red: it shows which way is up."""
    pixels = np.full((height, width, 3), level, np.uint8)
    pixels[: height // 2, : width // 2] = (220, 20, 20)
    return pixels


def write_video(
    path: Path,
    pictures: Sequence[np.ndarray],
    *,
    fps: int = 25,
    times: Sequence[float] | None = None,
    container: str | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """H.264 without B-frames; times: seconds of each picture, for a variable rate."""
    with av.open(str(path), "w", format=container, options=options or {}) as opened:
        stream = opened.add_stream("libx264", rate=fps, options={"bf": "0", "crf": "18"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 10
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            seconds = number / fps if times is None else times[number]
            frame.pts, frame.time_base = round(1000 * seconds), Fraction(1, 1000)
            opened.mux(stream.encode(frame))
        opened.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def make_video() -> MakeVideo:
    """make_video(path, frames=…, size=(H, W), fps=…): frames of grey levels 100, 101, …"""

    def make(path: Path, frames: int = 20, size: tuple[int, int] = (48, 64), **how: object) -> Path:
        pictures = [flat(100 + number % 100, *size) for number in range(frames)]
        return write_video(path, pictures, **how)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def clips() -> Path:
    """Real clips of walking persons beside the repository; skips where absent."""
    root = Path(__file__).resolve().parents[3] / "shared" / "data" / "video"
    if not root.is_dir():
        pytest.skip(f"real clips are not at {root}")
    return root


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """Weights of detectors beside the repository; skips where absent."""
    root = Path(__file__).resolve().parents[3] / "shared" / "data" / "weights"
    if not root.is_dir():
        pytest.skip(f"weights are not at {root}")
    return root
