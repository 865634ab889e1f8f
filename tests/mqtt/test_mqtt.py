"""Messages out and snapshots in: their shape, what is kept back, and a real broker in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from passerby.data.crops import content_id
from passerby.embedding.embedder import load
from passerby.gallery.forgetting.opting_out import opt_out_images
from passerby.gallery.gallery import Gallery
from passerby.mqtt.broker import Broker, Message
from passerby.mqtt.frigate import Bridge, event_of
from passerby.mqtt.passages_out import PassagesOut, passages_to
from passerby.mqtt.topics import discovery, topic_part
from passerby.tables.sightings import Sightings

ROOT = Path(__file__).resolve().parents[2]
START = 1_777_636_800.25  # 2026-05-01T12:00:00.25Z


def jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (48, 24, 3), np.uint8)
    return simplejpeg.encode_jpeg(pixels)


def event(number: int = 1, kind: str = "end", **changed) -> bytes:
    """As Frigate publishes it, as far as it is read."""
    after = {
        "id": f"{START + number}-abc{number}", "camera": "front door", "label": "person",
        "sub_label": None, "top_score": 0.83, "false_positive": False, "start_time": START + number,
        "end_time": START + number + 9.5, "box": [1, 2, 3, 4], "has_snapshot": True,
        "current_zones": [],
    }  # fmt: skip
    after |= changed
    return json.dumps({"type": kind, "before": after, "after": after}).encode()


class Recorded:
    """In a broker's place: what was published."""

    prefix = "passerby"

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict, bool]] = []

    def publish(self, topic, content, *, retain=False):
        self.sent.append((topic, json.loads(json.dumps(content)), retain))

    def of(self, topic):
        return [content for name, content, _ in self.sent if name == topic]


@pytest.fixture
def gallery(tmp_path, small_model):
    with Gallery.create(tmp_path / "home", load(small_model, device="cpu")) as made:
        yield made


@pytest.fixture
def bridge(gallery):
    return Bridge(Recorded(), gallery, "home", enrol=True)


def shown(bridge, number, **changed):
    bridge.take(Message("frigate/front door/person/snapshot", jpeg(number)))
    bridge.take(Message("frigate/events", event(number, **changed)))


@pytest.mark.parametrize(
    ("name", "part"),
    [("a/b", "a_b"), ("#", "unknown"), ("+/x", "x"), ("$SYS", "SYS"), ("a\x00b\n", "a_b")],
)
def test_no_name_changes_a_topic(name, part):
    assert topic_part(name) == part


def test_home_assistant_is_told_of_cameras_and_of_nobody():
    found = discovery("passerby", "my home", ["front door", "hall"])
    assert {topic.split("/")[3] for topic in found} == {"front_door_person", "hall_person", "alert"}
    one = found["homeassistant/sensor/passerby_my_home/front_door_person/config"]
    assert one["state_topic"] == "passerby/front_door/identity"
    assert one["availability_topic"] == "passerby/status"
    assert len({content["unique_id"] for content in found.values()}) == 3


def test_only_persons_whose_event_has_ended():
    found = event_of(event())
    assert (found.camera, found.id) == ("front door", f"{START + 1}-abc1")
    assert (found.last - found.first).total_seconds() == 9.5
    for other in (
        event(kind="new"), event(kind="update"), event(label="dog"), event(false_positive=True),
        event(id="../../etc"), event(start_time="soon"), event(start_time=1e300), event(camera=""),
        b"", b"\xff\xfe", b"[]", b"null", b'{"type": "end"}', b'{"type": "end", "after": 3}',
    ):  # fmt: skip
        assert event_of(other) is None


