"""Devices by name; those that do not exist are named with those that do."""

from __future__ import annotations

import pytest
import torch

from passerby.process.devices import find_device


def test_the_cpu_has_three_names() -> None:
    assert {find_device(name) for name in ("cpu", "CPU", torch.device("cpu"))} == {
        torch.device("cpu")
    }
    assert find_device("cpu:0").type == "cpu"


def test_without_a_name_a_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device(None) == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert find_device(None) == torch.device("cuda:0")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert find_device(None) == torch.device("cuda:1")
    assert find_device("cuda") == torch.device("cuda")
    assert find_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match=r"no device 'cuda:2' here; there is .*cuda:0, cuda:1$"):
        find_device("cuda:2")


@pytest.mark.parametrize(
    "name",
    ["", "gpu", "tpu", "cuda", "cuda:0", "cuda:99", "mps", "cpu:1", "cuda:-1", ":"],
)
def test_what_does_not_exist_is_answered_with_what_does(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=f"no device '{name}' here.*cpu"):
        find_device(name)
