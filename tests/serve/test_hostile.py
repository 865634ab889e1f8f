"""What a stranger could send is answered with what is wrong with it: no fault, no path."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from passerby.tables.text import normal_names
from tests.cli.test_hostile_words import HOSTILE_WORDS

pytestmark = pytest.mark.hostile
JPEG = {"Content-Type": "image/jpeg"}
NAMES = [
    "<script>alert(1)</script>",
    "a'; DROP TABLE t; --",
    "../../etc/passwd",
    "\x00",
    "a\x00b",
    "\x1b[2J",
    "\u202e",
    "%00",
    "{{7*7}}",
    "=cmd|' /C calc'!A0",
    "\U0001f600" * 300,
    "x" * 5000,
    "' OR '1'='1",
    "e\u0301",
    "\ufdd0",
    "\ud7ff",
    "-1",
    "linked/",
    "null",
]


@pytest.fixture
def crop(draw_crop, tmp_path):
    return draw_crop(tmp_path / "hostile.jpg", 5).read_bytes()


def encoded(crop, kind, **options):
    buffer = io.BytesIO()
    Image.open(io.BytesIO(crop)).save(buffer, kind, **options)
    return buffer.getvalue()


def png_of_size(width, height):
    """A PNG whose header promises more than it has."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def refused(answer, *statuses):
    """A problem with words, of one of these statuses, that tells nothing of the server."""
    assert answer.status_code in statuses, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["detail"]
    assert "Traceback" not in answer.text
    assert "/tmp/" not in answer.text
    return told["detail"]


