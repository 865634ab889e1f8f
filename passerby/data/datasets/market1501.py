"""Market-1501 and all that is laid out like it.

Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015.
"""

from __future__ import annotations

from pathlib import Path

from passerby.data.reading.listing import nearest
from passerby.data.reading.name_pattern import DUKE_NAME, NamePattern, all_match
from passerby.data.reading.parts import PartFolders, read_parts
from passerby.data.reading.reader import Published, Reader
from passerby.registry import DATASETS
from passerby.tables.records import Split

# Person, camera, then optionally sequence and frame, then anything; at most 18 digits fit 64 bits.
DEFAULT_PATTERN = (
    r"(?P<person>-1|[0-9]{1,18})_c(?P<camera>[0-9]{1,18})"
    r"(?:s(?P<sequence>[0-9]{1,18}))?(?:_f?(?P<frame>[0-9]{1,18}))?(?:[._-].*)"
)


@DATASETS.register
class Market1501(Reader):
    """Market-1501 layout: bounding_box_train, query, bounding_box_test; person and camera in names.

    pattern: regular expression for whole file names with the groups person, camera and optionally
    sequence, frame, tracklet. The default reads Market-1501, CUHK03-NP, Occluded-Duke, VeRi-776
    and most sets re-laid in this style. train, query, gallery: names of the three folders; VeRi-776
    has train=image_train, query=image_query, gallery=image_test. source: name of the data set in
    its records; give one when it is not Market-1501. separate_namespaces: train and test persons
    are numbered independently (MSMT17 re-laid without renumbering).

    Person -1 is junk: ignored in the gallery, left out elsewhere. Person 0 stands for distractors
    if it occurs in the gallery only. A root may have train alone, or query and gallery alone.
    """

    layout = (
        "ROOT/\n"
        "  bounding_box_train/  0002_c1s1_000451_03.jpg ...\n"
        "  query/               0001_c1s1_001051_00.jpg ...\n"
        "  bounding_box_test/   0000_c1s1_000151_01.jpg, -1_c1s1_000401_03.jpg ..."
    )

    def __init__(
        self,
        *,
        pattern: str = DEFAULT_PATTERN,
        train: str = "bounding_box_train",
        query: str = "query",
        gallery: str = "bounding_box_test",
        source: str = "market1501",
        separate_namespaces: bool = False,
    ) -> None:
        self._pattern = NamePattern.of(pattern)
        self._folders = PartFolders(train, query, gallery)
        self._source = source
        self._separate_namespaces = separate_namespaces
        if source == "market1501":
            self.published = {
                "train": Published(12_936, 751, 6),
                "query": Published(3_368, 750, 6),
                "gallery": Published(15_913, 750, 6),
                "gallery persons": Published(13_115, 750),
                "distractors": Published(2_798),
                "junk": Published(3_819),
                "test folder": Published(19_732),
            }

    def locate(self, root: Path) -> Path | None:
        """The folder with the three folders: ``root``, its parent, or one directly below."""
        return nearest(root, self._folders.are_in, self.fits, self._folders.names)

    def fits(self, located: Path) -> bool:
        """Not when it is a synthetic set or the names are DukeMTMC-reID's."""
        if (located / "synthetic.json").is_file():
            return False
        return not all_match(self._folders.some_names(located), DUKE_NAME)

    def read(self, root: Path) -> Split:
        """Read the three folders. Raises ValueError for names that do not match the pattern."""
        parts = read_parts(root, self._folders, self._pattern, self._source)
        test_zero = any(r.person == 0 for r in parts.gallery)
        other_zero = any(r.person == 0 for r in parts.query) or (
            not self._separate_namespaces and any(r.person == 0 for r in parts.train)
        )
        notes = list(parts.notes)
        if test_zero and other_zero:
            notes.append("person 0 is taken for a person, as it occurs outside the gallery too")
        return Split(
            self._source,
            train=parts.train,
            query=parts.query,
            gallery=parts.gallery,
            distractor=0 if test_zero and not other_zero else None,
            separate_namespaces=self._separate_namespaces,
            notes=tuple(notes),
            ignored=parts.ignored,
        )
