"""Published weights by name, URL and hub, the cache, and the commands."""

import hashlib
import re

import pytest
import torch

from passerby.registry import RECIPES
from passerby.weights.pull import PUBLISHED, Published, pull, pulled_state


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_table(name):
    entry = PUBLISHED[name]
    assert re.fullmatch(r"[a-z0-9_]+", name)
    assert entry.url.startswith("https://")
    assert re.fullmatch(r"([0-9a-f]{8}|[0-9a-f]{64})?", entry.sha256)
    assert "published under" in entry.terms
    assert "research only" in entry.terms


def test_recipes_can_start_from_the_table():
    backbones = [RECIPES.build(name).network.backbone for name in RECIPES.names()]
    assert "osnet(width=1.0, variant=plain)" in backbones
    assert "osnet_x1_0_imagenet" in PUBLISHED


def test_a_url_lands_in_the_cache_under_a_harmless_name(site, cache):
    url = f"{site.url}/..%2F..%2Fx/a.pth"
    pulled = pull(url)
    assert pulled.file.path.parent.parent == cache / "weights"
    assert pulled.file.path.name == "a.pth"
    assert "not known beforehand" in str(pulled)
    assert pull(url).file.cached
    assert "in the cache" in str(pull(url))
    other = pull(f"{site.url}/other/a.pth").file.path
    assert other.name == "a.pth"
    assert other != pulled.file.path


def test_a_file_of_ones_own(site, tmp_path):
    digest = hashlib.sha256(site.content).hexdigest()
    pulled = pull(f"{site.url}/a.pth", digest, tmp_path / "mine" / "x.pth")
    assert pulled.file.path == tmp_path / "mine" / "x.pth"
    assert "as expected" in str(pulled)
    assert f"passerby convert {pulled.file.path} --out MODEL" in str(pulled)


def test_the_hub(site, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", site.url + "/")
    pull("hub:owner/name/folder/a.pth")
    pull("hub:owner/name@v1.0/a.pth")
    assert [path for path, _ in site.asked] == [
        "/owner/name/resolve/main/folder/a.pth",
        "/owner/name/resolve/v1.0/a.pth",
    ]


@pytest.mark.hostile
@pytest.mark.parametrize(
    "name",
    [
        "hub:owner/name",
        "hub:owner//a.pth",
        "hub:owner/../a.pth",
        "hub:owner/name/../../a.pth",
        "hub:owner/name/a.pth?x=1",
        "hub:ow ner/name/a.pth",
        "hub:owner/name@../a.pth",
    ],
)
def test_what_is_no_file_on_a_hub(name):
    with pytest.raises(ValueError, match=r"expected hub:OWNER/REPOSITORY\[@REVISION\]/FILE"):
        pull(name)


@pytest.mark.hostile
def test_names_that_do_not_exist():
    with pytest.raises(ValueError, match="did you mean 'osnet_x1_0_msmt17'"):
        pull("osnet_x1_0_msmt")
    with pytest.raises(ValueError, match=r"no published weights are named '\.\./\.\./etc/passwd'"):
        pull("../../etc/passwd")
    with pytest.raises(ValueError, match="is not encrypted"):
        pull("http://example.org/a.pth")


def test_named_weights_are_fetched_once_and_read(site, tmp_path, monkeypatch):
    torch.save({"a": torch.ones(2)}, tmp_path / "x.pth")
    site.content = (tmp_path / "x.pth").read_bytes()
    entry = Published(f"{site.url}/x.pth", hashlib.sha256(site.content).hexdigest()[:8], "none")
    monkeypatch.setattr("passerby.weights.pull.PUBLISHED", {"made_up": entry})
    with pytest.raises(ValueError, match="passerby pull made_up fetches them once"):
        pulled_state("made_up")
    assert pull("made-up").known
    assert pulled_state("made_up")["a"].tolist() == [1, 1]
    assert len(site.asked) == 1


def test_the_command(site, passerby_command, tmp_path):
    listed = passerby_command("pull")
    assert listed.code == 0
    assert "osnet_x0_25_msmt17" in listed.out
    assert "hash unknown" in listed.out
    done = passerby_command("pull", f"{site.url}/a.pth", "--out", tmp_path / "b.pth")
    assert done.code == 0, done.err
    assert (tmp_path / "b.pth").read_bytes() == site.content
    failed = passerby_command("pull", f"{site.url}/c.pth", "--limit", "0.0001")
    assert failed.code == 2
    assert "is larger than 100000 bytes" in failed.err
    for limit in ("inf", "nan", "0", "-1"):
        failed = passerby_command("pull", f"{site.url}/c.pth", "--limit", limit)
        assert failed.code == 2
        assert "--limit is in gigabytes" in failed.err
