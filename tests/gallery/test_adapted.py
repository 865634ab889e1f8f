"""Galleries after what they taught: seen so by searches, undone, and gone with its people."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from passerby.adaptation.back_end import WITHIN_CLASS, BackEnd, learnt, within_class_of
from passerby.adaptation.pseudo_pairs import mutual_neighbours
from passerby.adaptation.within_class import within_class
from passerby.cli.adapting import adapt_gallery
from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.gallery import adapted
from passerby.gallery.adapted import AdaptedStore, back_end_of, crowded, view
from passerby.gallery.adapting import adapt, relearn, undo
from passerby.gallery.gallery import Gallery
from passerby.gallery.reviewed_pairs import answer, record_answers
from passerby.gallery.upkeep.checking import check_store
from passerby.gallery.upkeep.removal import remove
from passerby.gallery.upkeep.summary import summarise
from passerby.stores.about import About
from passerby.stores.engines.memory import MemoryStore
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings

PERSONS, WIDE = 30, 64


def site(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors, persons, cameras: two cameras with lights of their own, two wild directions."""
    random = np.random.default_rng(seed)
    persons, cameras = np.repeat(np.arange(PERSONS), 4), np.tile([0, 0, 1, 1], PERSONS)
    spread = np.append([6.0, 6.0], np.full(WIDE - 2, 0.2))
    vectors = random.normal(size=(PERSONS, WIDE))[persons] + random.normal(size=(2, WIDE))[cameras]
    vectors += random.normal(size=vectors.shape) * spread
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), persons, np.array(["door", "hall"])[cameras]


@pytest.fixture
def crowd_about(crowd_about: About) -> About:
    """Wide enough for distances of strangers to have their usual shape."""
    return replace(crowd_about, dimensions=WIDE)


@pytest.fixture
def store(
    make_store: Callable[..., MemoryStore], crowd_about: About, tmp_path: Path
) -> MemoryStore:
    vectors, persons, _ = site(7)
    prior = BackEnd("crowd", "plain", within_class(vectors, persons, 3), None)
    (tmp_path / WITHIN_CLASS).write_bytes(prior.to_bytes())
    vectors, _, cameras = site()
    return make_store(vectors, about=replace(crowd_about, place=str(tmp_path)), cameras=cameras)


def test_searches_see_what_was_learnt_and_vectors_stay(store: MemoryStore) -> None:
    plain = next(store.read()).vectors.copy()
    found = adapt(store, hubness=False)  # which changes the order
    assert "means of 2 cameras" in found.decided[0]
    assert "pairs of images here" in found.decided[1]
    np.testing.assert_array_equal(next(store.read()).vectors, plain)
    vectors, persons, cameras = site()
    seen = next(view(store).read())
    learnt_here = back_end_of(store.about)
    assert learnt_here is not None
    expected = learnt_here.applied(vectors, np.full(len(vectors), ""), cameras)
    np.testing.assert_allclose(seen.vectors, expected, atol=1e-6)
    # By hand: the nearest of another camera, among all.
    gallery = Gallery(store)
    right = before = 0
    for row in range(0, len(vectors), 4):
        other = np.flatnonzero(cameras != cameras[row])
        nearest = other[(expected[other] @ expected[row]).argmax()]
        where = Where(not_cameras=(str(cameras[row]),))
        match = gallery.search(vectors[row], 1, where, camera=str(cameras[row]))[0]
        assert match.sighting == f"{nearest:032x}"
        assert match.distance == pytest.approx(
            1 - float(expected[nearest] @ expected[row]), abs=1e-5
        )
        right += persons[nearest] == persons[row]
        before += persons[other[(vectors[other] @ vectors[row]).argmax()]] == persons[row]
    assert right > before


