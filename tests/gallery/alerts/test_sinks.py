"""Each sink takes a hit for good or says why not, and shows no password."""

import json
import os
import shutil
import socket
import subprocess
import time

import pytest

from passerby.gallery.alerts.sinks import mqtt, webhook
from passerby.gallery.alerts.sinks.addresses import checked, open_sink, shown
from passerby.gallery.alerts.sinks.sink import NotTaken

PAYLOAD = json.dumps({"id": "a" * 32, "alert": "thief"})


def send(address):
    open_sink(checked(address)).send("a" * 32, PAYLOAD)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("hits.csv", "FILE.jsonl"),
        ("ftp://host/x.jsonl", "http"),
        ("file:///etc/passwd", "http"),
        ("https:///nothing", "http"),
        ("https://host:99999/", "http"),
        ("https://ann:secret@host/", "environment variable"),
        ("mqtt://host", "a topic"),
        ("mqtt://host/all/#", "a topic"),
        (" https://host/", "blanks"),
        ("https://host/\n", "blanks"),
    ],
)
def test_addresses_that_are_none(address, message):
    with pytest.raises(ValueError, match=message) as error:
        checked(address)
    assert "secret" not in str(error.value)
    with pytest.raises(NotTaken):
        open_sink(address)


def test_a_webhook_gets_json_and_a_key(hook, monkeypatch):
    monkeypatch.setenv("TOKEN", "s3 cret/")
    send(hook.address + "in/{TOKEN}")
    assert hook.bodies == [json.loads(PAYLOAD)]
    assert hook.headers[0]["Idempotency-Key"] == "a" * 32
    assert hook.paths == ["/in/s3%20cret%2F"]


@pytest.mark.parametrize(
    ("user", "header"), [("ann", "Basic YW5uOnMzOmNyZXQ="), ("bearer", "Bearer s3:cret")]
)
def test_passwords_come_from_files(hook, tmp_path, user, header):
    (tmp_path / "token").write_text("s3:cret\n")
    send(hook.address.replace("//", f"//{user}:{{file:{tmp_path / 'token'}}}@"))
    assert hook.headers[0]["Authorization"] == header


@pytest.mark.parametrize("code", [302, 404, 500])
def test_what_is_not_2xx_is_not_taken(hook, code):
    """A redirection neither: personal data goes where it was sent, or nowhere."""
    hook.codes = [code]
    with pytest.raises(NotTaken, match=f"answered {code}"):
        send(hook.address)
    assert len(hook.paths) == 1


def test_nobody_there_and_nobody_answering(monkeypatch):
    monkeypatch.setattr(webhook, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(NotTaken, match="no answer within"):
            send(f"http://127.0.0.1:{port}/secret")
    with pytest.raises(NotTaken, match="refused") as error:
        send(f"http://127.0.0.1:{port}/secret")
    assert "secret" not in str(error.value)


def test_a_secret_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(NotTaken, match="NOWHERE is not set"):
        open_sink("https://host/{NOWHERE}")
    with pytest.raises(NotTaken, match="cannot be read"):
        open_sink(f"https://host/{{file:{tmp_path / 'none'}}}")


def test_what_is_shown_has_no_secret():
    assert shown("https://ann:{P}@hooks.example:8443/T0/B1?token=x#y") == (
        "https://hooks.example:8443/..."
    )
    assert shown("mqtts://ann:{P}@hub/a/b") == "mqtts://hub/a/b"


def test_lines_of_a_file(tmp_path):
    path = tmp_path / "new" / "hits.jsonl"
    send(str(path))
    send(str(path))  # as after a kill between writing and noting it
    assert path.read_text() == PAYLOAD + "\n"
    path.write_text(PAYLOAD + '\n{"id": "b')
    send(str(path))
    assert path.read_text().splitlines() == [PAYLOAD, '{"id": "b', PAYLOAD]
    if os.name != "nt":
        path.unlink()
        send(str(path))
        assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(NotTaken):
        send(str(tmp_path / "new" / "hits.jsonl" / "under.jsonl"))


def test_mqtt_is_taken_when_it_is_acknowledged(make_broker, monkeypatch):
    pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")
    monkeypatch.setenv("PW", "s3cret")
    broker = make_broker()
    send(f"mqtt://ann:{{PW}}@127.0.0.1:{broker.port}/site/alerts")
    assert broker.messages == [("site/alerts", PAYLOAD.encode())]
    assert broker.users == [("ann", "s3cret")]


def test_mqtt_that_is_not_taken(make_broker, monkeypatch):
    pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")
    monkeypatch.setattr(mqtt, "SECONDS", 0.3)
    with pytest.raises(NotTaken, match="refuses"):
        send(f"mqtt://127.0.0.1:{make_broker(code=5).port}/t")
    with pytest.raises(NotTaken, match="acknowledge"):
        send(f"mqtt://127.0.0.1:{make_broker(silent=True).port}/t")
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(NotTaken, match="refused"):
        send(f"mqtt://127.0.0.1:{port}/t")


def test_mosquitto(tmp_path):
    """Debian's broker, where it is installed: its own client receives what was sent."""
    pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")
    path = f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin"
    server, client = shutil.which("mosquitto", path=path), shutil.which("mosquitto_sub", path=path)
    if server is None or client is None:
        pytest.skip("mosquitto and mosquitto_sub are not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    log = tmp_path / "broker.log"
    with log.open("w") as file:
        broker = subprocess.Popen([server, "-v", "-c", settings], stdout=file, stderr=file)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        words = [client, "-h", "127.0.0.1", "-p", str(port), "-t", "site/alerts", "-q", "1"]
        words += ["-C", "1", "-W", "60"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as reader:
            while "Sending SUBACK" not in log.read_text():
                assert reader.poll() is None, log.read_text()
                time.sleep(0.05)
            send(f"mqtt://127.0.0.1:{port}/site/alerts")
            assert json.loads(reader.stdout.read()) == json.loads(PAYLOAD)
    finally:
        broker.terminate()
        broker.wait()
