"""What a release needs beside the wheel: workflows that do what is done here, forms, a citation."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from passerby.version import __version__

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text("utf-8"))
    for path in (ROOT / ".github" / "workflows").glob("*.yml")
}


def steps(workflow, job):
    return [step.get("run", "") for step in workflow["jobs"][job]["steps"]]


def test_the_workflow_runs_what_the_readme_says_on_all_supported_pythons():
    job = WORKFLOWS["test"]["jobs"]["test"]
    assert "python start.py test" in steps(WORKFLOWS["test"], "test")
    assert "python start.py test" in (ROOT / "README.md").read_text("utf-8")
    assert "start.py test" in (ROOT / ".ci" / "run").read_text("utf-8")
    told = {
        found[1]
        for one in PROJECT["project"]["classifiers"]
        if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", one))
    }
    assert {*job["strategy"]["matrix"]["python"]} == told
    assert {one["os"] for one in job["strategy"]["matrix"]["include"]} == {
        "macos-latest", "windows-latest",
    }  # fmt: skip


def test_a_release_is_checked_used_and_published_without_a_password():
    release = WORKFLOWS["release"]
    ran = "\n".join(steps(release, "build"))
    for part in (
        "twine check --strict", "check-wheel-contents", "pip install dist/*.whl",
        'pip install "$(echo dist/*.whl)[all]"', "cyclonedx-py environment",
    ):  # fmt: skip
        assert part in ran
    assert release["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert release["jobs"]["publish"]["needs"] == "build"
    assert release["jobs"]["announce"]["needs"] == "publish"
    assert "secrets." not in (ROOT / ".github/workflows/release.yml").read_text("utf-8")


@pytest.mark.parametrize("name", [*WORKFLOWS])
def test_workflows_may_do_no_more_than_they_need(name):
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}
    for job in WORKFLOWS[name]["jobs"].values():
        for step in job["steps"]:
            used, _, version = step.get("uses", "").partition("@")
            if used == "actions/checkout":
                assert step["with"] == {"persist-credentials": False}
            if used.startswith("actions/"):  # a tag may be moved, a commit may not
                assert re.fullmatch("[0-9a-f]{40}", version)


def test_forms_for_issues_can_be_read():
    forms = [*(ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")]
    assert len(forms) >= 2
    for form in forms:
        content = yaml.safe_load(form.read_text("utf-8"))
        assert content["name"]
        assert content["description"]
        fields = [part for part in content["body"] if part["type"] == "textarea"]
        for field in fields:  # a comma in a flow of YAML makes keys that a forge refuses
            assert field["attributes"]["label"]
            assert field["attributes"].keys() <= {"label", "description", "render"}
    assert "passerby doctor" in (ROOT / ".github/ISSUE_TEMPLATE/fault.yml").read_text("utf-8")


def test_the_version_is_the_same_wherever_it_stands():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert PROJECT["project"]["version"] == __version__ == citation["version"]


def test_how_to_cite_it_is_whole():
    """What the Citation File Format 1.2.0 asks for, and who wrote what it rests on."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["license"] == PROJECT["project"]["license"]
    assert [one["doi"] for one in citation["references"]] == ["10.32604/iasc.2021.017926"]
