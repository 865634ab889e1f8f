"""Foreign files: what is read, what is refused, and that no code in them runs."""

import argparse
import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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


@pytest.mark.hostile
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
        ({"state_dict": STATE, "options": SimpleNamespace(a=1)}, r"types\.SimpleNamespace"),
        (torch.nn.Linear(2, 2), r"torch\.nn\.modules\.linear\.Linear"),
        ({"state_dict": STATE, "where": Path("x")}, r"pathlib"),
    ],
)
def test_what_a_file_needs_is_named(content, name, tmp_path):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=f"is refused: reading it would run {name}"):
        read_weights(tmp_path / "a.pth")


def test_options_and_the_teacher_of_self_supervised_training(tmp_path):
    options = argparse.Namespace(lr=5e-4, output=Path)
    student = {f"module.{name}": torch.zeros_like(tensor) for name, tensor in STATE.items()}
    content = {"student": student, "teacher": STATE, "epoch": 3, "args": options}
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="would run pathlib"):
        read_weights(tmp_path / "a.pth")
    options.output = "runs"
    torch.save(content, tmp_path / "a.pth")
    found = read_weights(tmp_path / "a.pth")
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in STATE.items())


@pytest.mark.hostile
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


@pytest.mark.hostile
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


@pytest.mark.hostile
@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04 and no more", pickle.dumps(3)])
def test_what_is_no_file_of_weights_is_said(content, tmp_path):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.pth"):
        read_weights(tmp_path / "a.pth")


@pytest.mark.hostile
def test_a_file_that_is_cut_off_is_said(tmp_path):
    torch.save(STATE, tmp_path / "a.pth")
    content = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="fetch it again"):
        read_weights(tmp_path / "a.pth")
    with pytest.raises(ValueError, match="no such file of weights"):
        read_weights(tmp_path / "b.pth")


@pytest.mark.parametrize(
    "wrapper",
    ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.", "net.module."],
)
def test_wrappers_are_taken_off(wrapper, tmp_path):
    wrapped = {wrapper + name: tensor for name, tensor in STATE.items()}
    wrapped["criterion.centres"] = torch.zeros(3)
    torch.save({"state_dict": wrapped, "pytorch-lightning_version": "2.4.0"}, tmp_path / "a.pth")
    found = read_weights(tmp_path / "a.pth")
    criterion = found.pop("criterion.centres", None)
    assert same(found, STATE)
    assert criterion is not None  # converting leaves it out, and says so


@pytest.mark.parametrize(
    "content",
    [
        {**STATE, "epoch": 3, "best": 0.5, "name": "x"},
        {"checkpoint": {"state_dict": STATE}},
        {"weights": STATE},
        {"ema": STATE, "epoch": 3},
        {"state_dict_ema": {name: 2 * tensor for name, tensor in STATE.items()}, "model": STATE},
        {name: torch.nn.Parameter(tensor) for name, tensor in STATE.items()},
    ],
)
def test_where_trainers_keep_their_weights(content, tmp_path):
    torch.save(content, tmp_path / "a.pth")
    found = read_weights(tmp_path / "a.pth")
    assert same(found, STATE)
    assert not any(tensor.requires_grad for tensor in found.values())


def python2_pickle(text: bytes) -> bytes:
    """{"state_dict": {}, "rank1": a NumPy score} of protocol 2, with text as Python 2 wrote it."""

    def word(content: bytes) -> bytes:
        return b"U" + bytes([len(content)]) + content

    dtype = b"cnumpy\ndtype\n(" + word(b"f8") + b"K\x00K\x01tR"
    dtype += b"(K\x03" + word(b"<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    score = b"cnumpy.core.multiarray\nscalar\n(" + dtype + word(text) + b"tR"
    return b"\x80\x02}(" + word(b"state_dict") + b"}" + word(b"rank1") + score + b"u."


def test_scores_of_python_2(tmp_path):
    """The bytes of 0.861 are no UTF-8, and stand there as text."""
    torch.save({"state_dict": STATE, "epoch": 1}, tmp_path / "a.pth")
    score = struct.pack("<d", 0.861)
    with pytest.raises(UnicodeDecodeError):
        score.decode()
    legacy = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}]
    parts = [pickle.dumps(part, 2) for part in legacy]
    parts += [python2_pickle(score), pickle.dumps([], 2)]
    (tmp_path / "old.pth").write_bytes(b"".join(parts))
    # An empty dict has no weights; that it was read to its end is the point.
    with pytest.raises(ValueError, match="no state dict of tensors: it has 'state_dict', 'rank1'"):
        read_weights(tmp_path / "old.pth")


