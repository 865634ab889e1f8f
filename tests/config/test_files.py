"""The recipe that a command names: a name, a file of JSON, a model's card, a function in a file."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from passerby.config import (
    LossTerm,
    Phase,
    Recipe,
    component_files,
    import_file,
    imported_files,
    open_recipe,
)
from passerby.registry import LOSSES, RECIPES

OWN = '''
from __future__ import annotations

from dataclasses import dataclass, replace

from passerby.config import LossTerm, Recipe
from passerby.losses import Loss
from passerby.recipes.table1 import table1_baseline
from passerby.registry import LOSSES

NUMBER = 3


@dataclass(frozen=True)
class Choice:
    weight: float


@LOSSES.register
class OwnLoss(Loss):
    """Nothing to lose."""

    def __init__(self, share: float = 0.5) -> None:
        super().__init__()
        self.share = share

    def forward(self, features, batch):
        return self.share * features.parts[0].before_neck.square().mean()


def mine(weight: float = 0.1) -> Recipe:
    recipe = table1_baseline("compact")
    term = LossTerm("own_loss(share=0.25)", Choice(weight).weight)
    return replace(recipe, name="mine", losses=(*recipe.losses, term))


def nothing() -> None:
    pass
'''


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    """A user's recipe file with a loss of its own; the loss is forgotten afterwards."""
    LOSSES.names()
    before = dict(LOSSES._found)
    file = tmp_path / "own.py"
    file.write_text(OWN, encoding="utf-8")
    yield file
    LOSSES._found.clear()
    LOSSES._found.update(before)


def test_a_name_with_options() -> None:
    assert open_recipe("table1_ours") == RECIPES.build("table1_ours")
    compact = open_recipe("table1-ours(scale=compact)")
    assert compact.name == "table1_ours(scale=compact)"
    assert compact.network.backbone == "resnet18(last_stride=1)"


def test_settings_are_applied_in_order() -> None:
    settings = ["losses.triplet.margin=0.2", "epochs=3", "epochs=4", "name=a=b"]
    recipe = open_recipe("table1_ours", settings)
    assert recipe.losses[1] == LossTerm("triplet(margin=0.2)")
    assert recipe.epochs == 4
    assert recipe.name == "a=b"


def test_a_json_file(tmp_path: Path) -> None:
    recipe = RECIPES.build("table1_se")
    file = tmp_path / "se.json"
    file.write_text(recipe.to_json(), encoding="utf-8")
    assert open_recipe(str(file)) == recipe
    assert open_recipe(str(file), ["epochs=1"]).epochs == 1


def test_the_card_of_a_model(tmp_path: Path) -> None:
    recipe = RECIPES.build("table1_se")
    card = {"format": 1, "recipe": json.loads(recipe.to_json()), "persons": 7, "seed": 0}
    (tmp_path / "config.json").write_text(json.dumps(card), encoding="utf-8")
    assert open_recipe(str(tmp_path / "config.json")) == recipe


def test_a_function_in_a_file_that_registers_a_loss(own: Path) -> None:
    recipe = open_recipe(f"{own}:mine(weight=0.2)", ["losses.own_loss.share=0.5"])
    assert isinstance(recipe, Recipe)
    assert recipe.losses[-1] == LossTerm("own_loss(share=0.5)", 0.2)
    assert LOSSES.build(recipe.losses[-1].loss).share == 0.5
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_a_file_can_be_opened_again_and_changed_in_between(own: Path) -> None:
    first = open_recipe(f"{own}:mine")
    assert open_recipe(f"{own}:mine") == first
    own.write_text(OWN.replace("share: float = 0.5", "share: float = 0.75"), encoding="utf-8")
    open_recipe(f"{own}:mine")
    assert LOSSES.build("own_loss").share == 0.75


def test_two_files_of_one_name_are_two(own: Path) -> None:
    other = own.parent / "other" / "own.py"
    other.parent.mkdir()
    other.write_text(OWN, encoding="utf-8")
    open_recipe(f"{own}:mine")
    with pytest.raises(ValueError, match="already is a loss named 'own_loss'"):
        open_recipe(f"{other}:mine")
    other.write_text(OWN.replace("OwnLoss", "OtherLoss"), encoding="utf-8")
    open_recipe(f"{other}:mine")
    losses = [LOSSES.build("own_loss"), LOSSES.build("other_loss")]
    assert set(imported_files(losses).values()) == {own.resolve(), other.resolve()}
    assert set(imported_files(losses[1:]).values()) == {other.resolve()}


def test_the_files_of_a_recipes_components_are_known(own: Path) -> None:
    recipe = open_recipe(f"{own}:mine")
    assert component_files(recipe) == (own.resolve(),)
    assert component_files(open_recipe("table1_ours")) == ()
    phase = Phase("all", recipe.epochs, losses=recipe.losses)
    staged = replace(recipe, losses=(LossTerm("cross_entropy"),), phases=(phase,))
    assert component_files(staged) == (own.resolve(),)


def test_a_file_is_imported_for_what_it_registers(own: Path) -> None:
    import_file(own)
    assert "own_loss" in LOSSES.names()
    with pytest.raises(ValueError, match=r"no such file: nowhere\.py"):
        import_file(Path("nowhere.py"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("def mine(:", r"own\.py cannot be run: SyntaxError: .* \(line 1\)"),
        ("import json\n\njson.loads('')", r"cannot be run: JSONDecodeError: .* \(line 3\)"),
        ("import nothing_such", r"cannot be run: ModuleNotFoundError: .*nothing_such.* \(line 1\)"),
    ],
)
def test_a_file_that_does_not_run_is_told_with_its_line(
    own: Path, content: str, message: str
) -> None:
    own.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        open_recipe(f"{own}:mine")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("theirs", r"own\.py has no function 'theirs'"),
        ("NUMBER", "has no function 'NUMBER'"),
        ("nothing", r"own\.py:nothing must return a Recipe, got NoneType"),
        ("mine(wieght=1)", r"own\.py:mine\(wieght=1\): .*'wieght'"),
        ("", "expected name"),
        ("mine(", "expected name"),
    ],
)
def test_slips_in_a_function_are_told(own: Path, function: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_recipe(f"{own}:{function}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tabel1_ours", "no recipe is named 'tabel1_ours'; did you mean 'table1_ours'"),
        ("table1_ours(scael=compact)", "no option 'scael'; did you mean 'scale'"),
        ("none.json", r"cannot read none\.json: "),
        ("none.py:mine", r"no such recipe file: none\.py"),
        ("none.py", r"name the function that makes the recipe: none\.py:FUNCTION"),
        ("", "expected name"),
    ],
)
def test_slips_are_told(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_recipe(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a recipe as JSON"),
        (b"{", "is not a recipe as JSON"),
        (b"\xff\xfe\x00", "it is not text"),
        (b"[]", "expected a mapping of fields"),
        (b"3", "expected a mapping of fields"),
        (b"{}", "recipe: .*name"),
        (b'{"recipe": []}', "recipe must be a mapping of fields"),
        (b'{"name": "x", "epoch": 3}', "unknown field 'epoch'; did you mean 'epochs'"),
    ],
)
def test_a_json_file_that_is_no_recipe_is_named(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "odd.json").write_bytes(content)
    with pytest.raises(ValueError, match=rf"odd\.json.*{message}"):
        open_recipe(str(tmp_path / "odd.json"))


@pytest.mark.parametrize("setting", ["epochs", "", "losses.triplet.margin"])
def test_a_setting_without_a_value_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match="--set takes path=value"):
        open_recipe("table1_ours", [setting])
