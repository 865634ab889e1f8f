"""The benchmark of training runs; what it measures is told apart by nothing but its speed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(script: str, *options: str, **environment: str) -> str:
    """What a benchmark prints; it ends well, or the test fails with all that it said."""
    done = subprocess.run(
        [sys.executable, script, *options],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_training_benchmark_runs():
    rows = ["passerby", "plain-cbam", "torchreid"]
    printed = run("benchmarks/training.py", "--size", "small", "--rounds", "1", "--only", *rows)
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith("| ")]
    measured = {row[0].strip("| "): row[1] for row in rows if row[0].strip("| ")}
    assert float(measured["passerby"]) > 0
    assert float(measured["plain torchvision"]) > 0
    peer = next(line for line in printed.splitlines() if line.startswith("| torchreid"))
    assert "No module named 'torchreid'" in peer or float(measured["torchreid"]) > 0


def test_models_are_scored_on_train_persons(tiny_root):
    printed = run("benchmarks/unseen_cameras.py", "--data", str(tiny_root), "histogram")
    assert "| histogram | " in printed


def test_the_rows_of_the_ablation_are_timed():
    options = ["--rows", "baseline,ours", "--steps", "1", "--set", "input.height=32"]
    printed = run("benchmarks/ablation.py", *options, "--set", "input.width=16")
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines()[2:]]
    assert [row[0] for row in rows] == ["Baseline", "Ours (CBAM, Tri Cir)"]
    assert all(float(figure) > 0 for row in rows for figure in row[1:])


def test_the_inference_benchmark_runs(tmp_path):
    options = ["--models", "small", "--only", "plain", "torch", "torchreid", "--rounds", "1"]
    options += ["--batches", "2", "--images", "2"]
    printed = run("benchmarks/inference.py", *options, PASSERBY_CACHE=str(tmp_path))
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines()]
    ours = [row for row in rows if row[0] == "passerby, PyTorch"]
    assert float(ours[0][3].split()[0]) < 1e-5  # off plain PyTorch's vectors by
    speeds = [float(row[1].split(" ")[0]) for row in ours[1:3]]  # the network alone, and from JPEG
    assert min(speeds) > 0
    [reading] = ours[3:]
    assert float(reading[1]) < 100  # % of the time from JPEG; of two small images it may be noise


def test_adaptation_is_measured_on_train_persons(tiny_root, tmp_path, request):
    """The whole, of a tiny set of one source: tables with a row a way."""
    if not request.config.getoption("long"):
        pytest.skip("seven ways on four tables take half a minute: --long")
    sources = tmp_path / "sources.csv"
    sources.write_text("first_person,last_person,source\n0,9999,tiny\n")
    options = ["default", "--data", str(tiny_root), "--sources", str(sources)]
    printed = run("benchmarks/adaptation.py", *options)
    assert printed.count("| plain cosine | ") == 4
    assert printed.count("| nobody in common, draw") == 3


def test_fine_tuning_is_measured_on_the_other_half(tiny_root, tmp_path, request):
    """A set of too little is not fine-tuned, and says so."""
    if not request.config.getoption("long"):
        pytest.skip("drawing persons and embedding them takes half a minute: --long")
    sources = tmp_path / "sources.csv"
    sources.write_text("first_person,last_person,source\n0,9999,tiny\n")
    options = ["--data", str(tiny_root), "--sources", str(sources), "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "benchmarks/adaptation_training.py", *options],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not fine-tuned: too little to learn from") == 2
    assert done.stdout.count("| tiny | ") == 1


def test_few_judged_pairs_are_measured_by_source(tiny_root, tmp_path):
    persons = sorted({int(file.name[:4]) for file in (tiny_root / "bounding_box_train").iterdir()})
    sources = tmp_path / "sources.csv"
    sources.write_text(f"first_person,last_person,source\n{persons[0]},{persons[-1]},tiny\n")
    options = ["--data", str(tiny_root), "--sources", str(sources), "--draws", "1"]
    printed = run("benchmarks/calibration.py", *options)
    asked = next(line for line in printed.splitlines() if line.startswith("| | asked | "))
    assert float(asked.split("|")[3].split()[0]) >= 1


def test_the_gpu_benchmark_runs_on_a_cpu(request):
    """A few of its parts; with --long all."""
    options = ["--device", "cpu", "--size", "small", "--workers", "0"]
    whole = request.config.getoption("long")
    if not whole:
        options += ["--parts", "embedding_parity", "loss_parity", "loading", "evaluation"]
        options += ["runtimes", "busy"]
    printed = run("benchmarks/gpu.py", *options)
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines() if "| " in line]
    figures = dict(rows[1:])
    assert figures["embeddings in fp32, off the CPU's by"].startswith("0.0e+00")
    assert float(figures["losses in bfloat16, off by"].split()[0]) < 0.1
    assert float(figures["ONNX Runtime, CPU, batch 8"].split()[0]) > 0
    assert figures["ONNX Runtime, CPU, off its CPU's by"].startswith("0.0e+00")
    assert figures["GPU busy, embedding from JPEG"] == "there is no GPU"
    assert float(figures["loader alone, 0 processes"].split()[0]) > 0
    if whole:
        assert figures["two runs of one seed, deterministic"] == "equal"
        assert figures["process group: start, gather, end"].endswith(" s")
        assert len(figures) > 15
    assert "no time" not in printed


def test_the_cost_of_attention_is_measured(tmp_path):
    options = ["--backbone", "resnet18", "--size", "32", "16", "--attentions", "cbam"]
    options += ["--runtimes", "torch"]
    printed = run("benchmarks/attention.py", *options, PASSERBY_CACHE=str(tmp_path))
    row = printed.splitlines()[-1].strip("| ").split(" | ")
    assert row[0] == "cbam"
    assert 1 < float(row[1]) < 1.1  # of the arithmetic
    assert float(row[2]) > 0


def test_what_a_precision_costs_is_measured_on_train_persons(tiny_root, small_model):
    options = ["--data", str(tiny_root), "--model", str(small_model), "--most", "6"]
    printed = run("benchmarks/precision.py", *options)
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines() if "| " in line]
    plain = next(row for row in rows if row[0].endswith("torch fp32"))
    assert plain[3].startswith("0.00")
    assert float(plain[5]) < 1e-6


def test_students_are_distilled_and_scored(tiny_root, tmp_path):
    options = ["--persons", "8", "--images", "64", "--epochs", "1", "--timed", "1"]
    printed = run(
        "benchmarks/distil.py", tmp_path, "--data", tiny_root, "--last", "4",
        "--only", "osnet_x0_25", *options,
    )  # fmt: skip
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines() if "| " in line]
    names = [row[0] for row in rows[1:]]
    assert names[:2] == ["`default`, the teacher", "osnet_x0_25, as it begins"]
    assert names[2].startswith("osnet_x0_25, distilled (")
    for row in rows[1:]:
        rank1, mean = map(float, row[-1].split(" / "))
        assert 0 < mean <= 100
        assert 0 <= rank1 <= 100


def test_the_cost_of_passages_is_measured():
    printed = run("benchmarks/passages.py", "cost", "--sightings", "300")
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines()[2:4]]
    assert [row[0] for row in rows] == ["columns of before", "with those of passages"]
    assert float(rows[1][1]) < float(rows[0][1]) + 0.1  # MB
    assert "one sighting with pictures: 1 rows" in printed


def test_the_opt_out_list_is_measured(tiny_root):
    printed = run("benchmarks/opt_out.py", "--data", str(tiny_root), "--persons", "2")
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines() if line[:3] == "| 0"]
    assert [float(row[0]) for row in rows] == [0.001, 0.01]
    assert all(0 <= float(figure) <= 1 for row in rows for figure in row[1:3])
    assert [row[3] for row in rows] == ["2", "2"]
