"""The state of an unfinished run: whole or not there, and never code."""

import os
import random
from pathlib import Path

import pytest
import torch

from passerby.training.record.state import State, load_state, remove_state, save_state


def make_state(epoch: int = 1) -> State:
    torch.manual_seed(epoch)
    learner = {
        "model": {"weight": torch.randn(4, 3), "batches": torch.tensor(7)},
        "losses": {},
        "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 0.1}]},
    }
    return State(epoch, '{"name": "x"}', 5, "fingerprint", learner, float("-inf"))


class Malicious:
    """Runs a command when unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    state = make_state()
    save_state(tmp_path, state)
    found = load_state(tmp_path)
    assert found is not None
    assert (found.epoch, found.recipe, found.seed, found.data) == (
        1,
        state.recipe,
        5,
        "fingerprint",
    )
    assert found.best_score == float("-inf")
    assert torch.equal(found.learner["model"]["weight"], state.learner["model"]["weight"])
    assert found.learner["optimizer"] == state.learner["optimizer"]


def test_no_state_is_none(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None
    remove_state(tmp_path)
    save_state(tmp_path, make_state())
    remove_state(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_kill_while_writing_leaves_the_old_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_state(tmp_path, make_state(1))
    whole = (tmp_path / "state.pt").read_bytes()

    def killed(number: int) -> None:  # when the new content is written, before it takes the name
        assert (tmp_path / "state.pt.part").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        save_state(tmp_path, make_state(2))
    assert (tmp_path / "state.pt").read_bytes() == whole
    found = load_state(tmp_path)
    assert found is not None
    assert found.epoch == 1
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]
    (tmp_path / "state.pt.part").write_bytes(b"PK half")  # as a SIGKILL leaves it
    save_state(tmp_path, make_state(3))
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_a_half_written_first_state_is_not_picked_up(tmp_path: Path) -> None:
    (tmp_path / "state.pt.part").write_bytes(b"PK half")
    assert load_state(tmp_path) is None


def test_code_in_a_state_is_refused_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    content = vars(make_state()) | {"learner": Malicious(mark)}
    torch.save(content, tmp_path / "state.pt")
    with pytest.raises(ValueError, match="cannot be resumed from"):
        load_state(tmp_path)
    assert not mark.exists()
    torch.load(tmp_path / "state.pt", weights_only=False)
    assert mark.exists()  # the file was indeed able to run it


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_damage_is_told_with_the_file(tmp_path: Path) -> None:
    save_state(tmp_path, make_state())
    path, chance = tmp_path / "state.pt", random.Random(0)
    whole = path.read_bytes()
    damaged = [b"", b"no state at all", whole[: len(whole) // 2], whole[:-1], b"\x80" * 9]
    damaged += [chance.randbytes(chance.randrange(1, 300)) for _ in range(60)]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"state\.pt cannot be resumed from: .* remove it"):
            load_state(tmp_path)


def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    content = vars(make_state())
    for other in ({**content, "more": 1}, {k: v for k, v in content.items() if k != "data"}, [1]):
        torch.save(other, tmp_path / "state.pt")
        with pytest.raises(ValueError, match="cannot be resumed from"):
            load_state(tmp_path)
