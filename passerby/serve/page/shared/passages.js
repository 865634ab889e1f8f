// A passage is shown as one; what is decided of it holds for all its sightings.

import { api } from "./api.js";

const SECOND = 1000;

/** The ids of all sightings of some passages: matches of a search or stays of a path. */
export async function sightingsOf(passages) {
  const parts = await Promise.all(passages.map(ofOne));
  return [...new Set(parts.flat())];
}

async function ofOne(passage) {
  if (passage.sightings <= 1) return [passage.sighting];
  const { tracklet, source, camera } = await api.sighting(passage.sighting);
  // The end of a filter on time lies behind it, and its own second must be in it.
  const time = passage.first && {
    since: passage.first,
    until: new Date(Date.parse(passage.last ?? passage.first) + SECOND).toISOString(),
  };
  const ids = [passage.sighting];
  let after = "";
  do {
    const page = await api.sightings({ camera, source, ...time, limit: 500, after });
    ids.push(...page.sightings.filter((each) => each.tracklet === tracklet).map((each) => each.sighting));
    after = page.next;
  } while (after);
  return ids;
}
