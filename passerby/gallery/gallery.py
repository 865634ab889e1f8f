"""Gallery: sightings of one model's embeddings, added, searched, shown and forgotten."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passerby.gallery.known_names import KnownNames
from passerby.gallery.ledger.people import people
from passerby.gallery.own_distances import OwnDistancesOf
from passerby.gallery.search.population import Populations
from passerby.stores import Erased, Store, Written
from passerby.stores.about import About
from passerby.stores.opening import create_store, open_store
from passerby.tables.filters import EVERYTHING, Where

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from passerby.adaptation.back_end import BackEnd
    from passerby.data.crops import Labels
    from passerby.embedding.embedder import Embedder
    from passerby.embedding.image_inputs import AnyImage
    from passerby.gallery.enrol.enrolment import Enrolled
    from passerby.gallery.enrol.reembedding import Reembedded
    from passerby.gallery.ledger.ledger import Ledger
    from passerby.gallery.link.linking import Linking
    from passerby.gallery.link.rules import Rules
    from passerby.gallery.paths.gallery_transits import Transits
    from passerby.gallery.paths.path import Path as PersonPath
    from passerby.gallery.search.matches import Matches, Shown
    from passerby.gallery.search.options import SearchOptions
    from passerby.gallery.search.querying import Query
    from passerby.gallery.search.way import TransitsOf
    from passerby.gallery.upkeep.checking import Check
    from passerby.gallery.upkeep.removal import Removed
    from passerby.gallery.upkeep.summary import Summary
    from passerby.gallery.visitors.counting import Sampling
    from passerby.gallery.visitors.parts import Question
    from passerby.gallery.visitors.visitors import Visitors
    from passerby.tables.embeddings import Embeddings
    from passerby.tables.records import Split

Place = str | os.PathLike[str]
"""A folder, ``milvus://HOST:PORT/COLLECTION`` or ``postgres://HOST:PORT/DATABASE/GALLERY``."""


def _in_memory(inputs: object) -> list[Any] | None:
    """Crops in memory as a list; None for paths and embeddings."""
    if hasattr(inputs, "vectors") or isinstance(inputs, str | os.PathLike):
        return None
    if hasattr(inputs, "ndim"):
        return [inputs] if inputs.ndim == 3 else list(inputs)  # type: ignore[call-overload]
    if hasattr(inputs, "getbands") or isinstance(inputs, bytes | bytearray):  # of Pillow; a file's
        return [inputs]
    listed = list(inputs)  # type: ignore[call-overload]
    paths = [isinstance(one, str | os.PathLike) for one in listed]
    if any(paths) != all(paths):
        raise ValueError("expected either paths or crops in memory, not both at once")
    return None if all(paths) else listed