def test_an_event_is_told_of_enrolled_and_found_again(bridge, gallery):
    shown(bridge, 1)
    shown(bridge, 2)
    first, second = bridge.broker.of("passerby/front_door/identity")
    assert first["event"] == f"{START + 1}-abc1"
    assert (first["camera"], first["from"]) == ("front door", "2026-05-01T12:00:01.250000Z")
    assert (first["person"], first["like"]) == (None, [])
    assert "vector" not in first
    assert [one["sighting"] for one in second["like"]] == [content_id(jpeg(1))]
    assert second["like"][0]["likelihood_ratio"] is None  # nothing is calibrated
    rows = next(iter(gallery.store.read(with_thumbnails=True)))
    assert {*rows.cameras.tolist()} == {"front door"}
    assert all(rows.thumbnails)
    assert not np.isnat(rows.untils).any()
    assert bridge.told == 2


def test_vectors_only_where_they_were_asked_for(gallery):
    bridge = Bridge(Recorded(), gallery, "home", vectors=True)
    shown(bridge, 3)
    (said,) = bridge.broker.of("passerby/front_door/identity")
    expected = gallery.embedder([jpeg(3)])[0]
    np.testing.assert_allclose(said["vector"], expected / np.linalg.norm(expected), atol=1e-5)
    assert said["model"] == gallery.about.model
    assert len(gallery) == 0  # not enrolled unless asked


def test_who_asked_not_to_be_known_is_not_told_of(bridge, gallery):
    opt_out_images(gallery, [jpeg(4)])
    shown(bridge, 4)
    assert bridge.broker.sent == []
    assert len(gallery) == 0


@pytest.mark.parametrize("snapshot", [b"", b"rubbish", jpeg(1)[:200]])
def test_a_snapshot_that_is_none_is_said(bridge, snapshot, capsys):
    bridge.take(Message("frigate/front door/person/snapshot", snapshot))
    bridge.take(Message("frigate/events", event()))
    assert bridge.broker.sent == []
    out = capsys.readouterr().out
    assert "has no snapshot" in out or "cannot be read" in out


class Frigate(BaseHTTPRequestHandler):
    """Frigate's API, as far as it is asked."""

    asked: list[tuple[str, bytes]] = []  # noqa: RUF012

    def do_GET(self):
        self.asked.append((self.path, b""))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(jpeg(1))

    def do_POST(self):
        self.asked.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_the_event_s_own_snapshot_and_a_sub_label(gallery, monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), Frigate)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    Frigate.asked.clear()
    try:
        http = f"http://127.0.0.1:{server.server_port}"
        bridge = Bridge(Recorded(), gallery, "home", http=http, enrol=True, label=True)
        bridge.take(Message("frigate/events", event()))
        monkeypatch.setattr(
            "passerby.mqtt.frigate.identity_of",
            lambda *_: {"person": "ann", "probability": 0.9},
        )
        bridge.take(Message("frigate/events", event(2)))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    paths = [path.partition("?")[0] for path, _ in Frigate.asked]
    assert paths == [
        f"/api/events/{START + 1}-abc1/snapshot.jpg",
        f"/api/events/{START + 2}-abc2/snapshot.jpg",
        f"/api/events/{START + 2}-abc2/sub_label",
    ]
    assert json.loads(Frigate.asked[2][1]) == {"subLabel": "ann", "subLabelScore": 0.9}
    bridge.take(Message("frigate/events", event(3)))  # it is gone: said, and passed over
    assert bridge.told == 2


def test_passages_and_identities_go_out(gallery):
    gallery.add([jpeg(1)], person="ann", camera="hall", source="/srv/videos/a.mp4")
    out = PassagesOut(broker := Recorded(), gallery, "home", ["door"])
    rows = next(iter(gallery.store.read()))
    new = Sightings(["f" * 32], rows.vectors, cameras=["door"], sources=["/srv/videos/b.mp4"])
    out.take(new)
    (said,) = broker.of("passerby/door/passage")
    assert (said["camera"], said["source"], said["gallery"]) == ("door", "b.mp4", "home")
    (who,) = broker.of("passerby/door/identity")
    assert [one["person"] for one in who["like"]] == ["ann"]
    assert who["person"] is None  # alike, but nothing says what that is worth
    assert all(retain == topic.startswith("homeassistant/") for topic, _, retain in broker.sent)


