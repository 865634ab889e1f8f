"""Commands about models that others made, and about what recipes may name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from passerby.cli.options import File, Folder, Json, Model, OptionalData, Settings
from passerby.process.plain_json import as_json
from passerby.process.reporting import answer, say
from passerby.registry import KINDS

Texts = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="TEXT")]

if TYPE_CHECKING:
    Kind = str
else:
    Kind = Literal[(*KINDS, "scores", "models")]


def pull(
    name: Positional[Annotated[str | None, arg(metavar="NAME")]] = None,
    /,
    *,
    sha256: Annotated[str, arg(metavar="HASH")] = "",
    out: File = None,
    limit: Annotated[float, arg(metavar="GIGABYTES")] = 2.0,
    json: Json = False,
) -> None:
    """Fetch published weights into a cache, checked and resumed; without NAME list what is known.

    Args:
        name: of published weights, a URL (https), or hub:OWNER/REPOSITORY[@REVISION]/FILE.
        sha256: of the file, as its publisher states it.
        out: file to write in place of the cache.
        limit: gigabytes that are taken at most.
    """
    from passerby.weights.pull import published_listing, published_weights, pull

    if json and name is not None:
        raise ValueError("--json lists what is known: leave NAME out")
    if name is None:
        answer(as_json({"weights": published_weights()}) if json else published_listing())
    elif not 1e-9 <= limit <= 1e5:
        raise ValueError(f"--limit is in gigabytes, up to 100,000, got {limit:g}")
    else:
        say(pull(name, sha256, out, limit=int(limit * 1e9)))


def convert(
    file: Positional[Annotated[str, arg(metavar="FILE")]],
    /,
    *,
    out: Folder,
    source: Annotated[str, arg(name="from", metavar="FAMILY")] = "auto",
    architecture: Annotated[str | None, arg(metavar="NAME")] = None,
    set: Settings = (),
    json: Json = False,
) -> None:
    """Turn published weights (.pth, .safetensors, .onnx) into a MODEL; no code in them is run.

    Args:
        file: of torchreid, FastReID, timm, torchvision or the bag-of-tricks baseline.
        out: folder of the model.
        source: whose names the file has (see passerby list families), or auto.
        architecture: as the family calls it; timm needs it.
        set: what weights do not tell, as in input.height=384.
    """
    from passerby.models.convert import convert_weights
    from passerby.sharing.model_card import write_model_card

    converted = convert_weights(file, out, source, architecture, set)
    answer(as_json(converted) if json else converted)
    write_model_card(out)


def convert_config(
    file: Positional[Annotated[str, arg(metavar="FILE")]],
    /,
    *,
    out: Annotated[str, arg(metavar="RECIPE.json")],
    images: Annotated[int | None, arg(metavar="N")] = None,
    bases: Annotated[str | None, arg(metavar="FOLDER")] = None,
    set: Settings = (),
    json: Json = False,
) -> None:
    """Turn a YAML configuration of FastReID or torchreid into a recipe, and say what is lost.

    Every key is told: where it stands in the recipe, that nothing here is its counterpart, or that
    it is not known. A network that is not here ends it, unless --set names another.

    Args:
        file: .yml or .yaml, with the bases that it names.
        out: file of the recipe, which passerby train takes.
        images: of the train part, where iterations are counted and no known data set is named.
        bases: folder in which bases may lie (default: the one above the file's).
    """
    from pathlib import Path

    from passerby.config.peers.converting import convert_config
    from passerby.process.whole_files import write_whole

    if not out.endswith(".json"):
        raise ValueError(f"--out must end in .json, as a recipe does, got {out!r}")
    if Path(out).exists():
        raise ValueError(f"--out {out} is there already, and nothing is replaced")
    converted = convert_config(
        Path(file), images=images, bases=Path(bases) if bases else None, settings=set
    )
    write_whole(Path(out), converted.recipe.to_json())
    answer(as_json(converted) if json else converted)
    data = " ".join(f"--data {kind}" for kind in converted.data)
    say(f"the recipe is in {out}: passerby train {out} {data} --out RUN")


def export(
    model: Positional[Model],
    /,
    *,
    to: Literal["onnx", "openvino", "torch", "tensorrt"],
    out: Folder,
    int8: bool = False,
    calibrate: Annotated[
        UseAppendAction[tuple[str, ...]], arg(metavar="IMAGE|FOLDER|TABLE|[KIND=]ROOT")
    ] = (),
    data: OptionalData = None,
    most_lost: Annotated[float, arg(metavar="POINTS")] = 0.5,
    pixels: bool = False,
    any_size: bool = False,
    json: Json = False,
) -> None:
    """Write a MODEL as a file of another runtime, and show that its vectors are the same.

    What is written is compared with the checkpoint at 1, 2, 7 and 32 images: where it differs
    nothing is written, and the first layer that differs is named.

    Args:
        to: ONNX, OpenVINO's own format, torch.export's, or ONNX for NVIDIA's TensorRT with the
            command that builds an engine (not tried: no such GPU was at hand).
        out: folder of the exported model.
        int8: quantise to 8 bits: several times the speed, other vectors, another fingerprint.
        calibrate: some 300 crops like those it will see, to quantise by.
        data: also compare rank-1 and mAP before and after on this set; int8 gets a calibration
            of its own on it where the model has one.
        most_lost: percentage points of mAP that int8 may cost on it.
        pixels: resize and normalise in the graph, which then takes uint8 [N, H, W, 3] in RGB.
        any_size: leave height and width free, where the network's code allows it.
    """
    from passerby.export.exporting import Options, export_model

    options = Options(to, pixels, any_size, int8, calibrate, data, most_lost)
    exported = export_model(model, out, options)
    answer(exported.to_json() if json else exported)


def list_components(kind: Positional[Kind], /, *, json: Json = False) -> None:
    """List what can be named in recipes and commands, with options and their defaults.

    models are those that come with Passerby, scores what is published of systems, and where.

    Args:
        kind: which components.
    """
    from passerby.registry import KINDS, listing

    if kind in ("systems", "scores"):
        from passerby.cli.systems_table import scores_listing, systems_listed, systems_listing

        text = systems_listing if kind == "systems" else scores_listing
        answer(as_json(systems_listed()) if json else text())
    elif kind == "models":
        from passerby.models.packaged import models_listing, packaged_sizes

        answer(as_json({"models": packaged_sizes()}) if json else models_listing())
    elif json:
        found = {name: KINDS[kind].describe(name) for name in KINDS[kind].names()}
        answer(as_json({kind: found}))
    else:
        answer(listing(kind))


def card(
    model: Positional[Folder],
    /,
    *,
    licence: Annotated[str | None, arg(metavar="ID")] = None,
    data_terms: Annotated[str | None, arg(metavar="TEXT")] = None,
    weakness: Texts = (),
    intended: Texts = (),
    not_intended: Texts = (),
    base_model: Texts = (),
) -> None:
    """Write a model's card (README.md), and say in it what only people can say.

    What is said once is kept in statements.json; what nobody has said is called unknown.

    Args:
        model: folder of a model of your own.
        licence: of the weights, as the hub writes it: apache-2.0, cc-by-4.0, other.
        data_terms: where the training images are from, and under which terms.
        weakness: what it is known to do badly (repeatable; all anew).
        intended: a use (repeatable; in place of the general ones).
        not_intended: a use (repeatable; in place of the general ones).
        base_model: OWNER/NAME on the hub that it comes from (repeatable; all anew).
    """
    from passerby.models.checkpoint import read_card
    from passerby.sharing.model_card import lacking_in, write_model_card
    from passerby.sharing.statements import state

    read_card(model)  # before anything is written: is it one?
    said = {
        "licence": licence,
        "data_terms": data_terms,
        "weaknesses": weakness,
        "intended": intended,
        "not_intended": not_intended,
        "base_models": base_model,
    }
    state(model, {name: value for name, value in said.items() if value})
    file = write_model_card(model)
    gaps = lacking_in(model)
    say(f"the card is {file}" if file else f"only what it lacks was looked for in {model}")
    say("\n".join(["it lacks", *(f"- {gap}" for gap in gaps)]) if gaps else "it is complete")


def push(
    model: Positional[Folder],
    repository: Positional[Annotated[str, arg(metavar="OWNER/NAME")]],
    /,
    *,
    public: bool = False,
    dry_run: bool = False,
) -> None:
    """Send a model with its card to the Hugging Face hub (extra "passerby[hub]").

    Refused while the card lacks something; passerby card says what.

    Args:
        model: folder of a model.
        repository: where to; it is made when there is none.
        public: let everybody see a repository that is made now; private otherwise.
        dry_run: list files and sizes, and send nothing.
    """
    from passerby.sharing.push import push

    say(push(model, repository, public=public, dry_run=dry_run))