def damaged(crop):
    """Pictures that are none, by what is wrong with them."""
    png, webp = encoded(crop, "PNG"), encoded(crop, "WEBP")
    return {
        "empty": b"",
        "text": b"not an image at all",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        "gif": encoded(crop, "GIF"),
        "tiff": encoded(crop, "TIFF"),
        "bmp": encoded(crop, "BMP"),
        "jpeg start": crop[:3],
        "jpeg header": crop[:200],
        "jpeg half": crop[: len(crop) // 2],
        "jpeg without its last bytes": crop[:-12],
        "jpeg scans": crop + b"\xff\xda" * 501,
        "jpeg zeros": crop[:300] + bytes(300),
        "png start": png[:8],
        "png header": png[:33],
        "png half": png[: len(png) // 2],
        "png bomb": png_of_size(100_000, 100_000),
        "png lies": png_of_size(1000, 1000),
        "png of nothing": png_of_size(0, 0),
        "webp start": webp[:12],
        "webp half": webp[: len(webp) // 2],
        "webp of nothing": b"RIFF\x20\0\0\0WEBPVP8 " + bytes(30),
    }


def test_damaged_pictures_are_refused_by_every_route_and_form(client, crop):
    before = client.get("/v1/summary").json()["sightings"]
    for name, data in damaged(crop).items():
        for route in ("/v1/search", "/v1/sightings", "/v1/embed", "/v1/forget/find", "/v1/path"):
            answer = client.post(route, content=data, headers=JPEG)
            assert answer.status_code in (413, 415, 422), (name, route, answer.text)
            refused(answer, 413, 415, 422)
        for route in ("/v1/search", "/v1/sightings"):
            parts = [("image", ("a.jpg", crop)), ("image", ("b.jpg", data))]
            refused(client.post(route, files=parts), 413, 415, 422)
    assert client.get("/v1/summary").json()["sightings"] == before


BODIES = [
    ("multipart/form-data", b"--x\r\n\r\n", (400,)),
    ("multipart/form-data; boundary=", b"--\r\n", (400, 422)),
    ("multipart/form-data; boundary=x", b"", (400, 422)),
    (
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Disposition: a\r\n\r\n1\r\n--x--",
        (400, 422),
    ),
    ("multipart/form-data; boundary=x", b"no parts at all", (400, 422)),
    ("multipart/form-data; boundary=" + "x" * 5000, b"--x", (400, 422)),
    ("application/json", b"", (400, 422)),
    ("application/json", b"[" * 100_000, (400, 422)),
    ("application/json", b'{"vector": [NaN]}', (400, 422)),
    ("application/json", b'{"vector": [1e999]}', (400, 422)),
    ("application/json", b'{"vector": [' + b"9" * 5000 + b"]}", (400, 422)),
    ("application/json", b'{"vector": ["1"]}', (400, 422)),
    ("application/json", b'{"vector": [0.0, 0.0]}', (422,)),
    ("application/json", b'{"vectors": []}', (422,)),
    ("application/json", b'{"sighting": "\\ud800"}', (400, 404, 422)),
    ("application/json", b'{"sighting": "\\u0000"}', (404, 422)),
    ("application/json", b'{"sighting": ""}', (404, 422)),
    ("application/json", b"\xff\xfe", (400, 422)),
    (
        "application/xml",
        b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
        (415,),
    ),
    ("application/x-www-form-urlencoded", b"vector=1", (415,)),
    ("image/jpeg; charset=\x1b", b"x", (415, 422)),
]


def test_bodies_that_are_none_are_refused(client):
    for kind, body, statuses in BODIES:
        answer = client.post("/v1/search", content=body, headers={"Content-Type": kind})
        assert answer.status_code in statuses, (kind, body[:50], answer.text)
        refused(answer, *statuses)


def test_a_vector_without_a_direction_or_of_another_model_is_refused(client):
    width = client.get("/v1/summary").json()["model"]["dimensions"]
    for vector in ([0.0] * width, [1.0] * (width + 1), [1e38] * width, [1e-45] * width):
        answer = client.post("/v1/search", json={"vector": vector})
        assert answer.status_code in (200, 422), vector[0]
        if answer.status_code == 422:
            refused(answer, 422)
    for vector in ([0.0] * width, [1.0] * (width + 1)):
        refused(client.post("/v1/search", json={"vector": vector}), 422)


@pytest.mark.parametrize("some", [NAMES[::2], NAMES[1::2]])
def test_names_are_text_whatever_they_hold(client, crop, some):
    for name in some:
        check_name(client, crop, name)
    assert client.get("/v1/summary").status_code == 200


def check_name(client, crop, name):
    for key in ("person", "camera", "source", "sighting", "not_camera"):
        refused(client.get("/v1/sightings", params={key: name}), 404, 422)
    refused(client.get("/v1/summary", params={"gallery": name}), 404, 422)
    refused(client.get("/v1/path", params={"person": name}), 404, 422)
    refused(client.delete("/v1/sightings", params={"person": name}), 404, 422)
    answer = client.post(
        "/v1/sightings", params={"camera": name, "replace": True}, content=crop, headers=JPEG
    )
    if answer.status_code != 201:  # longer than an engine keeps, or no text
        refused(answer, 422)
        return
    (own,) = answer.json()["sightings"]
    kept = client.get(f"/v1/sightings/{own}").json()["camera"]
    assert kept == normal_names("cameras", (name,))[0]


PATHS = [
    "/page/../application.py",
    "/page/%2e%2e/application.py",
    "/page/..%2fapplication.py",
    "/page//etc/passwd",
    "/page/%00",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/v1/../../etc/passwd",
    "/v1/sightings/..%2f..",
    "/v1/sightings/a/pictures/-1.jpg",
    "/v1/sightings/a/pictures/99999999999999999999.jpg",
    "/v1/sightings/%00",
    "/v1/sightings/a/pictures/x.jpg",
    "/v1/sightings/" + "a" * 5000,
    "//etc/passwd",
]


def test_no_address_leads_out_of_what_is_served(client):
    for path in PATHS:
        answer = client.get(f"http://127.0.0.1:8765{path}")
        assert answer.status_code in (404, 422), path
        refused(answer, 404, 422)


QUERIES = [
    "k=0",
    "k=-1",
    "k=1e9",
    "k=" + "9" * 400,
    "k=nan",
    "prior_absent=0",
    "prior_absent=nan",
    "fpir=inf",
    "box=1",
    "box=nan,0,1,1",
    "box=9,9,1,1",
    "box=1e999,0,1,1",
    "since=x",
    "since=2026-05-01",
    "since=0001-01-01T00:00Z&until=0001-01-01T00:00Z",
    "until=9999-12-31T23:59:59-23:59",
    "known=maybe",
    "min_quality=2",
    "elsewhere=true&query_camera=1",
]


def test_values_out_of_range_are_named(client, crop):
    for query in QUERIES:
        answer = client.post(f"/v1/search?{query}", content=crop, headers=JPEG)
        assert answer.status_code in (404, 422), query
        refused(answer, 404, 422)


ASKED = {
    "/v1/sightings": ("person", "camera", "source", "sighting", "since", "until", "known", "limit"),
    "/v1/summary": ("gallery",),
    "/v1/persons": ("search", "limit", "after"),
    "/v1/path": ("person", "since"),
    "/v1/visitors": ("camera", "since", "by", "zone"),
    "/v1/decisions": ("person", "before", "limit"),
    "/v1/questions": ("count", "kind"),
}


@pytest.mark.parametrize("route", [*ASKED])
def test_words_of_a_hostile_command_line_are_no_fault_over_http(client, route):
    for name in ASKED[route]:
        for word in HOSTILE_WORDS:
            given = word.encode("utf-8", "surrogatepass")  # a lone half of a pair goes as it is
            answer = client.get(route, params={name: given})
            assert answer.status_code in (200, 400, 404, 409, 422), (name, word, answer.text)
            if answer.status_code != 200:
                refused(answer, answer.status_code)