def test_candidates_of_an_index_are_compared_exactly(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapt(store)
    queries = next(view(store).read()).vectors[:20]
    whole = view(store).search(queries, 5)
    assert whole.exact
    monkeypatch.setattr(adapted, "_ALL", 0)
    monkeypatch.setattr(adapted, "_CANDIDATES", 60)
    some = view(store).search(queries, 5, with_vectors=True)
    assert not some.exact
    found = [np.isin(whole.of(query)[0].ids, some.of(query)[0].ids).mean() for query in range(20)]
    assert np.mean(found) > 0.95
    assert (np.diff(some.of(0)[1]) >= 0).all()
    assert view(store).search(queries, 5, exact=True).exact


def test_undoing_is_exact(store: MemoryStore) -> None:
    before = store.about
    adapt(store)
    assert store.about.adapted
    assert store.about.calibrations == {}  # those of other distances
    again = adapt(store)  # learnt from vectors as they came, not from what was learnt
    assert back_end_of(store.about).fingerprint == again.fingerprint
    assert undo(store)
    assert store.about == before
    assert not undo(store)
    assert view(store) is store


def test_calibrations_through_the_view_are_the_adapted_gallerys(store: MemoryStore) -> None:
    adapt(store)
    shown = view(store)
    assert isinstance(shown, AdaptedStore)
    assert shown.about.pooling.startswith("plain+adapted ")
    shown.change_about(lambda _: replace(shown.about, calibrations={"single": {"of": "the view"}}))
    assert store.about.calibrations == {"single": {"of": "the view"}}
    assert store.about.pooling == "plain"
    undo(store)
    assert "single" in store.about.calibrations
    assert store.about.calibrations["single"] != {"of": "the view"}


def test_nothing_learnt_outlasts_those_it_was_learnt_from(store: MemoryStore) -> None:
    adapt(store)
    before = store.about.adapted
    remove(store, Where(ids=tuple(f"{row:032x}" for row in range(20))))
    assert store.about.adapted not in ("", before)
    left = next(store.read())
    fresh = back_end_of(store.about)
    means = learnt(left.vectors, left.sources, left.cameras).means
    assert fresh is not None
    np.testing.assert_allclose(fresh.means.means, means.means, atol=1e-3)
    remove(store, Where(cameras=("door", "hall")))
    assert store.about.adapted == ""
    assert relearn(store) is None


def test_a_gallery_too_small_says_so_and_stays(
    make_store: Callable[..., MemoryStore], crowd_about: About
) -> None:
    vectors, _, cameras = site()
    small = make_store(vectors[:8], cameras=cameras[:8])
    found = adapt(small)
    assert not found.acts
    assert "8 images, at least 30 needed" in found.decided[0]
    assert small.about.adapted == ""
    assert small.about.calibrations == crowd_about.calibrations
    with pytest.raises(ValueError, match="empty"):
        adapt(make_store(np.empty((0, WIDE))))


def test_it_goes_with_a_dump_and_is_shown_in_words(store: MemoryStore, tmp_path: Path) -> None:
    adapt(store)
    gallery = Gallery(store)
    gallery.dump(tmp_path / "lobby.dump")
    place = f"memory://restored-{tmp_path.name}"
    Gallery.restore(tmp_path / "lobby.dump", place)
    assert MemoryStore.open(place).about.adapted == store.about.adapted
    shown = summarise(store)
    assert "adapted: means of 2 cameras" in shown.to_text()
    assert store.about.adapted not in shown.to_json()


def test_what_is_damaged_is_said(store: MemoryStore) -> None:
    store.change_about(lambda about: replace(about, adapted="no base 64"))
    with pytest.raises(ValueError, match="damaged"):
        view(store)


def test_the_command_says_what_was_done(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Gallery, "open", lambda place: Gallery(store))
    adapt_gallery("lobby")
    said = capsys.readouterr().out
    assert "means of 2 cameras" in said
    assert "set aside until --undo" in said
    adapt_gallery("lobby", undo=True)
    assert "distances are as before" in capsys.readouterr().out
    adapt_gallery("lobby", undo=True)
    assert "nothing had been learnt" in capsys.readouterr().out


def test_few_images_of_a_person_are_not_re_ranked(
    make_store: Callable[..., MemoryStore],
) -> None:
    vectors, persons, cameras = site()
    few = make_store(vectors[::2], persons=persons[::2].astype(str), cameras=cameras[::2])
    found = Gallery(few).search(vectors[0], rerank=True)
    assert all(match.reranked is None for match in found)
    assert any("not re-ranked: known persons have 2.0 sightings" in note for note in found.notes)
    many = make_store(vectors, persons=persons.astype(str), cameras=cameras)
    assert all(m.reranked is not None for m in Gallery(many).search(vectors[0], rerank=True))


def test_hubs_stand_back_in_the_order_and_in_nothing_else(store: MemoryStore) -> None:
    plain = Gallery(store).search(site()[0][5], k=200)
    found = adapt(store)
    assert "corrects hubs, by 120 passages" in found.decided[-1]
    shown = view(store)
    seen = Sightings.joined([*shown.read()])
    vectors, _, _ = site()
    query = vectors[5]
    matches = Gallery(store).search(query, k=200, camera="door")
    asked = seen.vectors[seen.ids.tolist().index(f"{5:032x}")]
    cosines = seen.vectors.astype(np.float64) @ seen.vectors.T
    moved = {}
    for row, sighting in enumerate(seen.ids.tolist()):
        others = np.sort(np.delete(cosines[row], row))[::-1][:10]
        moved[sighting] = 1 - seen.vectors[row] @ asked + others.mean() / 2
    for match in matches:
        assert match.reranked == pytest.approx(moved[match.sighting], abs=1e-5)
        assert match.distance == pytest.approx(
            1 - float(seen.vectors[seen.ids.tolist().index(match.sighting)] @ asked), abs=1e-5
        )
    order = [match.reranked for match in matches]
    assert order == sorted(order)
    assert any("near to everybody" in note for note in matches.notes)
    distances = [match.distance for match in matches]
    assert distances != sorted(distances)
    undo(store)
    again = Gallery(store).search(query, k=200)
    assert [match.sighting for match in again] == [match.sighting for match in plain]
    assert again[0].reranked is None


def test_hubs_are_left_alone_where_that_is_said_or_passages_are_few(store: MemoryStore) -> None:
    with_hubs = adapt(store)
    without = adapt(store, hubness=False)
    assert without.anchors == ()
    assert without.fingerprint != with_hubs.fingerprint
    assert crowded(view(store), next(view(store).read())) is None
    assert Gallery(store).search(site()[0][0])[0].reranked is None
    remove(store, Where(ids=(f"{0:032x}",)))
    assert back_end_of(store.about).anchors == ()
    adapt(store)
    gone = tuple(f"{number:032x}" for number in range(1, 40))
    remove(store, Where(ids=gone))  # what was learnt anew is of those that stay
    assert "hubs are not corrected: 80 passages, 100 needed" in back_end_of(store.about).decided[-1]


def test_a_check_judges_an_adapted_gallery_as_it_is_seen(store: MemoryStore) -> None:
    adapt(store)
    made = calibrate(Embeddings(*site(5)[:2], np.tile([0, 0, 1, 1], PERSONS)), replicates=2)
    shown = view(store)
    kept = replace(made, model="crowd", pooling=shown.about.pooling)
    shown.change_about(lambda _: replace(shown.about, calibrations={"single": asdict(kept)}))
    found = check_store(store)
    assert found.whole, found.problems
    assert "judged by a calibration of pairs across cameras" in str(found)


def test_pairs_known_to_be_of_two_persons_are_not_taken(store: MemoryStore) -> None:
    before = adapt(store)
    vectors, _, cameras = site()
    none = np.full(len(vectors), "")
    begun = replace(before, within=within_class_of(store.about.place, "crowd"))
    near = mutual_neighbours(begun.applied(vectors, none, cameras), none, cameras)
    ids = [f"{number:032x}" for number in range(len(vectors))]
    said = [answer(ids[one], ids[other], False) for one, other in near[:3].tolist()]
    record_answers(store, said)
    store.name_persons([ids[row] for row in near[3]], ["anna", "berta"])
    found = adapt(store)
    assert "4 near pairs were left out: known to be of two persons" in found.decided
    assert found.within.images == before.within.images - 4


def test_a_track_is_one_sighting_and_that_is_said(make_store: Callable[..., MemoryStore]) -> None:
    vectors, persons, cameras = site()
    tracked = make_store(
        vectors, cameras=cameras, tracklets=2 * persons + (cameras == "hall"),
        frames=np.arange(len(vectors)),
    )  # fmt: skip
    found = adapt(tracked)
    assert found.images == 2 * PERSONS
    assert "of 60 tracks one sighting each" in " ".join(found.decided)
