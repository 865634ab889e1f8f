"""Fetching over HTTP from a server on this machine that cuts, changes, redirects and lies."""

import hashlib
import json
import math

import pytest

from passerby.weights.download import checked_url, fetch, file_name

pytestmark = pytest.mark.hostile


def sha(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def get(site, tmp_path):
    """Fetch the site's file without pauses: get(sha256, ...)."""

    def run(sha256="", path="/a.pth", **options):
        return fetch(site.url + path, tmp_path / "a.pth", sha256, pause=0, **options)

    return run


BACK = 300_000 - 65_536  # the last bytes are asked for again


def left(folder):
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith("-lock"))


def test_a_file_arrives_whole_and_is_asked_for_once(site, get, tmp_path, steps):
    fetched = get(sha(site.content))
    assert fetched.path.read_bytes() == site.content
    assert (fetched.sha256, fetched.cached) == (sha(site.content), False)
    assert steps[-1] == (len(site.content), len(site.content))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert left(tmp_path) == ["a.pth", "a.pth.passerby-record"]
    assert json.loads((tmp_path / "a.pth.passerby-record").read_text()) == {
        "url": site.url + "/a.pth",
        "sha256": sha(site.content),
    }
    assert get().cached
    assert get(sha(site.content)[:8]).cached
    assert len(site.asked) == 1


def test_a_connection_that_breaks_is_resumed_where_it_stopped(site, get):
    site.cut_after = [300_000, 100_000]
    assert get().path.read_bytes() == site.content
    assert [asked for _, asked in site.asked] == [None, f"bytes={BACK}-", "bytes=268928-"]


def test_a_later_call_goes_on(site, get, tmp_path):
    site.cut_after = [300_000] + [0] * 5
    with pytest.raises(ValueError, match="5 times in a row; call again to go on from 300000 bytes"):
        get()
    assert left(tmp_path) == ["a.pth.passerby-part", "a.pth.passerby-part.passerby-record"]
    site.asked.clear()
    site.cut_after = []
    assert get().path.read_bytes() == site.content
    assert site.asked == [("/a.pth", f"bytes={BACK}-")]
    assert left(tmp_path) == ["a.pth", "a.pth.passerby-record"]


def test_another_version_of_the_file_begins_again(site, get):
    site.cut_after = [300_000] + [0] * 5
    with pytest.raises(ValueError, match="in a row"):
        get()
    site.content, site.mark, site.cut_after = b"new" * 200_000, '"v2"', []
    assert get().path.read_bytes() == site.content


def test_another_file_by_the_same_mark_begins_again(site, get):
    """A server that says nothing has changed is not believed: what it repeats is compared."""
    site.cut_after = [300_000] + [0] * 5
    with pytest.raises(ValueError, match="in a row"):
        get()
    site.content, site.cut_after = b"new" * 200_000, []
    assert get().path.read_bytes() == site.content


def test_another_version_that_is_sent_though_the_first_was_asked_for(site, get, monkeypatch):
    site.cut_after = [300_000] + [0] * 5
    with pytest.raises(ValueError, match="in a row"):
        get()
    site.heeds_mark = False
    changed = bytearray(site.content)
    changed[100] ^= 1  # long before what is repeated
    site.content, site.mark, site.cut_after = bytes(changed), '"v2"', []
    assert get().path.read_bytes() == site.content


def test_wrong_ranges_without_end_come_to_an_end(site, get):
    site.wrong_range, site.cut_after = True, [300_000] * 1000
    with pytest.raises(ValueError, match=r"a\.pth: the connection broke .* in a row"):
        get()
    assert len(site.asked) < 30


