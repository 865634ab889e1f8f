"""What a test leaves changed in the process is seen."""

import os
import signal

import numpy as np
import torch

from tests.process_state import differences, process_state


def test_what_is_changed_is_named(monkeypatch, tmp_path):
    before = process_state()
    handler = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(torch.get_num_threads() + 1)
    torch.set_default_dtype(torch.float64)
    errors = np.seterr(all="ignore")
    monkeypatch.setenv("PASSERBY_SOMETHING", "new")
    monkeypatch.chdir(tmp_path)
    try:
        found = differences(before, process_state())
    finally:
        signal.signal(signal.SIGTERM, handler)
        torch.set_num_threads(torch.get_num_threads() - 1)
        torch.set_default_dtype(torch.float32)
        np.seterr(**errors)
        monkeypatch.undo()
    assert [line.partition(" was ")[0] for line in found] == [
        "environment: PASSERBY_SOMETHING",
        "folder",
        "handler of SIGTERM",
        "numpy's errors",
        "torch's default type",
        "torch's threads",
    ]
    assert f"is {str(tmp_path)!r}" in found[1]
    assert differences(before, process_state()) == []


def test_a_lost_standard_stream_is_seen():
    before, kept = process_state(), os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        found = differences(before, process_state())
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    assert [line.partition(" was ")[0] for line in found] == ["standard error"]