@pytest.mark.parametrize("name", ["a.SafeTensors", "a.pth", "weights"])
def test_safetensors_by_any_name(name, tmp_path):
    save_file(STATE, tmp_path / name)
    assert same(read_weights(tmp_path / name), STATE)


@pytest.mark.parametrize("name", ["a.PTH", "model.pth.tar-60", "a.ckpt", "weights"])
def test_checkpoints_by_any_name(name, tmp_path):
    torch.save(STATE, tmp_path / name)
    assert same(read_weights(tmp_path / name), STATE)


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: fetch it again"),
        (b"\n <!DOCTYPE html><html><title>Quota exceeded", "is a web page and not a file"),
        (b"\xef\xbb\xbf<HTML>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 9\n", "of Git LFS"),
        (b"\x1f\x8b\x08\x00", r"is compressed \(gzip\): unpack it first"),
        (b"\x89HDF\r\n\x1a\n", "is HDF5"),
        (b"PK\x03\x04 and no more", "is cut off or damaged; fetch it again"),
    ],
)
def test_what_stands_in_place_of_weights_is_named(content, message, tmp_path):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_weights(tmp_path / "a.pth")


@pytest.mark.hostile
def test_archives_that_are_not_torchs(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "no weights")
    with pytest.raises(ValueError, match=r"not one of torch\.save \(it has no data\.pkl\)"):
        read_weights(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b/data.pkl", bytes(50_000_000))
    with pytest.raises(ValueError, match="unpacks to far more than its size"):
        read_weights(tmp_path / "b.pth")
    with pytest.raises(ValueError, match="is a folder, expected one file of weights"):
        read_weights(tmp_path)


@pytest.mark.hostile
@pytest.mark.filterwarnings("ignore")
def test_torchscript_is_a_program(tmp_path):
    scripted = torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2))
    torch.jit.save(scripted, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"is TorchScript, a program.*state_dict\(\)"):
        read_weights(tmp_path / "a.pt")


@pytest.mark.hostile
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        ("sparse", "is sparse_coo"),
        (torch.zeros(3, device="meta"), "is on the device meta, without content"),
        (torch.zeros(1).expand(4 * 10**12), "has the shape .4000000000000. and is stored in fewer"),
        (torch.zeros(2, dtype=torch.complex64), "has the type complex64"),
    ],
)
def test_tensors_that_are_no_plain_numbers(tensor, message, tmp_path):
    tensor = torch.eye(3).to_sparse() if isinstance(tensor, str) else tensor
    torch.save({"state_dict": {"a": STATE["conv.bias"], "odd": tensor}}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=f"refused: 'odd' {message}.*expected plain numbers"):
        read_weights(tmp_path / "a.pth")


@pytest.mark.hostile
def test_headers_of_safetensors_are_bounded(tmp_path):
    entries = ",".join(
        f'"{n}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for n in range(400_000)
    )
    header = f"{{{entries}}}".encode()
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(ValueError, match=r"its header says \d+ bytes, \d+ are read at most"):
        read_weights(tmp_path / "a.safetensors")


def is_read_or_refused(file):
    """Weights, or a refusal that names the file; whatever else is raised goes on."""
    try:
        return all(isinstance(tensor, torch.Tensor) for tensor in read_weights(file).values())
    except ValueError as refused:
        return file.name in str(refused)


@pytest.mark.hostile
@given(st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_no_bytes_do_harm(tmp_path, content):
    """Whatever stands in a file of any ending, it is weights or one refusal in words."""
    whole = io.BytesIO()
    torch.save(STATE, whole)
    good = whole.getvalue()
    for name in ("a.pth", "a.safetensors", "a.onnx"):
        for written in (content, good[: len(content)] + content, good + content):
            (tmp_path / name).write_bytes(written)
            assert is_read_or_refused(tmp_path / name)


@pytest.mark.hostile
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_no_changed_byte_does_harm(tmp_path, changes):
    for legacy in (False, True):
        whole = io.BytesIO()
        torch.save(
            {"state_dict": STATE, "x": np.float64(1)},
            whole,
            _use_new_zipfile_serialization=not legacy,
        )
        content = bytearray(whole.getvalue())
        for place, value in changes:
            content[place % len(content)] = value
        (tmp_path / "a.pth").write_bytes(bytes(content))
        assert is_read_or_refused(tmp_path / "a.pth")
