"""A signal after OpenVINO's Cores have come and gone is a signal, and no segmentation fault."""

import subprocess
import sys

import pytest

from passerby.process.openvino_core import openvino_core

pytest.importorskip("openvino")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's signal stacks")

CORES = """
import os, signal, openvino
from passerby.process.openvino_core import openvino_core, signal_stack_kept

def strangers():
    cores = []
    for _ in range(2):
        cores.append(openvino.Core())
        cores[-1].get_property("CPU", "FULL_DEVICE_NAME")
    while cores:
        del cores[0]

signal.signal(signal.SIGINT, lambda *_: print("noted", flush=True))
{work}
os.kill(os.getpid(), signal.SIGINT)
"""


def run(work: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CORES.format(work=work)], capture_output=True, text=True, check=False
    )


@linux
@pytest.mark.parametrize(
    "work",
    [
        "openvino_core()",
        "with signal_stack_kept(): strangers()",
        "openvino_core()\nwith signal_stack_kept(): strangers()\nopenvino_core()",
    ],
)
def test_a_signal_after_it_is_noted(work: str) -> None:
    assert run(work).stdout == "noted\n"


def test_there_is_one() -> None:
    assert openvino_core() is openvino_core()
