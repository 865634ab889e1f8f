// Pictures of sightings: fetched when they come into sight, with the key where there is one.

import { api } from "./api.js";
import { h } from "./dom.js";
import { cameraName, when } from "./format.js";
import { t } from "./translate.js";

// Shown until the picture is there: one clear pixel.
const CLEAR = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
const MOST_KEPT = 600;
const kept = new Map(); // url -> promise of a blob: address; the oldest go first

function addressOf(url) {
  if (!kept.has(url)) {
    const made = api.picture(url).then((blob) => URL.createObjectURL(blob));
    made.catch(() => kept.delete(url)); // it is asked for again where it is shown again
    kept.set(url, made);
    if (kept.size > MOST_KEPT) {
      const [oldest, address] = kept.entries().next().value;
      kept.delete(oldest);
      address.then(URL.revokeObjectURL, () => {});
    }
  }
  return kept.get(url);
}

const sight = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      sight.unobserve(target);
      addressOf(target.dataset.url).then(
        (address) => Object.assign(target, { src: address, className: "" }),
        () => target.replaceWith(missing(t("picture.lost"))),
      );
    }
  },
  { rootMargin: "300px" },
);

function missing(words) {
  return h("span", { class: "missing" }, words);
}

/** The picture at an address of the server, or words where none is kept. */
export function picture(url, alt) {
  if (!url) return missing(t("picture.none"));
  const image = h("img", { alt, src: CLEAR, class: "waiting", "data-url": url, decoding: "async" });
  sight.observe(image);
  return image;
}

/** The pictures of a passage or sighting in the order of time, as a strip. */
export function strip({ picture: single, pictures = [], camera, first, time, rank }) {
  const shown = pictures.filter((each) => each.url);
  const values = { camera: cameraName(camera), time: when(first || time), rank: rank ?? "" };
  if (!shown.length) {
    return h("div", { class: "strip" }, picture(single, t("picture.alt", values).trim()));
  }
  const words = (number) => t("picture.altof", { ...values, number, count: shown.length });
  return h(
    "div",
    { class: "strip" },
    shown.map((each, index) => picture(each.url, words(index + 1))),
  );
}