def test_vectors_need_an_address(gallery):
    with (
        pytest.raises(ValueError, match="--mqtt ADDRESS"),
        passages_to(None, gallery, "home", [], vectors=True),
    ):
        pass


def test_a_broker_that_is_not_there_is_said():
    pytest.importorskip("paho.mqtt")
    with pytest.raises(ValueError, match="no broker there"), Broker("mqtt://127.0.0.1:9/passerby"):
        pass
    with pytest.raises(ValueError, match="a topic"):
        Broker("mqtt://127.0.0.1")
    with pytest.raises(ValueError, match="expected mqtt"):
        Broker("https://127.0.0.1/x")


def test_by_way_of_mosquitto_whoever_dies_is_offline(mosquitto, listener, gallery):
    with Broker(mosquitto.address) as broker:
        out = PassagesOut(broker, gallery, "home", ["door"])
        listener.wait_for("passerby/status")
        vector = np.eye(1, gallery.about.dimensions)
        out.take(Sightings(["e" * 32], vector, cameras=["door"]))
        said = json.loads(listener.wait_for("passerby/door/identity")[0])
        assert (said["sighting"], said["person"]) == ("e" * 32, None)
        topic = "homeassistant/sensor/passerby_home/door_person/config"
        assert json.loads(listener.wait_for(topic)[0])["state_topic"] == "passerby/door/identity"
    assert listener.wait_for("passerby/status", 2) == [b"online", b"offline"]
    with Broker(mosquitto.address) as broker:
        listener.wait_for("passerby/status", 3)
        broker._client.socket().shutdown(2)  # as if this process had been killed
        assert listener.wait_for("passerby/status", 4)[3] == b"offline"


def test_the_command_beside_a_made_up_frigate(mosquitto, listener, tmp_path, small_model):
    """A process of its own; Frigate's messages are published by another client."""
    Gallery.create(tmp_path / "home", load(small_model, device="cpu")).close()
    words = [
        sys.executable, "-m", "passerby", "frigate", mosquitto.address, "--gallery",
        str(tmp_path / "home"), "--device", "cpu", "--enrol", "--vectors",
    ]  # fmt: skip
    told = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen(words, env=told, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        listener.wait_for("passerby/status", seconds=60)
        for number in (1, 2):
            listener.say("frigate/front door/person/snapshot", jpeg(number))
            listener.say("frigate/events", event(number, kind="new"))
            listener.say("frigate/events", event(number))
            answers = listener.wait_for("passerby/front_door/identity", number, 60)
        said = json.loads(answers[1])
        assert said["event"] == f"{START + 2}-abc2"
        assert [one["sighting"] for one in said["like"]] == [content_id(jpeg(1))]
        assert np.linalg.norm(said["vector"]) == pytest.approx(1, abs=1e-4)
        running.send_signal(signal.SIGTERM)
        out, _ = running.communicate(timeout=60)
        assert b"2 persons told of" in out
        assert listener.wait_for("passerby/status", 2)[-1] == b"offline"
        with Gallery.open(tmp_path / "home") as gallery:
            assert len(gallery) == 2
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()


def test_frigate_s_name_is_written_only_where_its_api_is(passerby_command, tmp_path):
    done = passerby_command("frigate", "mqtt://h/p", "--gallery", tmp_path, "--label")
    assert "name it with --http" in done.err
    done = passerby_command("frigate", "mqtt://h/p", "--gallery", tmp_path, "--http", "file:///x")
    assert "expected http" in done.err


def test_an_about_is_not_changed_by_asking(gallery, bridge):
    before = gallery.store.refresh_about()
    shown(replace(bridge, enrol=False), 5)
    assert gallery.store.refresh_about() == before
