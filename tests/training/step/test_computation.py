"""How a step is computed changes neither its gradients nor its statistics, nor a resumed run."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from passerby.config import Computation, LossTerm, Network, Recipe
from passerby.data.batch import Batch
from passerby.models.systems.plain import Plain
from passerby.registry import LOSSES
from passerby.tables.records import Split
from passerby.training.loop import train
from passerby.training.step import computation
from passerby.training.step.computation import Precision, stages_of
from passerby.training.step.learner import Learner

CPU = torch.device("cpu")
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def make_batch(images: int = 16) -> Batch:
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (images, 3, 32, 16), generator=generator, dtype=torch.uint8)
    persons = torch.arange(images) // 4
    zeros = torch.zeros(images, dtype=torch.int64)
    return Batch(pixels, persons, zeros, zeros, torch.arange(images))


class Noisy(nn.Module):
    """Dropout: a network whose second pass must draw what the first drew."""

    def forward(self, maps: Tensor) -> Tensor:
        return nn.functional.dropout(maps.mean(dim=(2, 3)), 0.3, self.training)


class DoubleLearner(Learner):
    """In float64, as is needed to tell rounding from a mistake."""

    def _on_device(self, batch: Batch) -> Batch:
        prepared = super()._on_device(batch)
        return replace(prepared, images=prepared.images.double())


def make_learner(
    how: Computation, losses: tuple[str, ...], *, frozen: bool = True, seed: int = 0
) -> Learner:
    """ResNet-18 with CBAM, its spatial batch norm and dropout before the neck, in float64."""
    torch.manual_seed(seed)
    attention = "cbam(spatial_batch_norm=true)"
    recipe = Recipe(
        "probe",
        network=Network("resnet18", attention=attention, classifier="circle"),
        losses=tuple(LossTerm(loss) for loss in losses),
        computation=how,
    )
    model = Plain(recipe.network, 4).double()
    model.pooling = Noisy()
    if frozen:
        for module in model.modules():
            if isinstance(module, NORMS):
                module.train = lambda mode=True, own=module: own  # type: ignore[method-assign,misc]
                module.training = False
    return DoubleLearner(recipe, model, CPU)


def gradient(learner: Learner) -> Tensor:
    """Of one step, all parameters side by side; zeros where there is none."""
    torch.manual_seed(7)
    learner.step(make_batch(), rate=0.0)
    parameters = list(learner.model.parameters())
    return torch.cat(
        [(torch.zeros_like(p) if p.grad is None else p.grad).ravel() for p in parameters]
    )


def statistics(learner: Learner) -> dict[str, Tensor]:
    state = learner.model.state_dict()
    return {name: value for name, value in state.items() if "running" in name or "num_b" in name}


OBJECTIVES = [("triplet",), ("pair_circle", "cross_entropy"), ("triplet", "cross_entropy")]
WAYS = [
    Computation(accumulate=2),
    Computation(accumulate=4),
    Computation(accumulate=3),  # parts of 6, 5 and 5
    Computation(recompute=True),
    Computation(accumulate=2, recompute=True),
]


@pytest.mark.parametrize("losses", OBJECTIVES, ids="+".join)
@pytest.mark.parametrize("how", WAYS, ids=str)
def test_gradients_are_those_of_the_plain_step(how: Computation, losses: tuple[str, ...]) -> None:
    """Batch norm frozen: equal to rounding, for every parameter, with dropout drawn alike."""
    # Dropout draws for a whole batch what it draws for its parts one after the other.
    plain = gradient(make_learner(Computation(), losses))
    other = gradient(make_learner(how, losses))
    assert float(plain.abs().max()) > 0
    assert float((plain - other).abs().max() / plain.abs().max()) < 1e-6


def test_parts_that_are_added_up_are_another_objective() -> None:
    """Why the features are joined: mining within parts misses the hardest examples."""
    learner = make_learner(Computation(), ("triplet",))
    plain = gradient(learner)
    batch, summed = make_batch(), torch.zeros_like(plain)
    for rows in (slice(0, 8), slice(8, 16)):
        torch.manual_seed(7)
        tensors = (batch.images, batch.persons, batch.cameras, batch.sources, batch.indices)
        learner.step(Batch(*(each[rows] for each in tensors)), rate=0.0)
        gradients = [p.grad for p in learner.model.parameters()]
        parameters = learner.model.parameters()
        found = zip(gradients, parameters, strict=True)
        summed += (
            torch.cat([(torch.zeros_like(p) if g is None else g).ravel() for g, p in found]) / 2
        )
    assert float((plain - summed).norm() / plain.norm()) > 0.05


def test_recomputed_batch_norm_counts_a_batch_once() -> None:
    plain = make_learner(Computation(), ("triplet", "cross_entropy"), frozen=False)
    again = make_learner(Computation(recompute=True), ("triplet", "cross_entropy"), frozen=False)
    assert torch.allclose(gradient(plain), gradient(again), rtol=0, atol=1e-12)
    expected, found = statistics(plain), statistics(again)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_batch_norm_counts_each_part_once() -> None:
    """As if the parts had been batches of their own."""
    learner = make_learner(Computation(accumulate=2), ("triplet",), frozen=False)
    twin = make_learner(Computation(), ("triplet",), frozen=False)
    images = twin._on_device(make_batch()).images
    gradient(learner)
    torch.manual_seed(7)
    twin.model.train()
    for part in images.split(8):
        twin.model(part)
    expected, found = statistics(twin), statistics(learner)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert int(found["backbone.bn1.num_batches_tracked"]) == 2
    assert all(m.momentum == 0.1 for m in learner.model.modules() if isinstance(m, NORMS))


def test_random_numbers_go_on_where_the_first_pass_left_them() -> None:
    draws = []
    for how in (Computation(), Computation(accumulate=2), Computation(recompute=True)):
        gradient(make_learner(how, ("triplet",)))
        draws.append(torch.rand(3))
    assert torch.equal(draws[0], draws[1])
    assert torch.equal(draws[0], draws[2])


def test_a_part_needs_two_images() -> None:
    with pytest.raises(ValueError, match=r"fewer than two images .* set it to 8 or less"):
        gradient(make_learner(Computation(accumulate=9), ("triplet",)))
    with pytest.raises(ValueError, match="at least 1 and at most 100000, got 0"):
        make_learner(Computation(accumulate=0), ("triplet",))


def test_stages_are_the_outermost_sequences() -> None:
    model = Plain(Network("resnet18"), 0)
    assert stages_of(model) == list(model.backbone.stages)  # type: ignore[attr-defined,operator]
    with pytest.raises(ValueError, match="Conv2d has no stages"):
        stages_of(nn.Conv2d(1, 1, 1))


@pytest.fixture
def short(recipe: Recipe) -> Recipe:
    return replace(recipe, network=replace(recipe.network, attention="none"))


@pytest.fixture
def train_only(tiny: Split) -> Split:
    return Split(tiny.source, train=tiny.train)


def test_bfloat16_on_a_cpu_only_when_asked_for(short: Recipe) -> None:
    assert Precision("auto", CPU).dtype == torch.float32
    assert Recipe("any").computation.precision == "float32"
    seen: list[torch.dtype] = []
    model = Plain(short.network, 4)
    model.backbone.register_forward_hook(lambda _, __, maps: seen.append(maps.dtype))
    batch = make_batch()
    terms = []
    for name in ("float32", "auto", "bfloat16"):
        how = replace(short, computation=Computation(precision=name))  # type: ignore[arg-type]
        learner = Learner(how, model, CPU)
        seen.pop()  # of the learner's look at the sizes
        terms.append(learner.step(batch, rate=0.0))
        assert all(p.dtype == torch.float32 for p in learner.model.parameters())
    assert seen == [torch.float32, torch.float32, torch.bfloat16]
    assert terms[2] == pytest.approx(terms[0], rel=0.05)
    assert terms[2] != terms[0]


def test_losses_see_float32(short: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.dtype] = []
    triplet = LOSSES.get("triplet")
    forward = triplet.forward  # type: ignore[attr-defined]

    def noted(self: nn.Module, features: object, batch: object) -> Tensor:
        seen.append(features.parts[0].before_neck.dtype)  # type: ignore[attr-defined]
        return forward(self, features, batch)

    monkeypatch.setattr(triplet, "forward", noted)
    how = Computation(precision="bfloat16", accumulate=2)
    Learner(replace(short, computation=how), Plain(short.network, 4), CPU).step(make_batch(), 0.0)
    assert seen == [torch.float32]


def test_float16_leaves_out_a_step_that_overflows(short: Recipe) -> None:
    """The factor begins at 2¹⁶; an overflow halves it and changes no weight."""
    how = replace(short, computation=Computation(precision="float16"))
    learner = Learner(how, Plain(short.network, 4), CPU)
    learner._forward.precision.restore({**learner._forward.precision.state(), "scale": 2.0**60})
    before = [p.detach().clone() for p in learner.model.parameters()]
    learner.step(make_batch(), rate=1e-3)
    assert learner._forward.precision.state()["scale"] == 2.0**59
    after = list(learner.model.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    learner._forward.precision.restore({**learner._forward.precision.state(), "scale": 128.0})
    learner.step(make_batch(), rate=1e-3)
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_restored_learner_goes_on_with_the_factor(short: Recipe) -> None:
    how = replace(short, computation=Computation(precision="float16"))
    first, second = (Learner(how, Plain(short.network, 4), CPU) for _ in range(2))
    first._forward.precision.restore(
        {**first._forward.precision.state(), "scale": 1024.0, "_growth_tracker": 7}
    )
    second.restore(first.state())
    assert second._forward.precision.state() == first._forward.precision.state()
    assert second._forward.precision.state()["scale"] == 1024.0


def test_a_loss_that_is_not_finite_stops_in_float16_too(
    short: Recipe, train_only: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    triplet = LOSSES.get("triplet")
    monkeypatch.setattr(
        triplet, "forward", lambda self, features, batch: features.embedding.sum() * torch.inf
    )
    recipe = replace(short, computation=Computation(precision="float16"))
    with pytest.raises(ValueError, match=r"the loss triplet is (inf|nan|-inf) at learning rate"):
        train(recipe, train_only, tmp_path)


@pytest.fixture
def quick_compiler(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Traces as torch.compile does, and generates no code."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    yield
    torch.compiler.reset()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_compiled_network_trains_and_keeps_its_names(
    recipe: Recipe, quick_compiler: None
) -> None:
    states, terms = [], []
    for compile_it in (False, True):
        torch.manual_seed(0)
        how = replace(recipe, computation=Computation(compile=compile_it))
        learner = Learner(how, Plain(recipe.network, 4), CPU)
        assert learner.remark == ""
        terms.append(learner.step(make_batch(), rate=1e-3))
        states.append(learner.state()["model"])
    assert terms[1] == pytest.approx(terms[0], rel=1e-4)
    assert list(states[0]) == list(states[1])


def test_without_a_compiler_the_network_runs_as_it_is(
    short: Recipe,
    train_only: Split,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(_: object) -> None:
        raise RuntimeError("no working C++ compiler found\nand much more")

    monkeypatch.setattr(computation.torch, "compile", fails)
    recipe = replace(short, epochs=1, computation=Computation(compile=True))
    train(recipe, train_only, tmp_path)
    shown = capsys.readouterr().out
    assert "computation.compile is left out" in shown
    assert "(no working C++ compiler found)" in shown
    assert "epoch 1/1" in shown


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(ValueError, match="do not go together"):
        make_learner(Computation(compile=True, recompute=True), ("triplet",))
    with pytest.raises(ValueError, match="sync_batch_norm needs GPUs"):
        make_learner(Computation(sync_batch_norm=True), ("triplet",))


def test_recipes_from_before_read_as_float32() -> None:
    text = Recipe("old").to_json()
    start, end = text.index(' "computation"'), text.index(' "validation_persons"')
    assert Recipe.from_json(text[:start] + text[end:]) == Recipe("old")
    changed = Recipe("old").with_setting("computation.accumulate", "4")
    assert changed.computation == Computation(accumulate=4)
