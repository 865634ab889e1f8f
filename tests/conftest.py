"""Fixtures that several folders of tests share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def people() -> Path:
    """Real person crops in Market-1501 layout, beside the repository; skips where absent."""
    root = Path(__file__).resolve().parents[2] / "shared" / "data" / "people"
    if not root.is_dir():
        pytest.skip(f"real images are not at {root}")
    return root
