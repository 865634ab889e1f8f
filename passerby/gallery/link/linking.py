"""Linking: which sightings of a gallery, over its cameras, show one person.

Agglomerative clustering with average linkage, on calibrated log-likelihood ratios. Each passage
begins as a group; the two groups whose pairs have the greatest mean LLR become one, as long as that
mean outweighs the prior odds against any two passages being of one person. Only groups with near
neighbours among their sightings are looked at, so that neither memory nor time grow with the square
of what is joined. Never together: different known persons, passages by two cameras at one time, and
two tracklets that one camera saw at once.

A mean and not a sum: frames of a passage, and passages of one walk, resemble each other, and their
ratios are no independent evidence.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.ledger.obeyed import Obeyed, last_event
from passerby.gallery.ledger.place import standing_still
from passerby.gallery.link.agreement import Agreement, agreement
from passerby.gallery.link.merging import Merging
from passerby.gallery.link.naming import group_names, group_numbers
from passerby.gallery.link.passages import Passages, passages_of, places_of
from passerby.gallery.link.persons import (
    LinkedPerson,
    linked_persons,
    persons_json,
    persons_text,
)
from passerby.gallery.link.rules import Rules
from passerby.gallery.link.worth import Basis, Worth, by_calibration, by_own_distances
from passerby.gallery.own_distances import OwnDistancesOf
from passerby.gallery.paths.gallery_transits import Transits, transits_of
from passerby.gallery.reviewed_pairs import constraints
from passerby.gallery.search.population import Populations
from passerby.gallery.stored_calibrations import judge_of
from passerby.process.spelling import count_of
from passerby.stores import Store
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import UNKNOWN, Sightings, without_vectors

DEFAULTS = Rules()


@dataclass(frozen=True, eq=False)
class Linking:
    """What belongs together, of N sightings.

    sightings [N]: as stored, without vectors; tracklets [N]: a number for each stay; weakest [N]:
    of the joins that made its group the least mean LLR, NaN where there was none; weakest_ends
    [2, N]: of its interval, NaN where not known; groups [N]: equal
    for one person; names [N]: of the groups, "" for a sighting by itself; passages: before linking;
    least_llr: what a mean LLR
    had to exceed; kept_apart_by_time, by_name and by_review: merges that were refused; basis: of
    the likelihood ratios; agreement: with the stored persons, where asked for; notes: what to know;
    obeyed: what people had decided of the sightings by then.
    """

    sightings: Sightings
    tracklets: NDArray[np.int64]
    weakest: NDArray[np.float64]
    weakest_ends: NDArray[np.float64]
    groups: NDArray[np.int64]
    names: NDArray[np.str_]
    passages: int
    least_llr: float
    kept_apart_by_time: int
    kept_apart_by_name: int
    kept_apart_by_review: int
    rules: Rules
    basis: Basis = "labelled pairs"
    agreement: Agreement | None = None
    notes: tuple[str, ...] = field(default=())
    obeyed: Obeyed | None = None

    @property
    def ids(self) -> NDArray[np.str_]:
        """Of the sightings [N]."""
        return self.sightings.ids

    @cached_property
    def persons(self) -> tuple[LinkedPerson, ...]:
        """Everybody with a name, with their passages; without sightings that are alone."""
        return linked_persons(
            self.sightings,
            self.names,
            self.tracklets,
            np.vstack([self.weakest, self.weakest_ends]),
            self.rules.prefix,
        )

    def changes(self, extend: bool = False) -> tuple[list[str], list[str]]:
        """Ids and the persons to give them, where these change.

        Sightings of known persons keep theirs unless they were linked anew, and those that people
        named keep theirs always. extend: sightings that
        were linked to a known person take the name; else they stay without one.
        """
        given = np.char.startswith(self.names, self.rules.prefix)
        before = self.sightings.persons
        ours = np.char.startswith(before, self.rules.prefix)
        new = np.where(given | extend, self.names, UNKNOWN)
        # A known person's sighting that was linked to nothing keeps its name even then.
        free = ours | (before == UNKNOWN) | (self.rules.over_known & (new != UNKNOWN))
        if self.obeyed is not None:
            free &= self.obeyed.decided == UNKNOWN
        changed = (new != before) & free
        return self.ids[changed].tolist(), new[changed].tolist()

    def to_json(self) -> str:
        """Counts, rules, agreement, and each person with the passages and their sightings."""
        content = {
            "sightings": len(self.ids),
            "passages": self.passages,
            "groups": len(np.unique(self.groups)),
            "least_likelihood_ratio": math.exp(self.least_llr),
            "kept_apart_by_time": self.kept_apart_by_time,
            "kept_apart_by_name": self.kept_apart_by_name,
            "kept_apart_by_review": self.kept_apart_by_review,
            "basis": self.basis,
            "rules": asdict(self.rules),
            "agreement": None if self.agreement is None else asdict(self.agreement),
            "notes": self.notes,
            "persons": persons_json(self.persons),
        }
        return json.dumps(content, indent=1, allow_nan=False)

    @property
    def summary(self) -> str:
        """Counts and rules in two sentences."""
        sizes = np.bincount(self.groups)
        count = self.kept_apart_by_review
        reviewed = f", {count:,} by what was said of pairs" if count else ""
        return (
            f"{count_of(len(self.ids), 'sighting')} in "
            f"{count_of(self.passages, 'passage makes', 'passages make')} "
            f"{count_of(len(sizes), 'group')}: {int((sizes > 1).sum()):,} of two sightings or "
            f"more, the largest of {int(sizes.max(initial=0)):,}\nlinked where the mean likelihood "
            f"ratio was above {math.exp(self.least_llr):.3g}; kept apart: "
            f"{self.kept_apart_by_time:,} by time, {self.kept_apart_by_name:,} by name{reviewed}"
        )

    def __str__(self) -> str:
        judged = [] if self.agreement is None else [str(self.agreement)]
        notes = [f"note: {note}" for note in self.notes]
        return "\n".join([self.summary, *judged, *persons_text(self.persons), *notes])


def link(
    store: Store,
    where: Where = EVERYTHING,
    rules: Rules = DEFAULTS,
    *,
    judge: bool = False,
) -> Linking:
    """Group the sightings that satisfy ``where``; nothing is written.

    judge: link as if no person were known, and say how well it agrees with those that are; what was
    decided of whole persons counts no more than their names then. Raises ValueError where there are
    neither a calibration that holds there nor sightings enough to do without
    (`gallery.own_distances`)."""
    rules = replace(rules, over_known=True) if judge else rules
    transits: Transits | None = None
    if rules.transits:  # what is learnt must not depend on itself
        without = link(store, where, replace(rules, transits=False), judge=judge)
        transits = transits_of(without)
        if not transits.transits:
            return replace(without, rules=rules, notes=(*without.notes, transits.said))
    worth, notes = worth_in(store)
    if transits is not None:
        worth = replace(worth, highest=worth.highest + transits.highest)
        notes = (*notes, transits.said)
    seen = last_event(store)  # what is decided from now on is not obeyed
    parts = [*store.read(where)]
    if not parts:
        raise ValueError("no sighting satisfies the filter: there is nothing to link")
    # In an order of their own: engines return them in any.
    joined = Sightings.joined(parts)
    sightings = joined[np.argsort(joined.ids, kind="stable")]
    said = constraints(store, sightings.ids)
    decided = said.decisions.decided
    free = np.char.startswith(sightings.persons, rules.prefix) | rules.over_known
    if not judge:
        free &= decided == UNKNOWN
    names = np.where(free, UNKNOWN, sightings.persons)
    apart = () if judge else said.decisions.apart
    passages = passages_of(sightings, names, rules.gap, apart)
    least = rules.least_llr(len(passages))
    merging = Merging(sightings, passages, worth, rules, least=least, transits=transits)
    against = merging.obey(passages.of[said.must], passages.of[said.cannot])
    against += merging.keep_apart([(passages.of[a], passages.of[b]) for a, b in apart])
    merging.run()
    roots = merging.groups()[passages.of]
    groups = group_numbers(roots, sightings)
    known = None
    if judge:
        # What an earlier linking named is no truth to judge by.
        true = (sightings.persons != UNKNOWN) & ~np.char.startswith(sightings.persons, rules.prefix)
        views = places_of(sightings)
        known = agreement(sightings.persons[true], groups[true], views[true])
    taken = Counter(store.groups("person"))
    taken.subtract(Counter(sightings.persons.tolist()))
    outside = {name for name, count in taken.items() if count > 0}
    return Linking(
        sightings=without_vectors(sightings),
        tracklets=passages.tracklets,
        weakest=merging.weakest[roots],
        weakest_ends=merging.weakest_ends[:, roots],
        groups=groups,
        names=group_names(
            sightings, passages, groups, outside, rules.prefix, kept=said.decisions.persons
        ),
        passages=len(passages),
        least_llr=least,
        kept_apart_by_time=merging.apart_by_time,
        kept_apart_by_name=merging.apart_by_name,
        kept_apart_by_review=merging.apart_by_review,
        rules=rules,
        agreement=known,
        basis=worth.basis,
        notes=(*notes, *_notes(sightings, passages, worth, least), *_contradicted(against)),
        obeyed=None if judge else replace(said.decisions, newest=seen),
    )


def worth_in(store: Store) -> tuple[Worth, tuple[str, ...]]:
    """What tells the worth of distances in a gallery, and what to know of it.

    Raises ValueError where nothing does.
    """
    here = judge_of(store.about, 1, Populations(store).cameras)
    if here.calibration is not None:
        return by_calibration(here.calibration), here.notes
    learnt = OwnDistancesOf().now(store)
    if learnt is None:
        raise ValueError(
            "linking needs to know what a distance is worth, and nothing says so: "
            f"{'; '.join(here.notes)}; and there are too few sightings to learn it from these"
        )
    how = "linked by the distances of its unlabelled sightings, whose ratios are estimates"
    return by_own_distances(learnt), (*here.notes, how)


def _contradicted(count: int) -> tuple[str, ...]:
    """What to say of answers that a tracklet, a name or other answers contradict."""
    if not count:
        return ()
    why = "of one tracklet, name or chain of answers"
    one = f"pair that was said to be of two persons is {why}, and was left together"
    several = f"pairs that were said to be of two persons are {why}, and were left together"
    return (count_of(count, one, several),)


def write_links(store: Store, linking: Linking, *, extend: bool = False) -> int:
    """Give sightings the persons of a linking (`Linking.changes`); returns how many changed.

    Nobody decides meanwhile; groups of which somebody decided something since the linking began
    stay as they are, until they are linked again.
    """
    with standing_still(store) as decided_since:
        touched = decided_since(linking.obeyed.newest if linking.obeyed is not None else 0)
        stale = np.isin(linking.groups, linking.groups[np.isin(linking.ids, [*touched])])
        ids, persons = linking.changes(extend)
        kept = ~np.isin(ids, linking.ids[stale])
        named = [
            pair for pair, keep in zip(zip(ids, persons, strict=True), kept, strict=True) if keep
        ]
        written = 0
        for start in range(0, len(named), 10_000):
            part = named[start : start + 10_000]
            written += store.name_persons([one for one, _ in part], [who for _, who in part])
    return written


def _notes(sightings: Sightings, passages: Passages, worth: Worth, least: float) -> tuple[str, ...]:
    notes = []
    if not worth.one_camera:
        unknown = int(np.sum(sightings.cameras == UNKNOWN))
        notes.append(
            "passages by one camera are not compared: nothing is known but of pairs by two cameras"
            + (
                f"; {count_of(unknown, 'sighting is', 'sightings are')} linked to nothing, for "
                "want of a camera"
                if unknown
                else ""
            )
        )
    if worth.highest <= least:
        notes.append(
            f"{count_of(len(passages), 'passage needs', 'passages need')} a likelihood ratio above "
            f"{math.exp(least):.3g}, and none above {math.exp(worth.highest):.3g} is shown: by too "
            "few persons to link so many"
        )
    untimed = int(np.sum(np.isnat(sightings.times) | (sightings.cameras == UNKNOWN)))
    if untimed:
        notes.append(
            f"{count_of(untimed, 'sighting has', 'sightings have')} no time or no camera: they are "
            "not kept from being in two places at once"
        )
    timeless = int(np.sum(np.isnat(sightings.times) & (sightings.tracklets >= 0)))
    if timeless:
        notes.append(
            f"{count_of(timeless, 'sighting has', 'sightings have')} a tracklet and no time: a "
            "number that was given twice cannot be told from one (give times, or a session: "
            "--session)"
        )
    if passages.torn:
        notes.append(
            f"{count_of(passages.torn, 'tracklet bears', 'tracklets bear')} several names and hold "
            "nothing together"
        )
    return tuple(notes)
