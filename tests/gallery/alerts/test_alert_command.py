"""``passerby gallery alert``, from words to hits; alerts in dumps, and of another model."""

import json
from dataclasses import replace

import numpy as np
import pytest
import simplejpeg

from passerby.gallery.alerts.keeping import Wanted, add_alert
from passerby.gallery.alerts.ledger import Ledger, ledger_path
from passerby.gallery.alerts.running import alerts_of
from passerby.gallery.gallery import Gallery
from passerby.gallery.upkeep.dumps import dump
from passerby.tables.sightings import Sightings, with_columns
from tests.gallery.alerts.conftest import passage


def picture(path, seed):
    """A crop that has content: blocks of colours."""
    blocks = np.random.default_rng(seed).integers(0, 256, (16, 8, 3), np.uint8)
    pixels = np.kron(blocks, np.ones((4, 4, 1), np.uint8))
    path.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels)))
    return path


@pytest.fixture
def place(tmp_path, embedder):
    """A gallery in a folder that saw 120 strangers in a week."""
    random = np.random.default_rng(0)
    with Gallery.create(tmp_path / "lobby", embedder) as made:
        seen = []
        for number in range(120):
            vectors = random.normal(size=(1, made.about.dimensions))
            vectors /= np.linalg.norm(vectors)
            time = np.datetime64("2026-05-01") + np.timedelta64(84 * number, "m")
            seen.append(passage(number, vectors, time))
        made.store.write(Sightings.joined(seen))
    return tmp_path / "lobby"


def walked_by(place, vector, number=900):
    with Gallery.open(place) as gallery, alerts_of(gallery.store, str(place)) as ended:
        one = passage(number, vector[None], "2026-05-08T10:00")
        ended(with_columns(one, thumbnails=[b"jpeg"]))
        gallery.store.write(one)


@pytest.fixture
def token(monkeypatch):
    """In the environment, for the webhook."""
    monkeypatch.setenv("TOKEN", "s3cret")
    return "{TOKEN}"


