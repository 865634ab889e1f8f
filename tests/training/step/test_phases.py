"""Phases: what trains in each, on which losses, how fast, and resuming at and within them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from passerby.config import LossTerm, Network, Optimizer, Phase, Recipe, Schedule, term_names
from passerby.losses import Batch, Features, Loss
from passerby.models import starting
from passerby.models.checkpoint import load_model
from passerby.models.systems.plain import Plain
from passerby.registry import LOSSES
from passerby.tables.records import Split
from passerby.training import loop
from passerby.training.loop import train
from passerby.training.record import state_saving as keeping
from passerby.training.record.logbook import read_metrics
from passerby.training.record.state import State
from passerby.training.step.learner import Learner
from passerby.training.step.phases import Stage, cut, frozen_batch_norms, stage_number

CE, TRIPLET = LossTerm("cross_entropy"), LossTerm("triplet")
WHOLE = Stage("", 0, 6, ("*",), (CE,), Optimizer(), Schedule())
HEAD, ALL = Phase("head", 2, trains=("classifier*", "neck*")), Phase("all", 4)


def weights(folder: Path) -> dict[str, Tensor]:
    return load_model(folder, classifier=True)[0].state_dict()


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_without_phases_the_whole_is_one_stage() -> None:
    assert cut(WHOLE, ()) == (WHOLE,)


def test_a_phase_takes_from_the_recipe_what_it_leaves_open() -> None:
    own, slower = Optimizer("sgd", rate=0.1), Schedule("constant", warm_up=0)
    first, second, third = cut(
        WHOLE,
        (
            Phase("a", 1, trains=("neck*",), rate=1e-3),
            Phase("b", 2, losses=(TRIPLET,), schedule=(slower,)),
            Phase("c", 3, rate=0.01, optimizer=(own,)),
        ),
    )
    assert (first.first, second.first, third.first) == (0, 1, 3)
    assert first == replace(
        WHOLE, name="a", epochs=1, trains=("neck*",), optimizer=Optimizer(rate=1e-3)
    )
    assert second == replace(WHOLE, name="b", first=1, epochs=2, losses=(TRIPLET,), schedule=slower)
    assert third.optimizer == Optimizer("sgd", rate=0.01)
    stages = (first, second, third)
    assert [stage_number(stages, epoch) for epoch in range(6)] == [0, 1, 1, 2, 2, 2]


def test_the_schedule_runs_over_the_phases_own_epochs() -> None:
    schedule = Schedule("cosine", warm_up=1, warm_up_start=0.5)
    _, stage = cut(replace(WHOLE, schedule=schedule), (HEAD, replace(ALL, rate=2.0)))
    rates = [stage.rate(epoch) for epoch in (2, 2.5, 3, 4.5, 6)]
    assert rates == pytest.approx([1, 1.5, 2, 1, 0])


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ((HEAD,), r"the phases have 2 epochs, the recipe 6: .*\(--set epochs=2\)"),
        ((HEAD, replace(ALL, epochs=5)), r"have 2 \+ 5 epochs, the recipe 6"),
        ((HEAD, replace(ALL, name="head")), "needs a name of its own, got 'head', 'head'"),
        ((HEAD, replace(ALL, name="")), "needs a name of its own"),
        ((HEAD, replace(ALL, schedule=(Schedule(),) * 2)), "'all': schedule must be one, or none"),
        ((HEAD, replace(ALL, losses=(TRIPLET, TRIPLET))), "has the loss 'triplet' twice"),
    ],
)
def test_phases_that_do_not_fit_are_refused(phases: tuple[Phase, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cut(WHOLE, phases)


def test_a_pattern_without_a_parameter_is_refused_at_once(
    recipe: Recipe, tiny: Split, tmp_path: Path
) -> None:
    """Also that of a phase that begins later; the message lists what could have been meant."""
    recipe = replace(
        recipe, phases=(Phase("a", 1), Phase("last", 1, trains=("neck*", "clasifier*")))
    )
    with pytest.raises(ValueError, match=r"phase 'last': no parameter is named 'clasifier\*'") as e:
        train(recipe, tiny, tmp_path)
    assert "backbone.layer4.*, neck.weight, classifier.weight" in str(e.value)


def test_batch_norms_stand_still_where_all_of_them_is_frozen() -> None:
    model = nn.ModuleDict(
        {
            "trained": nn.BatchNorm1d(2),
            "partly": nn.BatchNorm1d(2),
            "frozen": nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)),
            "plain": nn.BatchNorm1d(2, affine=False),
            "named": nn.BatchNorm1d(2, affine=False),
        }
    )
    still = frozen_batch_norms(model, ("trained*", "partly.weight", "named*", "frozen.0.*"))
    assert still == [model["frozen"][1], model["plain"]]  # type: ignore[index]
    assert frozen_batch_norms(model, ("*",)) == []


@pytest.fixture
def staged(recipe: Recipe) -> Recipe:
    """A frozen warm-up of one epoch, then two with everything and another loss."""
    return replace(
        recipe,
        epochs=3,
        phases=(
            Phase("head", 1, trains=("classifier*", "neck*"), losses=(CE,), rate=1e-3),
            Phase("all", 2, optimizer=(Optimizer("sgd", rate=0.01),)),
        ),
    )


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[float, dict[str, Tensor]]]]:
    """(rate, the network's state) after each step."""
    steps: list[tuple[float, dict[str, Tensor]]] = []
    step = Learner.step

    def noting(self: Learner, batch: object, rate: float) -> dict[str, float]:
        values = step(self, batch, rate)  # type: ignore[arg-type]
        state = {name: value.clone() for name, value in self.model.state_dict().items()}
        steps.append((rate, state))
        return values

    monkeypatch.setattr(Learner, "step", noting)
    return steps


def test_a_frozen_warm_up(
    staged: Recipe,
    tiny: Split,
    tmp_path: Path,
    noted: list[tuple[float, dict[str, Tensor]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Classifier and neck learn first; backbone and its batch norms begin as they were."""
    torch.manual_seed(0)
    before = Plain(staged.network, persons=12).state_dict()
    train_only = Split(tiny.source, train=tiny.train)
    train(staged, train_only, tmp_path)
    epoch = len(noted) // 3
    head = {
        "classifier.weight",
        "neck.weight",
        "neck.running_mean",
        "neck.running_var",
        "neck.num_batches_tracked",
    }
    assert changed(before, noted[epoch - 1][1]) == head
    assert changed(noted[epoch - 1][1], noted[epoch][1]) == set(before) - {"neck.bias"}
    schedule = staged.schedule  # each phase warms up anew
    assert noted[0][0] == 1e-3 * schedule.warm_up_start
    assert noted[epoch][0] == 0.01 * schedule.warm_up_start
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert [row["phase"] for row in rows] == ["head", "all", "all"]
    assert [set(row["losses"]) for row in rows] == [
        {"cross_entropy"},
        {"cross_entropy", "triplet"},
        {"cross_entropy", "triplet"},
    ]
    said = capsys.readouterr().out
    assert "phase head: 1 epoch" in said
    assert "epoch 3/3 (all)" in said


def test_a_single_phase_is_the_recipe_without_phases(
    recipe: Recipe, tiny: Split, tmp_path: Path
) -> None:
    train_only = Split(tiny.source, train=tiny.train)
    plain = train(recipe, train_only, tmp_path / "plain")
    phased = replace(recipe, phases=(Phase("all", recipe.epochs),))
    one = train(phased, train_only, tmp_path / "one")
    assert not changed(weights(plain.out), weights(one.out))
    rows = [read_metrics(run.out / "metrics.jsonl") for run in (plain, one)]
    assert [row["losses"] for row in rows[0]] == [row["losses"] for row in rows[1]]
    assert "phase" not in rows[0][0]


class Staged(Plain):
    """Draws its classifier anew when the phase ``all`` begins, and counts the phases."""

    def __init__(self, network: Network, persons: int) -> None:
        super().__init__(network, persons)
        self.register_buffer("phases", torch.zeros(()))
        self.begun: list[str] = []

    def begin(self, phase: str) -> None:
        """Once a phase."""
        self.begun.append(phase)
        self.phases: Tensor
        self.phases.add_(1)
        if phase == "all":
            assert self.classifier is not None
            nn.init.normal_(self.classifier.weight, std=0.01)


class Centred(Loss):
    """A loss with a parameter of its own, in one phase only."""

    def __init__(self) -> None:
        super().__init__()
        self.middle = nn.Parameter(torch.zeros(512))

    def forward(self, features: Features, batch: Batch) -> Tensor:
        return (features.parts[0].before_neck - self.middle).square().mean()


@pytest.mark.parametrize("stop", ["at the boundary", "within the phase"])
def test_an_interrupted_run_resumes_at_and_within_a_phase(
    staged: Recipe, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    monkeypatch.setattr(LOSSES, "_found", {**LOSSES._found, "centred": Centred})
    monkeypatch.setattr(starting, "build_model", Staged)
    head, whole_phase = staged.phases
    losses = (CE, LossTerm("triplet(soft=True)"), LossTerm("centred"))
    staged = replace(staged, phases=(head, replace(whole_phase, losses=losses)))
    models: list[Staged] = []
    make = Staged.__init__

    def noting(self: Staged, network: Network, persons: int) -> None:
        make(self, network, persons)
        models.append(self)

    monkeypatch.setattr(Staged, "__init__", noting)
    train_only = Split(tiny.source, train=tiny.train)
    ends: list[dict[str, Tensor]] = []
    monkeypatch.setattr(loop, "_test", lambda *_: ends.append(models[-1].state_dict()))
    train(staged, train_only, tmp_path / "whole")
    save, epochs = keeping.save_state, {"at the boundary": 1, "within the phase": 2}[stop]

    def killed(out: Path, state: State) -> None:
        save(out, state)
        if state.epoch == epochs:
            raise KeyboardInterrupt

    monkeypatch.setattr(keeping, "save_state", killed)
    with pytest.raises(KeyboardInterrupt):
        train(staged, train_only, tmp_path / "cut")
    monkeypatch.setattr(keeping, "save_state", save)
    train(staged, train_only, tmp_path / "cut", resume=True)
    assert not changed(*ends)
    assert ends[0]["phases"] == 2
    begun = [model.begun for model in models]
    assert begun == [
        ["head", "all"],
        ["head"] if epochs == 1 else ["head", "all"],
        ["all"] if epochs == 1 else [],
    ]
    rows = [read_metrics(tmp_path / name / "metrics.jsonl") for name in ("whole", "cut")]
    assert [row["losses"] for row in rows[0]] == [row["losses"] for row in rows[1]]
    assert [row["phase"] for row in rows[1]] == ["head", "all", "all"]


def test_a_loss_of_other_options_is_another_loss(recipe: Recipe) -> None:
    """Of the same options it is the same one, parameters included."""
    built: list[str] = []
    soft = LossTerm("triplet(soft=True)", 0.5)
    recipe = replace(
        recipe,
        epochs=3,
        losses=(TRIPLET,),
        phases=(Phase("a", 1), Phase("b", 1, losses=(CE, soft)), Phase("c", 1, losses=(TRIPLET,))),
    )
    learner = Learner(recipe, Plain(recipe.network, 4), torch.device("cpu"))
    for epoch in range(3):
        learner.begin_epoch(epoch)
        built.append(", ".join(repr(loss) for _, loss in learner._objective.active()))
    assert built == ["Triplet()", "CrossEntropy(), Triplet()", "Triplet()"]
    assert list(learner._objective.losses) == ["triplet", "cross_entropy", "triplet_2"]


def test_settings_reach_a_phase_by_its_name(recipe: Recipe) -> None:
    recipe = replace(recipe, epochs=6, phases=(HEAD, replace(ALL, losses=(CE, TRIPLET))))
    assert Recipe.from_json(recipe.to_json()) == recipe
    longer = recipe.with_setting("phases.head.epochs", "9")
    assert [phase.epochs for phase in longer.phases] == [9, 4]
    warm = recipe.with_setting("phases.all.losses.triplet.margin", "0.1")
    assert warm.phases[1].losses == (CE, LossTerm("triplet(margin=0.1)"))
    with pytest.raises(ValueError, match=r"expected phases\.NAME\.FIELD \(phases: head, all\)"):
        recipe.with_setting("phases.tail.epochs", "3")


def test_a_loss_may_come_twice_on_different_parts() -> None:
    own, others = replace(CE, parts="global"), replace(CE, parts="stripe*")
    (stage,) = cut(replace(WHOLE, losses=(own, others, TRIPLET)), ())
    names = ["cross_entropy[global]", "cross_entropy[stripe*]", "triplet"]
    assert term_names(stage.losses) == names
