"""The commands, from words on the command line to files and messages."""

import csv
import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from passerby import registry
from passerby.calls import Call
from passerby.data.keypoints import read_keypoints
from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import load
from passerby.models.checkpoint import read_card
from passerby.studies import ablation
from passerby.tables.embeddings import Embeddings
from passerby.training.record.logbook import read_metrics
from passerby.training.step.learner import Learner
from passerby.visual.picture_cells import STYLES

ROOT = Path(__file__).resolve().parents[2]

# Seconds instead of minutes.
TINY = [
    *("--set", "epochs=1"),
    *("--set", "input.height=64"),
    *("--set", "input.width=32"),
    *("--set", "sampling.persons=4"),
    *("--set", "schedule.warm-up=0.5"),
]
# The table of systems is a page of its own.
KINDS = {kind: known for kind, known in registry.KINDS.items() if kind != "systems"}


@pytest.fixture(scope="module")
def trained(passerby_command, tiny_root, tmp_path_factory):
    """(folder of a model, what training it printed); the folder's name is no rich markup."""
    out = tmp_path_factory.mktemp("runs") / "[red] run"
    return out, passerby_command(
        "train", "table1_ours(scale=compact)", "--data", tiny_root, "--out", out, *TINY,
        "--seed", 3,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(trained):
    return trained[0]


@pytest.fixture(scope="module")
def without_cameras(tiny_root, tmp_path_factory):
    """Query and gallery as one folder a person, cameras unknown."""
    root = tmp_path_factory.mktemp("folders") / "plain"
    split = read_split(str(tiny_root))
    for part in ("query", "gallery"):
        for number, record in enumerate(split.parts[part]):
            if record.person > 0:
                person = root / part / f"person{record.person}"
                person.mkdir(parents=True, exist_ok=True)
                shutil.copy(record.image, person / f"{number}.jpg")
    return root


def only_line(text):
    """The one line of a complaint."""
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    return lines[0]


# What needs no torch


def test_help_of_every_command_does_not_import_torch():
    code = (
        "import sys\n"
        "from passerby.cli.app import main\n"
        "for command in ('', 'train', 'evaluate', 'rank', 'ablate', 'list', 'demo', 'data',\n"
        "                'verify', 'calibrate', 'compare', 'compare-reports',\n"
        "                'data check', 'data synthesize'):\n"
        "    sys.argv = ['passerby', *command.split(), '--help']\n"
        "    try:\n        main()\n"
        "    except SystemExit as leave:\n        assert not leave.code, command\n"
        "print([name for name in ('torch', 'numpy', 'PIL') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--camera-pairs" in done.stdout
    assert "--test-persons" in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_list_shows_names_options_and_first_lines(passerby_command, kind):
    done = passerby_command("list", kind)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    calls = [Call.parse(line) for line in lines[::2]]
    assert [call.name for call in calls] == KINDS[kind].names()
    for call, line in zip(calls, lines[1::2], strict=True):
        component = KINDS[kind].get(call.name)
        assert line == f"    {(inspect.getdoc(component) or '').splitlines()[0]}"
        parameters = inspect.signature(component).parameters
        assert {name: parameters[name].default for name in call.options} == call.options


def test_a_stream_that_knows_no_greek_is_no_error(monkeypatch, tmp_path):
    """As a pipe on Windows, whose encoding lacks Σ and γ."""
    from passerby.cli.app import main

    path = tmp_path / "listed.txt"
    monkeypatch.setattr(sys, "argv", ["passerby", "list", "losses"])
    with path.open("w", encoding="cp1252") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with mock.patch.dict(os.environ):  # a command sets variables, of a process of its own
            main()
    assert "triplet(margin=0.3" in path.read_text(encoding="cp1252")


# train, evaluate, rank


def test_train_leaves_a_model_and_says_where(trained, tiny_root):
    out, done = trained
    assert (done.code, done.err) == (0, "")
    assert "table1_ours(scale=compact): 72 images of 12 persons of synthetic, 1 epoch" in done.out
    assert "test: rank-1 " in done.out
    last = done.out.splitlines()[-1]
    assert last == (f"the model is in {out}: passerby rank {out} --data {tiny_root} --out ...")
    card = read_card(out)
    assert card.seed == 3
    assert (card.recipe.input.height, card.recipe.sampling.persons) == (64, 4)
    assert card.recipe.schedule.warm_up == 0.5
    files = {path.name for path in out.iterdir()}
    kept = {"config.json", "metrics.jsonl", "model.safetensors", "report.json"}
    assert files == kept | {"README.md"}


def test_train_resumes_a_finished_run_without_training(
    passerby_command, trained, tiny_root, monkeypatch
):
    out, _ = trained
    monkeypatch.setattr(Learner, "step", lambda *_: pytest.fail("trained again"))
    done = passerby_command(
        "train", out / "config.json", "--data", tiny_root, "--out", out, "--seed", 3, "--resume"
    )
    assert done.code == 0, done.err
    assert done.out.startswith("test: rank-1 ")


def test_evaluate_prints_and_writes_the_report_of_training(
    passerby_command, model, tiny_root, tmp_path
):
    done = passerby_command(
        "evaluate", model, "--data", tiny_root, "--json", tmp_path / "report.json"
    )
    assert (done.code, done.err) == (0, "")
    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    of_training = json.loads((model / "report.json").read_text(encoding="utf-8"))
    assert of_training.pop("test_part")  # by which a resumed run knows its test part again
    assert written == of_training
    line, intervals = done.out.splitlines()
    assert line.startswith(f"rank-1 {written['rank1']:.2f}  rank-5 {written['rank5']:.2f}")
    assert intervals.startswith(f"rank-1 {written['rank1']:.2f} (")
    assert "95 % intervals over" in intervals
    assert f"mAP {written['mean_average_precision']:.2f}" in line
    assert "(18 queries, 21 gallery images, cosine)" in line


def test_evaluate_takes_its_options(passerby_command, model, tiny_root, tmp_path):
    def scores(*options):
        path = tmp_path / "report.json"
        done = passerby_command("evaluate", model, "--data", tiny_root, "--json", path, *options)
        assert (done.code, done.err) == (0, "")
        return json.loads(path.read_text(encoding="utf-8"))

    plain = scores()
    for option in ("--flip", "--before-neck", "--metric=euclidean", "--no-camera-rule"):
        assert scores(option)["per_query"] != plain["per_query"], option
    assert scores("--metric", "euclidean")["metric"] == "euclidean"
    loose = scores("--no-camera-rule")
    assert (plain["camera_rule"], loose["camera_rule"]) == (True, False)
    assert scores("--no-flip") == plain


@pytest.fixture(scope="module")
def saved(model, tiny_root, tmp_path_factory):
    """Options that name saved embeddings of the tiny set."""
    folder, split = tmp_path_factory.mktemp("saved"), read_split(str(tiny_root))
    embedder = load(str(model))
    query = embedder.embed(split.query).embeddings.save(folder / "q.npz")
    gallery = embedder.embed(split.gallery).embeddings.save(folder / "g.npz")
    return "--query", query, "--gallery", gallery


def test_evaluate_takes_saved_embeddings(passerby_command, model, tiny_root, saved, tmp_path):
    by_model, by_files = tmp_path / "model.json", tmp_path / "files.json"
    done = passerby_command("evaluate", model, "--data", tiny_root, "--json", by_model)
    assert passerby_command("evaluate", *saved, "--json", by_files).out == done.out
    one, other = (json.loads(path.read_text("utf-8")) for path in (by_model, by_files))
    assert {**one, "notes": []} == {**other, "notes": []}


def test_evaluate_counts_ties_as_asked(passerby_command, saved, tmp_path):
    collapsed = []
    for option, path in zip(saved[::2], saved[1::2], strict=True):
        part = Embeddings.load(path)
        target = tmp_path / path.name
        Embeddings(np.ones((len(part), 2)), part.persons, part.cameras).save(target)
        collapsed += [option, target]
    path = tmp_path / "report.json"
    options = ("--ties", "worst", "--average-precision", "trapezoid", "--top", "3")
    done = passerby_command("evaluate", *collapsed, "--json", path, *options)
    assert "queries have ties, ranked matches last" in done.out
    content = json.loads(path.read_text("utf-8"))
    assert content["tied_queries"] == content["queries"] > 0
    assert content["rank1"] == 0
    assert len(content["cmc"]) == 3
    assert content["average_precision"] == "trapezoid"


def test_evaluate_shows_camera_pairs(passerby_command, model, tiny_root, tmp_path):
    path = tmp_path / "report.json"
    done = passerby_command(
        "evaluate", model, "--data", tiny_root, "--camera-pairs", "--json", path
    )
    pairs = json.loads(path.read_text(encoding="utf-8"))["camera_pairs"]
    found = [(pair["query_camera"], pair["gallery_camera"]) for pair in pairs]
    assert found == [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)]
    lines = done.out.splitlines()[1:-1]  # after the scores, before their intervals
    assert len(lines) == 6
    assert lines[0].startswith("camera 1 asks camera 2 of synthetic: rank-1 ")
    assert f"rank-1 {pairs[0]['rank1']:.2f}" in lines[0]


def test_images_that_cannot_be_read_are_named(passerby_command, model, tiny_root, tmp_path):
    root = tmp_path / "set"
    shutil.copytree(tiny_root, root)
    broken = min((root / "query").iterdir())
    broken.write_bytes(broken.read_bytes()[:200])
    report = tmp_path / "report.json"
    done = passerby_command("evaluate", model, "--data", root, "--json", report)
    assert done.code == 0
    assert f"set aside: cannot read the image {broken}" in done.out
    written = json.loads(report.read_text(encoding="utf-8"))
    assert written["queries"] == 17
    assert str(broken) in written["notes"][-1]


@pytest.mark.parametrize("colours", ["paper", "safe"])
def test_rank_draws_pictures(passerby_command, model, tiny_root, tmp_path, colours):
    out = tmp_path / "[bold] lists"
    done = passerby_command(
        "rank", model, "--data", tiny_root, "--out", out, "--queries", 2, "--columns", 4,
        "--colours", colours,
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    files = sorted(out.iterdir())
    assert len(files) == 3
    overview = out / "overview.png"
    assert only_line(done.out) == f"3 pictures in {out}; begin with {overview}"
    with Image.open(overview) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    for name, style in STYLES.items():
        drawn = [np.sum((pixels == colour).all(axis=1)) for colour in (style.right, style.wrong)]
        assert (min(drawn) > 500) == (name == colours), name  # a frame has some 2,000 pixels


def test_rank_draws_other_queries_for_another_seed(passerby_command, model, tiny_root, tmp_path):
    drawn = []
    for number, seed in enumerate((0, 0, 1)):
        out = tmp_path / str(number)
        passerby_command(
            "rank", model, "--data", tiny_root, "--out", out, "--queries", 2, "--seed", seed
        )
        drawn.append(sorted(path.name for path in out.iterdir()))
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_set_without_cameras_works_when_told_so(
    passerby_command, model, without_cameras, tmp_path
):
    commands = (["evaluate", model], ["rank", model, "--out", tmp_path, "--queries", 2])
    for command in commands:
        refused = passerby_command(*command, "--data", without_cameras)
        assert refused.code == 2
        line = only_line(refused.err)
        assert line.startswith("passerby: the query has no camera numbers")
        assert "--no-camera-rule" in line
        done = passerby_command(*command, "--data", without_cameras, "--no-camera-rule")
        assert (done.code, done.err) == (0, "")
    assert (
        "camera rule off"
        in passerby_command("evaluate", model, "--data", without_cameras, "--no-camera-rule").out
    )


# data


def test_data_check_counts(passerby_command, tiny_root):
    done = passerby_command("data", "check", tiny_root)
    assert (done.code, done.err) == (0, "")
    assert f"synthetic at {tiny_root}" in done.out
    counts = {tuple(line.split()) for line in done.out.splitlines()}
    assert {("train", "72", "12", "3"), ("query", "18", "6", "3")} <= counts
    assert "nothing to complain of" in done.out


def test_data_check_decode_names_a_corrupt_file(passerby_command, tiny_root, tmp_path):
    root = tmp_path / "set"
    shutil.copytree(tiny_root, root)
    broken = min((root / "bounding_box_train").iterdir())
    broken.write_bytes(broken.read_bytes()[:200])
    assert "nothing to complain of" in passerby_command("data", "check", root).out
    done = passerby_command("data", "check", root, "--decode", "--images-per-person", 7)
    assert done.code == 0
    assert "113 images read, 1 cannot be decoded" in done.out
    assert "1 image cannot be read and is set aside" in done.out
    assert broken.name in done.out.replace("\n", "")
    assert "12 train persons have fewer than 7 images" in done.out


def test_data_synthesize_makes_a_set(passerby_command, tmp_path):
    arguments = (
        "data", "synthesize", tmp_path / "set", "--seed", 5, "--train-persons", 3,
        "--test-persons", 2, "--cameras", 2, "--images", 2, "--workers", 1,
    )  # fmt: skip
    done = passerby_command(*arguments)
    assert (done.code, done.err) == (0, "")
    assert only_line(done.out) == f"drawn: passerby data check {tmp_path / 'set'}"
    split = read_split(str(tmp_path / "set"))
    assert (len(split.train), len(split.query)) == (12, 4)
    assert passerby_command(*arguments).code == 0
    other = passerby_command("data", "synthesize", tmp_path / "set", "--seed", 6)
    assert other.code == 2
    assert "choose another folder" in only_line(other.err)


def test_data_synthesize_says_what_is_true_of_its_pictures(passerby_command, tmp_path):
    root = tmp_path / "set"
    done = passerby_command(
        "data", "synthesize", root, "--train-persons", 1, "--test-persons", 0, "--cameras", 1,
        "--images", 1, "--workers", 1, "--style", "street", "--clothes-change", 2,
        "--with-joints", "--with-masks",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    split = read_split(str(root))
    assert [record.time.day for record in split.train] == [5, 6]
    assert (read_keypoints(root / "keypoints.json", split.train)[..., 2] > 0).any()
    assert len(list(root.glob("masks/*/*.png"))) == 2


# ablate


def test_ablate_stops_and_goes_on_row_by_row(passerby_command, tiny_root, tmp_path, monkeypatch):
    out = tmp_path / "table1"
    arguments = ("ablate", "--data", tiny_root, "--out", out, "--rows", "ours,cbam", *TINY)
    trained, train, step = [], ablation.train, Learner.step

    def interrupted(recipe, split, folder, **options):
        if folder.name == "cbam":
            raise KeyboardInterrupt
        return train(recipe, split, folder, **options)

    monkeypatch.setattr(ablation, "train", interrupted)
    stopped = passerby_command(*arguments)
    assert stopped.code == 130
    assert "passerby ablate goes on from there when it is called again" in only_line(stopped.err)
    assert "row 1 of 2: Ours (CBAM, Tri Cir)" in stopped.out
    assert [row["row"] for row in json.loads((out / "table.json").read_text("utf-8"))] == ["ours"]
    first = (out / "ours" / "model.safetensors").read_bytes()

    def noted(learner, batch, *others):
        trained.append(len(batch.images))
        return step(learner, batch, *others)

    monkeypatch.setattr(ablation, "train", train)
    monkeypatch.setattr(Learner, "step", noted)
    done = passerby_command(*arguments)
    assert (done.code, done.err) == (0, "")
    (epoch,) = read_metrics(out / "cbam" / "metrics.jsonl")
    assert sum(trained) == 48  # one row's epoch: 12 persons, a group of four images each
    assert set(epoch["losses"]) == {"cross_entropy"}
    assert (out / "ours" / "model.safetensors").read_bytes() == first
    check_tables(out, done.out)

    told = passerby_command(*arguments, "--json")  # all is there: nothing is trained
    assert json.loads(told.out)["rows"] == json.loads((out / "table.json").read_text("utf-8"))
    assert "tables and chart" in told.err
    other = passerby_command(*arguments, "--set", "epochs=2")
    assert other.code == 2
    assert "another recipe or seed" in only_line(other.err)


def check_tables(out, printed):
    """All four files say the same: ours from the reports, the paper's, and their difference."""
    names = ablation.FIGURES
    report = json.loads((out / "ours" / "report.json").read_text(encoding="utf-8"))
    paper = dict(zip(names, (92.40, 96.82, 98.16, 79.70), strict=True))
    ours, cbam = json.loads((out / "table.json").read_text(encoding="utf-8"))
    assert ours["ours"] == {name: report[name] for name in names}
    assert ours["paper"] == paper
    assert ours["difference"] == pytest.approx({n: report[n] - paper[n] for n in names})
    assert (cbam["row"], cbam["paper"], cbam["difference"]) == ("cbam", None, None)

    with (out / "table.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    for name in names:
        assert float(first[name]) == report[name]
        assert float(first[f"paper_{name}"]) == paper[name]
        assert float(first[f"difference_{name}"]) == pytest.approx(report[name] - paper[name])
        assert second[f"paper_{name}"] == second[f"difference_{name}"] == ""
    assert first["row"] == "ours"

    text = (out / "table.md").read_text(encoding="utf-8")
    assert text.startswith("Table 1, ours on synthetic, scale compact, seed 0, beside the paper's")
    header, rule, *rows = (line for line in text.splitlines() if line.startswith("|"))
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [len(row) for row in cells] == [header.count("|") - 1] * 2
    assert rule.count("|") == header.count("|")
    assert cells[0][0] == "Ours (CBAM, Tri Cir)"
    assert cells[0][1:9] == [f"{figures[n]:.2f}" for figures in (report, paper) for n in names]
    for cell, name in zip(cells[0][9:11], ("rank1", "mean_average_precision"), strict=True):
        assert cell == f"{report[name] - paper[name]:+.2f}"
    assert cells[1][5:11] == ["–"] * 6
    assert all(row in printed for row in rows)

    drawing = ElementTree.parse(out / "table.svg").getroot()
    told = " ".join(drawing.itertext())
    assert f"{report['mean_average_precision']:.1f}" in told
    assert "79.7" in told


# Mistakes


@pytest.fixture
def places(model, tiny_root, tmp_path, monkeypatch):
    """What the words in capitals stand for, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return {"SET": str(tiny_root), "MODEL": str(model), "OUT": "out"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train", "tabel1_ours", "--data", "SET", "--out", "OUT"],
            "no recipe is named 'tabel1_ours'; did you mean 'table1_ours'?",
        ),
        (
            ["train", "table1_ours", "--data", "SET", "--out", "OUT", "--set", "epoch=3"],
            "--set epoch: Recipe has no field 'epoch'; did you mean 'epochs'?",
        ),
        (
            ["train", "table1_ours", "--data", "SET", "--out", "OUT", "--set", "epochs"],
            "--set takes path=value, got 'epochs'",
        ),
        (
            ["train", "table1_ours", "--data", "nowhere", "--out", "OUT"],
            "no such file or folder: nowhere",
        ),
        (
            ["train", "table1_ours", "--data", "marked1501=SET", "--out", "OUT"],
            "no data set is named 'marked1501'; did you mean 'market1501'?",
        ),
        (["train", "table1_ours", "--data", "SET", "--out", "MODEL"], "add --resume, or choose"),
        (
            ["train", "demo", "--data", "SET", "--out", "OUT", "--set", "sampling.persons=40"],
            "a batch of 40 persons cannot be drawn from 12: lower it with "
            "--set sampling.persons=12",
        ),
        (["evaluate", "SET", "--data", "SET"], "is no model folder: expected model.safetensors"),
        (["evaluate", "nowhere", "--data", "SET"], "nowhere is no model folder"),
        (["rank", "SET", "--data", "SET", "--out", "OUT"], "is no model folder"),
        (["evaluate", "MODEL", "--data", "nowhere"], "no such file or folder: nowhere"),
        (
            ["evaluate", "MODEL", "--data", "SET", "--json", "MODEL/config.json/a.json"],
            "config.json is no folder",
        ),
        (["data", "check", "nowhere"], "no such file or folder: nowhere"),
        (
            ["ablate", "--data", "SET", "--out", "OUT", "--rows", "our"],
            "Table 1 has no row 'our' (rows: baseline, tri, ",
        ),
        (["demo", "--data", "nowhere", "--out", "OUT"], "no such file or folder: nowhere"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_mistake_is_one_clear_line(passerby_command, places, arguments, message):
    for name, place in places.items():
        arguments = [argument.replace(name, place) for argument in arguments]
    done = passerby_command(*arguments)
    assert done.code == 2
    line = only_line(done.err)
    assert line.startswith("passerby: ")
    assert message in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian", "table1_ours"], "trian"),
        (["train"], "--out"),
        (["rank", "m"], "--data"),
        (["train", "table1_ours", "--data", "x", "--out", "y", "--sede", "1"], "--sede"),
        (["list", "nets"], "nets"),
        (["rank", "m", "--data", "x", "--out", "y", "--colours", "loud"], "loud"),
        (["evaluate", "m", "--data", "x", "--metric", "manhattan"], "manhattan"),
    ],
)
def test_words_that_do_not_exist_are_named(passerby_command, arguments, message):
    done = passerby_command(*arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_mistake_of_ours_keeps_its_traceback(passerby_command, monkeypatch):
    def broken(kind):
        raise AssertionError("an invariant")

    monkeypatch.setattr(registry, "listing", broken)
    with pytest.raises(AssertionError, match="an invariant"):
        passerby_command("list", "losses")


def test_interrupted_it_says_how_to_go_on(passerby_command, tiny_root, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Learner, "step", interrupted)
    arguments = ["train", "table1_ours(scale=compact)", "--data", tiny_root, *TINY]
    done = passerby_command(*arguments, "--out", tmp_path / "run")
    assert done.code == 130
    assert "--resume" in only_line(done.err)
    monkeypatch.undo()
    done = passerby_command(*arguments, "--out", tmp_path / "run", "--resume")
    assert (done.code, done.err) == (0, "")
