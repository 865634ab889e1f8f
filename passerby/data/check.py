"""``passerby data check``: what was expected of a data set and what was found."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from passerby.data.image_inspection import inspect_images
from passerby.data.images import UnreadableImage
from passerby.data.reading.cautions import camera_caution
from passerby.data.reading.reader import Published, Reader, open_reader
from passerby.process.spelling import count_of
from passerby.tables.records import JUNK, Record, Split

_SHOWN = 5  # examples per finding


@dataclass(frozen=True)
class Count:
    """Images, persons and cameras of one part (cameras None: not known), beside the published."""

    part: str
    images: int
    persons: int
    cameras: int | None
    published: Published | None = None

    @property
    def agrees(self) -> bool:
        """Whether all that is published is what was found."""
        if self.published is None:
            return True
        expected = (self.published.images, self.published.persons, self.published.cameras)
        found = (self.images, self.persons, self.cameras)
        return all(e in (None, f) for e, f in zip(expected, found, strict=True))


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    in_train_and_test: persons in both (junk and distractors aside; none when the two are numbered
    independently). unmatched_queries: images without a gallery image of the same person by another
    camera (by any, when no cameras are known). few_images: train persons with fewer than
    images_per_person images. repeated: images listed twice, or equal to an earlier one in bytes (in
    pixels, when decoded), each with that one; self_matches: queries of which the gallery holds a
    copy; conflicting: copies that stand for two persons. doubtful: images that are hardly crops of
    a person, with the reason. decoded: how many images were read, None when none was asked for.
    """

    kind: str
    root: str
    layout: str
    counts: tuple[Count, ...]
    has_cameras: bool
    images_per_person: int
    in_train_and_test: tuple[int, ...] = ()
    unmatched_queries: tuple[str, ...] = ()
    few_images: tuple[int, ...] = ()
    repeated: tuple[str, ...] = ()
    self_matches: tuple[str, ...] = ()
    conflicting: tuple[str, ...] = ()
    unreadable: tuple[UnreadableImage, ...] = ()
    doubtful: tuple[str, ...] = ()
    decoded: int | None = None
    notes: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    person_names: dict[int, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether a run on this data can be trusted: nothing repeated, mixed up or unreadable."""
        return not (self.in_train_and_test or self.repeated or self.unreadable)

    @property
    def unreadable_images(self) -> frozenset[str]:
        """For ``split.without(...)``."""
        return frozenset(bad.path for bad in self.unreadable)

    def findings(self) -> list[str]:
        """All that is worth a look, one sentence each; empty when there is nothing."""
        rule = "from another camera" if self.has_cameras else "(cameras are not known)"
        few = f"fewer than {count_of(self.images_per_person, 'image')}"
        hiding = "where no rule on cameras hides them"
        persons, few_persons = (
            [self.person_names.get(p, str(p)) for p in found]
            for found in (self.in_train_and_test, self.few_images)
        )
        unreadable = [f"{bad.path}: {bad.reason}" for bad in self.unreadable]
        disagreeing = [count.part for count in self.counts if not count.agrees]
        sentences = [
            _sentence(
                f"count is not that published for {self.kind} (is it whole?)",
                f"counts are not those published for {self.kind} (is it whole?)",
                disagreeing,
            ),
            _sentence(
                "person is in both train and test", "persons are in both train and test", persons
            ),
            _sentence(
                f"query has no match {rule} and will be left out",
                f"queries have no match {rule} and will be left out",
                self.unmatched_queries,
            ),
            _sentence(f"train person has {few}", f"train persons have {few}", few_persons),
            _sentence(
                f"query is in the gallery as well, and finds itself {hiding}",
                f"queries are in the gallery as well, and find themselves {hiding}",
                self.self_matches,
            ),
            _sentence(
                "image is a copy of one of another person",
                "images are copies of one of another person",
                self.conflicting,
                "\n  ",
            ),
            _sentence("image is repeated", "images are repeated", self.repeated, "\n  "),
            _sentence(
                "image cannot be read and is set aside",
                "images cannot be read and are set aside",
                unreadable,
                "\n  ",
            ),
            _sentence(
                "image is hardly a crop of a person",
                "images are hardly crops of a person",
                self.doubtful,
                "\n  ",
            ),
            _sentence("file was ignored", "files were ignored", self.ignored),
            *self.cautions,
        ]
        return [sentence for sentence in sentences if sentence]

    def to_text(self) -> str:
        """The layout, the table of counts, then notes and findings."""
        lines = [f"{self.kind} at {self.root}", f"Expected:\n{self.layout}\nFound:", *self._table()]
        lines += [f"note: {note}" for note in self.notes]
        findings = self.findings()
        lines += [f"look: {finding}" for finding in findings]
        if not self.ignored:
            lines.append("no files were ignored")
        if self.decoded is not None:
            lines.append(
                f"{count_of(self.decoded, 'image')} read, {len(self.unreadable)} cannot be decoded"
            )
        return "\n".join(lines if findings else [*lines, "nothing to complain of"])

    def __str__(self) -> str:
        return self.to_text()

    def _table(self) -> list[str]:
        """Lines of columns, numbers to the right."""
        published = any(count.published for count in self.counts)
        names = ("images", "persons", "cameras")
        rows = [["part", *(n for name in names for n in (name, "published")[: 1 + published])]]
        for count in self.counts:
            expected = count.published or Published(None)
            pairs = (
                (count.images, expected.images),
                (count.persons, expected.persons),
                (count.cameras, expected.cameras),
            )
            cells = [
                _number(value) for pair in pairs for value in (pair if published else pair[:1])
            ]
            rows.append([count.part, *cells])
        first, *others = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return [
            "  ".join([part.ljust(first), *map(str.rjust, cells, others)]).rstrip()
            for part, *cells in rows
        ]


def check_data(data: str, decode: bool = False, images_per_person: int = 4) -> CheckReport:
    """Check the data set ``[KIND=]ROOT``. Raises ValueError when nothing there can be read."""
    reader, root = open_reader(data)
    split = reader.read(root)
    return check(reader, split, root, images_per_person=images_per_person, decode=decode)


def check(
    reader: Reader,
    split: Split,
    root: Path,
    *,
    images_per_person: int = 4,
    decode: bool = False,
    workers: int | None = None,
) -> CheckReport:
    """Check a split that the reader has read at the root.

    decode reads every image, with as many threads as the process may use cores unless workers is
    given.
    """
    images = list(dict.fromkeys(r.image for part in split.parts.values() for r in part))
    seen = inspect_images(images, decode, workers)
    copies = _copies(split, seen.first_of)
    return CheckReport(
        kind=type(reader).__name__.lower(),
        root=str(root),
        layout=reader.layout,
        counts=_counts(split, reader),
        has_cameras=split.has_cameras,
        images_per_person=images_per_person,
        in_train_and_test=_in_train_and_test(split),
        unmatched_queries=_unmatched_queries(split),
        few_images=_few_images(split.train, images_per_person),
        repeated=tuple(f"{copy} = {first}" for copy, first in copies),
        self_matches=_self_matches(split, seen.first_of),
        conflicting=_conflicting(split, seen.first_of),
        unreadable=seen.unreadable,
        doubtful=tuple(f"{image}: {reason}" for image, reason in seen.doubtful.items()),
        decoded=len(images) if decode else None,
        notes=split.notes,
        cautions=tuple(filter(None, [camera_caution(split)])),
        ignored=split.ignored,
        person_names=dict(split.person_names),
    )


def _counts(split: Split, reader: Reader) -> tuple[Count, ...]:
    """A count per part, and for the gallery what it is made of when it has more than persons."""
    published = dict(reader.published)
    counted = [part for part in split.gallery if part.person != JUNK]
    queried = {record.person for record in split.query}
    distractors = [r for r in counted if r.person == split.distractor or r.person not in queried]
    persons = [r for r in counted if r.person != split.distractor and r.person in queried]
    junk = [record for record in split.gallery if record.person == JUNK]
    rows: dict[str, Sequence[Record]] = {**split.parts}
    if split.gallery:
        rows["gallery"] = counted
        if distractors or junk or "distractors" in published:
            rows["gallery persons"], rows["distractors"] = persons, distractors
        if junk or "junk" in published:
            rows["junk"], rows["test folder"] = junk, split.gallery
    for part in ("train", "validation", "query", "gallery"):
        if part in published:
            rows.setdefault(part, ())
    return tuple(
        _count(part, records, split, published.get(part)) for part, records in rows.items()
    )


def _count(
    part: str, records: Sequence[Record], split: Split, published: Published | None
) -> Count:
    persons = {record.person for record in records} - {JUNK, split.distractor}
    cameras = {record.camera for record in records}
    known = len(cameras) if records and split.has_cameras else None
    return Count(part, len(records), len(persons), known, published)


def _in_train_and_test(split: Split) -> tuple[int, ...]:
    if split.separate_namespaces:
        return ()
    train = {r.person for r in (*split.train, *split.validation)}
    test = {r.person for r in (*split.query, *split.gallery)}
    return tuple(sorted((train & test) - {JUNK, split.distractor}))


def _unmatched_queries(split: Split) -> tuple[str, ...]:
    cameras: dict[int, set[int | None]] = defaultdict(set)
    for record in split.gallery:
        cameras[record.person].add(record.camera)
    return tuple(
        r.image
        for r in split.query
        if not (cameras[r.person] - ({r.camera} if r.camera is not None else set()))
    )


def _few_images(train: Sequence[Record], images_per_person: int) -> tuple[int, ...]:
    counts = Counter(record.person for record in train)
    return tuple(sorted(p for p, count in counts.items() if count < images_per_person))


def _copies(split: Split, first_of: Mapping[str, str]) -> list[tuple[str, str]]:
    """Images that are listed again, and copies, each with the first."""
    listed = Counter(record.image for part in split.parts.values() for record in part)
    again = [(image, image) for image, count in listed.items() if count > 1]
    return [*again, *first_of.items()]


def _self_matches(split: Split, first_of: Mapping[str, str]) -> tuple[str, ...]:
    gallery = {first_of.get(record.image, record.image) for record in split.gallery}
    return tuple(r.image for r in split.query if first_of.get(r.image, r.image) in gallery)


def _conflicting(split: Split, first_of: Mapping[str, str]) -> tuple[str, ...]:
    """Copies of one image with another person; train and test apart where numbered apart."""
    persons: dict[tuple[object, str], tuple[int, str]] = {}
    found = []
    for part, records in split.parts.items():
        side = part in ("train", "validation") if split.separate_namespaces else None
        for record in records:
            own = (record.person, record.image)
            first = persons.setdefault((side, first_of.get(record.image, record.image)), own)
            if first[0] != record.person and JUNK not in (first[0], record.person):
                found.append(f"{record.image} = {first[1]}")
    return tuple(found)


def _sentence(one: str, several: str, found: Sequence[str], separator: str = ", ") -> str:
    if not found:
        return ""
    start = "\n  " if separator.startswith("\n") else " "
    shown = separator.join(found[:_SHOWN])
    more = f"{separator}and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{count_of(len(found), one, several)}:{start}{shown}{more}"


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