class Gallery:
    """A gallery in a folder or on a server. Close it, or use it in a ``with`` statement.

    Made by `create`, opened by `open`.

    Args:
        store: The engine that keeps it.
        model: Where its model is, when that has moved since it was made.
        device: Where the model runs, when it is needed: "cpu", "cuda:1".
        runtime: What runs it, as `passerby.load` takes it.
        embedder: Its model where that is open already, as several galleries may share one.
        learnt: What its distances show, shared by all who have it open.

    Examples:
        ``with Gallery.open("lobby") as gallery: print(gallery.search("a.jpg"))``
    """

    def __init__(
        self,
        store: Store,
        *,
        model: Place | None = None,
        device: str | None = None,
        runtime: str = "auto",
        embedder: Embedder | None = None,
        learnt: OwnDistancesOf | None = None,
    ) -> None:
        self.store = store
        self._model, self._device, self._runtime = model, device, runtime
        self._embedder = embedder
        self._populations = Populations(people(store))
        self._learnt = learnt or OwnDistancesOf()
        self._times: TransitsOf | None = None
        self._names = KnownNames(store)

    @classmethod
    def create(cls, place: Place, model: Embedder | About) -> Gallery:
        """Make an empty one for the embeddings of a model.

        Raises ValueError when there is something at the place already, and for a system that
        compares stripes beside the vector.
        """
        if isinstance(model, About):
            return cls(create_store(place, model))
        from passerby.gallery.binding import describe

        gallery = cls(create_store(place, describe(model)))
        gallery._embedder = model
        return gallery

    @classmethod
    def open(
        cls,
        place: Place,
        *,
        model: Place | None = None,
        device: str | None = None,
        runtime: str = "auto",
    ) -> Gallery:
        """Open one, at a `Place`. A decision that a kill cut off is carried out."""
        from passerby.gallery.ledger.applying import finish_pending

        store = open_store(place)
        finish_pending(store)
        return cls(store, model=model, device=device, runtime=runtime)

    @classmethod
    def restore(cls, file: Place, place: Place) -> Written:
        """Make the gallery of a dump at a place, in any engine (see `gallery.upkeep.dumps`)."""
        from passerby.gallery.upkeep.dumps import restore

        return restore(file, place)

    @property
    def about(self) -> About:
        """Of which model it is."""
        return self.store.about

    @property
    def people(self) -> Store:
        """The store without the sightings that people set aside as showing no person."""
        before = bool(self.about.not_persons)
        self.store.refresh_about()  # another process may have set some aside
        if bool(self.about.not_persons) != before:
            self._populations = Populations(people(self.store))
        return people(self.store)

    @property
    def view(self) -> Store:
        """The store as searches and links see it: after what was learnt, where something was, and
        without what is no person."""
        from passerby.gallery.adapted import view

        return view(self.people)

    @property
    def ledger(self) -> Ledger:
        """What people decided about who is who: name, merge, split, set aside, answer, undo."""
        from passerby.gallery.ledger.ledger import Ledger

        return Ledger(self.store)

    def adapt(self, *, hubness: bool = True) -> BackEnd:
        """Learn from its sightings what its cameras do to everybody and what varies in one person
        (`passerby.gallery.adapted`); stored with it, and replaced when called again.

        hubness: whether searches put sightings that are near to everybody further back."""
        from passerby.gallery.adapting import adapt

        return adapt(self.store, hubness=hubness)

    def undo_adapting(self) -> bool:
        """Forget what was learnt; vectors stayed as they were. Whether there was anything."""
        from passerby.gallery.adapting import undo

        return undo(self.store)

    @property
    def embedder(self) -> Embedder:
        """The gallery's model, opened on first use; ValueError when it is gone or another."""
        if self._embedder is None:
            from passerby.gallery.binding import open_embedder

            self._embedder = open_embedder(
                self.about, self._model, device=self._device, runtime=self._runtime
            )
        return self._embedder

    def __len__(self) -> int:
        return self.store.count()

    def add(
        self,
        inputs: Place | Sequence[Place] | Sequence[AnyImage] | NDArray[np.uint8] | Embeddings,
        labels: Labels | None = None,
        *,
        person: str | Sequence[str] | None = None,
        camera: str | Sequence[str] | None = None,
        source: str | Sequence[str] | None = None,
        time: datetime | Sequence[datetime | None] | None = None,
        tracklet: int | Sequence[int] | None = None,
        frame: int | Sequence[int] | None = None,
        quality: float | Sequence[float] | None = None,
        until: datetime | Sequence[datetime | None] | None = None,
        keep_thumbnails: bool = False,
        replace: bool = False,
    ) -> Enrolled:
        """Add images, each once: files, folders, tables, data sets, embeddings, or crops in memory.

        Args:
            inputs: Paths of any of these, `Embeddings`, or crops in memory: uint8 [H, W, 3] in the
                embedder's colours, [N, H, W, 3], Pillow images, bytes of image files.
            labels: Said of all that comes from paths or embeddings.
            person: Of crops in memory, one for all or one for each; so with what follows.
            camera: That took it.
            source: Where it comes from: a file, a data set.
            time: When, with a zone.
            tracklet: Number of the stay that it is of.
            frame: Number in the video.
            quality: From 0 to 1.
            until: When a passage ended.
            keep_thumbnails: Store a small JPEG of each; of crops in memory the only picture.
            replace: Let new sightings take the place of those of the same content.

        Raises:
            ValueError: Nothing to add, what is no image, or embeddings of another model.

        Examples:
            ``gallery.add(crops, camera="door", time=datetime.now(UTC), tracklet=[7, 7, 8])``
        """
        from passerby.data.crops import Labels
        from passerby.gallery.enrol.adding import Inputs, add
        from passerby.gallery.enrol.arrays import Seen, enrol_arrays
        from passerby.gallery.enrol.enrolment import enrol_embeddings
        from passerby.tables.embeddings import Embeddings

        seen = Seen(person, camera, source, time, tracklet, frame, quality, until)
        crops = _in_memory(inputs)
        if crops is not None:
            if labels is not None:
                raise ValueError("labels are of files and embeddings: say camera=, time=, ...")
            return enrol_arrays(
                self.store,
                self.embedder,
                crops,
                seen,
                keep_thumbnails=keep_thumbnails,
                replace=replace,
            )
        if seen != Seen():
            raise ValueError("camera=, time= and so on are of crops in memory: give Labels(...)")
        said = labels or Labels()
        if isinstance(inputs, Embeddings):
            return enrol_embeddings(self.store, [inputs], len(inputs), said, replace=replace)
        return add(
            self.store,
            Inputs.of(inputs, said),  # type: ignore[arg-type]
            lambda: self.embedder,
            keep_thumbnails=keep_thumbnails,
            replace=replace,
        )

    def show(self) -> Summary:
        """Counts by camera, day and person; model, size and index."""
        from passerby.gallery.upkeep.summary import summarise

        return summarise(self.store)

    def count(self, where: Where = EVERYTHING, *, timeless: bool = False) -> int:
        """How many sightings satisfy ``where``; timeless: and those it misses for want of a time.

        Raises:
            ValueError: ``where`` names a person, camera, source or sighting that is not known.
        """
        from passerby.gallery.upkeep.removal import count_timeless

        self._names.require(where)
        return self.store.count(where) + (count_timeless(self.store, where) if timeless else 0)

    def remove(self, where: Where, *, timeless: bool = False, compact: bool = False) -> Removed:
        """Forget the sightings that satisfy all conditions of ``where``.

        Args:
            where: At least one condition.
            timeless: Also those that a condition on time misses, as theirs is not known.
            compact: Make it physical at once, as far as the engine can.

        Raises:
            ValueError: No condition, or a name that the gallery does not know.
        """
        from passerby.gallery.upkeep.removal import remove

        self._names.require(where)
        self._times = None  # so that nothing of theirs stays
        return remove(self.store, where, timeless=timeless, compact=compact)

    def keep(
        self,
        kept: timedelta | str,
        where: Where = EVERYTHING,
        *,
        timeless: bool = False,
    ) -> Removed:
        """Retention: forget what was seen longer ago than ``kept`` (a timedelta, or "30d")."""
        from passerby.gallery.upkeep.removal import older_than, period

        span = period(kept) if isinstance(kept, str) else kept
        return self.remove(older_than(span, where), timeless=timeless)

    def compact(self) -> Erased:
        """Make deletion physical, join small pieces and bring the index up to date."""
        from passerby.gallery.ledger.applying import forget_lost

        forget_lost(self.store)
        return self.store.compact()

    def dump(self, file: Place) -> int:
        """Write all of it into one file; returns how many sightings."""
        from passerby.gallery.upkeep.dumps import dump

        return dump(self.store, Path(file))

    def reembed(self, model: Embedder, place: Place, *, trust_paths: bool = False) -> Reembedded:
        """Make a gallery of another model at a new place, from the images that are referred to."""
        from passerby.gallery.enrol.reembedding import reembed

        return reembed(self.store, model, place, trust_paths=trust_paths)

    def search(
        self,
        query: AnyImage | Sequence[AnyImage] | ArrayLike,
        k: int = 10,
        where: Where = EVERYTHING,
        *,
        exact: bool = False,
        rerank: bool = False,
        prior_absent: float = 0.5,
        fpir: float = 0.01,
        thumbnails: bool = False,
        camera: str = "",
        elsewhere: bool = False,
        time: datetime | None = None,
        transits: bool = False,
    ) -> Matches:
        """Who is this, of all that the gallery holds, or nobody of them?

        Args:
            query: An image, several of one person, or in their place a vector [D] or vectors
                [M, D] of floats.
            k: Passages in the answer, each by its nearest sighting.
            where: Among which sightings.
            exact: Compare all of them, without an index.
            rerank: Order the nearest 200 by k-reciprocal encoding.
            prior_absent: Probability, before the search, that it is nobody of them.
            fpir: Share of the searches for such persons that may be answered with somebody.
            thumbnails: Bring the stored ones.
            camera: That took the query, "" where not known.
            elsewhere: No camera of the gallery took the query.
            time: When the query was taken, with a zone.
            transits: Count how long persons take from camera to camera, too: all of the gallery is
                linked for that, once.

        Returns:
            Matches with distances; probabilities and an answer where a calibration holds.

        Raises:
            ValueError: A name that the gallery does not know, or options out of range.
        """
        from passerby.gallery.search.options import SearchOptions

        options = SearchOptions(
            k, where, exact, rerank, prior_absent, fpir, thumbnails, camera, elsewhere, time,
            transits,
        )  # fmt: skip
        return self.search_with(query, options)

    def search_with(
        self, query: AnyImage | Sequence[AnyImage] | ArrayLike, options: SearchOptions
    ) -> Matches:
        """`search` with its options in one object."""
        from passerby.gallery.adapted import seen_by
        from passerby.gallery.search.querying import is_vectors, query_of_images, query_of_vectors

        self._names.require(options.where)
        self._names.require(Where(cameras=(options.camera,) if options.camera else ()))
        if is_vectors(query):
            asked = query_of_vectors(query, self.about)  # type: ignore[arg-type]
        else:
            asked = query_of_images(query, self.about, self.embedder)  # type: ignore[arg-type]
        shown = self.view
        asked = seen_by(shown, asked, options.camera)
        return self._searched(shown, [asked], options)[0]

    def _searched(
        self, shown: Store, asked: Sequence[Query], options: SearchOptions
    ) -> tuple[Matches, ...]:
        """What searches find, who share what was counted and learnt of the gallery."""
        from passerby.gallery.search.searching import search
        from passerby.gallery.search.way import TransitsOf

        if self._times is None or self._times.pooling != shown.about.pooling:
            self._times = TransitsOf(shown)
        counted = self._populations
        return search(shown, asked, options, counted, self._learnt, transits=self._times)

    def search_each(
        self, queries: Embeddings, options: SearchOptions | None = None
    ) -> tuple[Matches, ...]:
        """The same for each of Q saved embeddings of the gallery's model."""
        from passerby.gallery.adapted import seen_by
        from passerby.gallery.search.options import SearchOptions
        from passerby.gallery.search.querying import queries_of_embeddings

        options = options or SearchOptions()
        self._names.require(options.where)
        shown = self.view
        asked = [
            seen_by(shown, one, options.camera)
            for one in queries_of_embeddings(queries, self.about)
        ]
        return self._searched(shown, asked, options)

    def calibrate(self, split: Split, *, images: int = 1) -> str:
        """Calibrate its model on labelled crops of its own site (`passerby.read_split`), for this
        gallery alone; returns the calibration in words. images: of a query, pooled."""
        from passerby.gallery.adapted import seen_of
        from passerby.gallery.stored_calibrations import calibrate_gallery

        shown = self.view
        seen = seen_of(shown)
        if seen is not None and images > 1:
            raise ValueError(
                "the images of a query are pooled before they are seen as the gallery was adapted, "
                "and labelled ones are seen first: calibrate queries of several images after "
                "passerby gallery adapt --undo, or single ones (without --images)"
            )
        return calibrate_gallery(shown, self.embedder, split, images, seen)

    def link(
        self,
        where: Where = EVERYTHING,
        rules: Rules | None = None,
        *,
        judge: bool = False,
    ) -> Linking:
        """Group sightings over cameras into persons (see `gallery.link.linking`); nothing is
        written but by `passerby.gallery.link.linking.write_links`."""
        from passerby.gallery.link.linking import link
        from passerby.gallery.link.rules import Rules

        self._names.require(where)
        return link(self.view, where, rules or Rules(), judge=judge)

    def transits(self, where: Where = EVERYTHING, rules: Rules | None = None) -> Transits:
        """How long persons take from camera to camera, learnt from who is linked by looks.

        Raises:
            ValueError: As `link`.
        """
        from passerby.gallery.link.rules import Rules
        from passerby.gallery.paths.gallery_transits import transits_of

        return transits_of(self.link(where, dataclasses.replace(rules or Rules(), transits=False)))

    def path(
        self,
        where: Where,
        like: Sequence[AnyImage] = (),
        *,
        least_ratio: float | None = None,
        transits: bool = True,
        overlapping: Sequence[tuple[str, str]] = (),
        most: int = 200,
    ) -> PersonPath:
        """The passages of a person in order, and which of them cannot be.

        Args:
            where: Which sightings; of one person by name, unless images are given.
            like: Images of the person, pooled.
            least_ratio: With images, the likelihood ratio of a passage above which it is of the
                person; by default that of linking.
            transits: Learn how fast others went, where the gallery can be linked.
            overlapping: Cameras that see one place.
            most: Passages, with images.

        Raises:
            ValueError: No passage, or images in a gallery without a calibration.
        """
        import numpy as np

        from passerby.gallery.link.rules import Rules
        from passerby.gallery.paths.path import judged, path_of_matches, path_of_sightings
        from passerby.tables.sightings import Sightings

        self._names.require(where)
        rules = Rules(least_ratio=least_ratio, overlapping=tuple(overlapping))
        if like:
            found = self.search([*like], most, where)
            least = rules.least_llr(found.searched)
            path = path_of_matches("like the image", found, least)
        else:
            parts = [*self.people.read(where)]
            nothing = [Sightings([], np.empty((0, self.about.dimensions)))]
            own = Sightings.joined(parts or nothing)
            path = path_of_sightings(", ".join(where.persons), own)
        learnt = self._transits_of_others(path, rules) if transits else None
        return judged(path, learnt, rules.overlapping)

    def _transits_of_others(self, path: PersonPath, rules: Rules) -> Transits | None:
        """Transit times of everybody but the person of a path, None where none can be learnt."""
        from passerby.gallery.paths.gallery_transits import transits_of

        try:
            linking = self.link(EVERYTHING, rules)
        except ValueError:  # not calibrated, and too small to do without
            return None
        return transits_of(linking, without=[stay.sighting for stay in path.stays])

    def visitors(
        self, question: Question, rules: Rules | None = None, sampling: Sampling | None = None
    ) -> Visitors:
        """How many different persons were seen, with intervals.

        Args:
            question: What is counted (`passerby.gallery.visitors.parts`).
            rules: Tolerance, overlapping cameras and gap, as in linking.
            sampling: How many partitions are drawn, and the seed.

        Raises:
            ValueError: A name that the gallery does not know, no calibration that holds in it, or
                nobody to count.
        """
        from passerby.gallery.link.rules import Rules
        from passerby.gallery.visitors.visitors import count_visitors

        self._names.require(question.where)
        self._names.require(Where(persons=question.without))
        return count_visitors(self.view, question, rules or Rules(), sampling)

    def thumbnails(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The thumbnails that are kept of sightings, by id."""
        from passerby.gallery.search.searching import thumbnails_of

        return thumbnails_of(self.store, ids)

    def strips(self, ids: Sequence[str]) -> dict[str, tuple[Shown, ...]]:
        """The pictures that are kept of sightings that are whole passages, by id."""
        from passerby.gallery.search.searching import strips_of

        return {name: shown for name, (_, shown) in strips_of(self.store, ids).items()}

    def close(self) -> None:
        """Give back what is held open."""
        self.store.close()

    def __enter__(self) -> Gallery:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def check(self) -> Check:
        """Whether it is whole, and recall and latency of its index on some of its own sightings."""
        from passerby.gallery.upkeep.checking import check_store

        return check_store(self.store)