def test_from_words_to_a_judged_hit(passerby_command, place, hook, embedder, token):
    tmp_path = place.parent
    images = [picture(tmp_path / f"{n}.jpg", n) for n in range(2)]
    lines = tmp_path / "hits.jsonl"
    alert = ["gallery", "alert"]
    done = passerby_command(
        *alert, "add", place, *images, "--name", "thief", "--at-most", "2 a week", "--to", lines,
        "--to", hook.address + token, "--with-picture",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "added: thief: at most 2 false alarms a week" in done.out
    assert "nearest passages so far" in done.out
    assert "s3cret" not in (place / "about.json").read_text()

    done = passerby_command(*alert, "list", place)
    assert "threshold" in done.out
    assert f"{hook.address}..." in done.out
    assert "TOKEN" not in done.out
    assert "sent:" in passerby_command(*alert, "test", place, "thief", "--send").out
    assert hook.bodies.pop()["test"] is True

    walked_by(place, embedder([str(images[0])])[0] / np.linalg.norm(embedder([str(images[0])])[0]))
    told = json.loads(lines.read_text().splitlines()[-1])
    assert hook.bodies == [told]
    assert (told["alert"], told["camera"], told["gallery"]) == ("thief", "door", "lobby")
    assert told["picture"] == "anBlZw=="
    assert hook.paths[-1] == "/s3cret"

    done = passerby_command(*alert, "report", place)
    assert "0 confirmed, 0 denied, 1 not judged" in done.out
    assert passerby_command(*alert, "judge", place, "1", "no").code == 0
    (found,) = json.loads(passerby_command(*alert, "report", place, "--json").out)
    assert (found["denied"], found["open"]) == (1, 0)
    assert "nothing waited" in passerby_command(*alert, "deliver", place).out

    assert "confirm the removal" in passerby_command(*alert, "remove", place, "thief").err
    done = passerby_command(*alert, "remove", place, "thief", "--yes")
    assert "removed: thief, and 1 hit" in done.out
    assert json.loads((place / "about.json").read_text())["alerts"] == []
    assert b"jpeg" not in (place / "alerts.sqlite").read_bytes()
    assert "no alerts" in passerby_command(*alert, "list", place).out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add", "PLACE", "IMAGE", "--name", "x", "--at-most", "often"], "1 a week"),
        (["add", "PLACE", "IMAGE", "--name", " ", "--at-most", "1 a week"], "needs a name"),
        (["add", "PLACE", "none.jpg", "--name", "x", "--at-most", "1 a week"], "none.jpg"),
        (
            ["add", "PLACE", "IMAGE", "--name", "x", "--at-most", "1 a week", "--to", "ftp://h/"],
            "h",
        ),
        (["remove", "PLACE", "nobody", "--yes"], "no alert is named 'nobody'"),
        (["judge", "PLACE", "7", "yes"], "number of a hit"),
        (["juge", "PLACE"], "did you mean 'judge'"),
        (["list", "nowhere"], "no gallery there"),
    ],
)
def test_mistakes_are_named(passerby_command, place, tmp_path, words, message):
    image = picture(tmp_path / "a.jpg", 0)
    names = {"PLACE": place, "IMAGE": image}
    done = passerby_command("gallery", "alert", *[names.get(word, word) for word in words])
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_dumps_carry_alerts_which_come_paused(passerby_command, place, tmp_path, embedder):
    image = picture(tmp_path / "a.jpg", 0)
    with Gallery.open(place) as gallery:
        add_alert(gallery.store, embedder, [image], Wanted("thief", 2.0, ("https://else.where/",)))
        dump(gallery.store, tmp_path / "g.zip")
    there = tmp_path / "there"
    Gallery.restore(tmp_path / "g.zip", there)
    vector = embedder([str(image)])[0]
    walked_by(there, vector / np.linalg.norm(vector))
    with Gallery.open(there) as gallery:
        ledger = Ledger(ledger_path(gallery.store))
        assert ledger.hits() == []
        ledger.close()
    done = passerby_command("gallery", "alert", "resume", there, "thief")
    assert "https://else.where/..." in done.out
    with Gallery.open(there) as gallery:
        assert not gallery.about.alerts[0].paused


def test_alerts_are_of_the_gallerys_model(place, tmp_path, embedder):
    image = picture(tmp_path / "a.jpg", 0)
    with Gallery.open(place) as gallery:
        gallery.store.change_about(lambda about: replace(about, model="another"))
        with pytest.raises(ValueError, match="different models"):
            add_alert(gallery.store, embedder, [image], Wanted("thief", 2.0))


def test_blank_images_and_taken_names_are_refused(place, tmp_path, embedder):
    blank = tmp_path / "blank.jpg"
    blank.write_bytes(simplejpeg.encode_jpeg(np.full((64, 32, 3), 128, np.uint8)))
    image = picture(tmp_path / "a.jpg", 0)
    with Gallery.open(place) as gallery:
        with pytest.raises(ValueError, match="hardly a crop"):
            add_alert(gallery.store, embedder, [blank], Wanted("thief", 2.0))
        add_alert(gallery.store, embedder, [image], Wanted("thief", 2.0))
        with pytest.raises(ValueError, match="already"):
            add_alert(gallery.store, embedder, [image], Wanted("thief", 1.0))
        with pytest.raises(ValueError, match="1 to 20"):
            add_alert(gallery.store, embedder, [image] * 21, Wanted("other", 1.0))


def test_a_gallery_on_a_server_needs_a_place_for_hits(gallery, monkeypatch):
    monkeypatch.delenv("PASSERBY_STATE")
    with alerts_of(gallery.store, "memory://x") as ended:
        assert ended is None
    with pytest.raises(ValueError, match="PASSERBY_STATE"):
        ledger_path(gallery.store)
