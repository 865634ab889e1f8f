"""Foreign files: what is read, what is refused, and that no code in them runs."""

import argparse
import os
import pickle
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from passerby.weights.state_dicts import read_weights

STATE = {"conv.weight": torch.arange(6.0).reshape(2, 3), "conv.bias": torch.ones(2)}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("nest", ["", "state_dict", "model", "model_state_dict", "net"])
def test_state_dicts_and_checkpoints(nest, legacy, tmp_path):
    content = {nest: OrderedDict(STATE), "epoch": 3} if nest else OrderedDict(STATE)
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
    assert same(read_weights(tmp_path / "a.pth"), STATE)


def test_a_checkpoint_as_torchreids_trainer_writes_it(tmp_path):
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(layer.parameters(), amsgrad=True)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [20, 40])
    torch.save(
        {
            "state_dict": {f"module.{name}": tensor for name, tensor in STATE.items()},
            "epoch": 60,
            "rank1": np.float32(0.948),
            "cmc": np.linspace(0, 1, 20),
            "best": {"mAP": np.float64(0.8), "step": np.int64(7), "done": np.bool_(True)},
            "optimizer": optimizer.state_dict(),
            "scheduler": schedule.state_dict(),
            "counts": defaultdict(dict, {"a": {"b": 1}}),
        },
        tmp_path / "model.pth.tar-60",
    )
    assert same(read_weights(tmp_path / "model.pth.tar-60"), STATE)


def test_numpy_before_its_version_2(tmp_path):
    """Files of older NumPy name numpy.core, those of newer ones numpy._core."""
    torch.save({"state_dict": STATE, "rank1": np.float64(0.5)}, tmp_path / "a.pth")
    changed = tmp_path / "b.pth"
    with zipfile.ZipFile(tmp_path / "a.pth") as old, zipfile.ZipFile(changed, "w") as new:
        for entry in old.namelist():
            content = old.read(entry)
            if entry.endswith("data.pkl"):
                assert b"numpy._core.multiarray" in content
                content = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
            new.writestr(entry, content)
    assert same(read_weights(changed), STATE)


def test_safetensors(tmp_path):
    save_file(
        {f"module.{name}": tensor for name, tensor in STATE.items()}, tmp_path / "a.safetensors"
    )
    assert same(read_weights(tmp_path / "a.safetensors"), STATE)
    (tmp_path / "b.safetensors").write_bytes(b"no")
    with pytest.raises(ValueError, match="cannot be read"):
        read_weights(tmp_path / "b.safetensors")


class Command:
    """Runs a command when it is unpickled in the ordinary way."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_code_is_refused_by_its_name_and_not_run(legacy, tmp_path):
    marker = tmp_path / "ran"
    content = {"state_dict": STATE, "more": Command(marker)}
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ValueError, match=r"reading it would run (posix|nt)\.mkdir"):
        read_weights(tmp_path / "a.pth")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ({"state_dict": STATE, "options": argparse.Namespace(a=1)}, r"argparse\.Namespace"),
        (torch.nn.Linear(2, 2), r"torch\.nn\.modules\.linear\.Linear"),
        ({"state_dict": STATE, "where": Path("x")}, r"pathlib"),
    ],
)
def test_what_a_file_needs_is_named(content, name, tmp_path):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=f"is refused: reading it would run {name}"):
        read_weights(tmp_path / "a.pth")


def test_numpy_values_are_not_made(tmp_path):
    """An array of objects would run code of its own: it becomes a stand-in like all others."""
    array = np.empty(1, object)
    array[0] = Command(tmp_path / "ran")
    torch.save({"state_dict": STATE, "more": array}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"mkdir"):
        read_weights(tmp_path / "a.pth")
    assert not (tmp_path / "ran").exists()


def test_the_list_of_what_is_known_is_taken_back(tmp_path):
    before = set(torch.serialization.get_safe_globals())  # torch keeps them in no order
    torch.save(STATE, tmp_path / "a.pth")
    read_weights(tmp_path / "a.pth")
    assert set(torch.serialization.get_safe_globals()) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": 3, "rank1": 0.5}, "holds no state dict of tensors: it has 'epoch', 'rank1'"),
        ({"state_dict": {"a": STATE["conv.bias"], "b": np.zeros(2)}}, "holds no state dict"),
        ({}, "it has nothing"),
        ([STATE], "holds a list, expected a dict"),
    ],
)
def test_what_holds_no_weights_is_said(content, message, tmp_path):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=message):
        read_weights(tmp_path / "a.pth")


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04 and no more", pickle.dumps(3)])
def test_what_is_no_file_of_weights_is_said(content, tmp_path):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.pth"):
        read_weights(tmp_path / "a.pth")


def test_a_file_that_is_cut_off_is_said(tmp_path):
    torch.save(STATE, tmp_path / "a.pth")
    content = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="fetch it again"):
        read_weights(tmp_path / "a.pth")
    with pytest.raises(ValueError, match="no such file of weights"):
        read_weights(tmp_path / "b.pth")
