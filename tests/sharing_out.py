"""How tests are shared out over processes where ``pytest -n 2 --dist loadfile`` asks for it."""

from __future__ import annotations

import pytest

ONE_SERVER = (
    "tests/stores/test_conformance.py",
    "tests/stores/engines/test_milvus.py",
    "tests/stores/test_dumps_of_engines.py",
    "tests/stores/test_ledger_of_engines.py",
)
"""Files that use one Milvus server: in one process, since each would start its own."""

FIRST = (
    *ONE_SERVER,
    "tests/process/test_distributed.py",
    "tests/test_benchmarks.py",
    "tests/test_style.py",
    "tests/export/test_exporting.py",
    "tests/training/",
    "tests/embedding/",
    "tests/conversion/",
)
"""What takes longest, in the order of beginning: else one of them goes on alone at the end."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The slow files first, if other processes run the rest meanwhile."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: place(item.nodeid))


def place(nodeid: str) -> int:
    """Of a test in the order of beginning; files of the same place keep their order."""
    return next((at for at, path in enumerate(FIRST) if nodeid.startswith(path)), len(FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Whole files to each process, those of one server together; None: as another --dist says."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return ONE_SERVER[0] if file in ONE_SERVER else file

    return Scheduling(config, log)