def test_the_users_own_files_stay(site, get, tmp_path):
    for name in ("a.pth", "a.pth.json", "a.pth.part", "a.pth.lock"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(ValueError, match=r"there already, and nothing says .* choose another file"):
        get()
    (tmp_path / "a.pth").unlink()
    get()
    for name in ("a.pth.json", "a.pth.part", "a.pth.lock"):
        assert (tmp_path / name).read_text() == "mine"
    with pytest.raises(ValueError, match="nothing says that it is"):
        get(path="/other.pth")


def test_what_a_server_says_does_not_reach_the_terminal(site, get):
    site.answers, site.reason = [404], "\x1b[2J"
    with pytest.raises(ValueError, match="answers 404 Not Found") as refused:
        get()
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("limit", [0, -1, math.inf, math.nan, 1.5, True])
def test_the_limit_is_a_number_of_bytes(limit, get):
    with pytest.raises(ValueError, match="limit must be a whole number of bytes"):
        get(limit=limit)


@pytest.mark.parametrize("known", [False, True])
def test_without_a_mark_only_a_hash_allows_going_on(known, site, get):
    """Two versions of a file glued together would be found by the hash alone."""
    site.mark, site.cut_after = "", [300_000]
    assert get(sha(site.content) if known else "").path.read_bytes() == site.content
    assert [asked for _, asked in site.asked] == [None, f"bytes={BACK}-" if known else None]


def test_a_server_without_ranges(site, get):
    site.ranges, site.cut_after = False, [300_000]
    assert get().path.read_bytes() == site.content
    assert [asked for _, asked in site.asked] == [None, f"bytes={BACK}-"]


def test_a_server_that_sends_another_range(site, get):
    site.wrong_range, site.cut_after = True, [300_000]
    assert get().path.read_bytes() == site.content
    assert [asked for _, asked in site.asked] == [None, f"bytes={BACK}-", None]


def test_a_part_that_is_longer_than_the_file(site, get, tmp_path):
    site.cut_after = [300_000] + [0] * 5
    with pytest.raises(ValueError, match="in a row"):
        get()
    (tmp_path / "a.pth.passerby-part").write_bytes(bytes(2_000_000))
    site.cut_after = []
    assert get().path.read_bytes() == site.content


def test_a_wrong_hash_leaves_nothing(site, get, tmp_path):
    with pytest.raises(
        ValueError, match=f"has the SHA-256 {sha(site.content)}, expected {'0' * 64}"
    ):
        get("0" * 64)
    assert left(tmp_path) == []


def test_a_cached_file_that_was_changed_is_found(site, get, tmp_path):
    get()
    (tmp_path / "a.pth").write_bytes(b"changed")
    with pytest.raises(ValueError, match="delete it if it is there"):
        get()
    with pytest.raises(ValueError, match="64 hexadecimal digits, got 'abc'"):
        get("abc")


@pytest.mark.parametrize("length", [True, False])
def test_a_file_that_is_too_large(length, site, get, tmp_path):
    site.length = length
    with pytest.raises(ValueError, match="is larger than 1000000 bytes"):
        get(limit=1_000_000)
    assert not (tmp_path / "a.pth").exists()
    assert left(tmp_path) == []


def test_answers_that_pass_and_answers_that_do_not(site, get):
    site.answers = [503, 429, 500]
    assert get().path.read_bytes() == site.content
    site.answers = [404]
    with pytest.raises(ValueError, match="the server answers 404 Not Found"):
        fetch(site.url, get().path.with_name("b"), pause=0)
    site.answers = [503] * 5
    with pytest.raises(ValueError, match="the server answers 503, 5 times in a row"):
        fetch(site.url, get().path.with_name("b"), pause=0)


def test_a_page_is_no_file(site, get):
    site.kind = "text/html; charset=utf-8"
    with pytest.raises(ValueError, match="is a page, not a file"):
        get()


def test_redirections(site, get):
    site.redirect = "/moved/a.pth"
    assert get().path.read_bytes() == site.content
    assert [path for path, _ in site.asked] == ["/a.pth", "/moved/a.pth"]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("http://example.org/a.pth", "is not encrypted"),
        ("file:///etc/passwd", "https://|not allowed"),
    ],
)
def test_redirections_that_are_refused(where, message, site, get):
    site.redirect = where
    with pytest.raises(ValueError, match=message):
        get()


def test_nobody_there(tmp_path):
    with pytest.raises(ValueError, match="cannot be reached"):
        fetch("http://127.0.0.1:9/a.pth", tmp_path / "a.pth", pause=0)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://example.org/a.pth", "is not encrypted"),
        ("http://127.0.0.1.example.org/a.pth", "is not encrypted"),
        ("ftp://example.org/a.pth", "begins with https://"),
        ("file:///etc/passwd", "begins with https://"),
        ("https:///a.pth", "begins with https://"),
        ("https://me:secret@example.org/a.pth", "must not hold a password"),
    ],
)
def test_urls_that_are_refused(url, message):
    with pytest.raises(ValueError, match=message) as refused:
        checked_url(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["https://example.org/a", "http://localhost:8/a", "http://[::1]/a"])
def test_urls_that_are_taken(url):
    assert checked_url(url) == url


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/x/osnet.pth?download=true", "osnet.pth"),
        ("https://example.org/x/..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("https://example.org/%2e%2e", "weights"),
        ("https://example.org/a%00b%0a.pth", "a_b_.pth"),
        ("https://example.org/.hidden", "hidden"),
        ("https://example.org/", "weights"),
        ("https://example.org/C:%5Cx.pth", "C_x.pth"),
    ],
)
def test_file_names_stay_in_their_folder(url, name):
    assert file_name(url) == name
