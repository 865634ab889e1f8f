"""How fast synthetic pictures are drawn on one core, JPEG encoding included.

    python benchmarks/synthesis.py [PICTURES [STYLE]]

Prints pictures per second of CPU time. The cameras' panoramas are painted before the clock starts
and are reported apart: a set needs each of them once.
"""

import os
import sys
import time

# Must be set before numpy starts its threads: the figure is for one core.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from passerby.synthesis import photo  # noqa: E402
from passerby.synthesis.variety import Style  # noqa: E402

CAMERAS = 4


def main(pictures: int, style: Style) -> None:
    """Draw that many pictures of a default set and print how long they took."""
    start = time.process_time()
    for camera in range(1, CAMERAS + 1):
        photo(0, 1, camera, 0, style=style)
    first = time.process_time() - start
    start = time.process_time()
    size = 0
    for number in range(pictures):
        size += len(photo(0, 1 + number // CAMERAS, 1 + number % CAMERAS, 1, style=style))
    seconds = time.process_time() - start
    print(f"cameras    {1000 * first / CAMERAS:8.1f} ms each, once")
    print(f"pictures   {pictures / seconds:8.1f} per second of one core")
    print(f"           {1000 * seconds / pictures:8.2f} ms, {size / pictures / 1024:.1f} kB each")


if __name__ == "__main__":
    styles: dict[str, Style] = {"plain": "plain", "varied": "varied", "street": "street",
                                "rendered": "rendered"}  # fmt: skip
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 600, styles[(sys.argv[2:] or ["plain"])[0]])
