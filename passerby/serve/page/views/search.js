// Who is this? A picture, or several of one person, or a sighting; and what was found for it.

import { api, session } from "../shared/api.js";
import { exportCase } from "../shared/deciding.js";
import { announce, button, fill, h, heading, worded, working } from "../shared/dom.js";
import {
  conditions,
  filterForm,
  filterQuery,
  judgingForm,
  judgingQuery,
  noFilter,
  usualJudging,
} from "../shared/filters.js";
import { framePicker, likeScene } from "./frame.js";
import { allOpened, cut, dropZone, fileChoice, preview } from "../shared/given.js";
import { picture } from "../shared/pictures.js";
import { left, problemPanel } from "../shared/problems.js";
import { t } from "../shared/translate.js";
import { foundList } from "./found.js";

const MOST = 200; // matches of one search

// What is searched outlives the view: whoever comes back from a person finds it again.
const state = {
  pictures: [],
  sighting: "",
  filter: noFilter(),
  options: usualJudging(),
  gallery: null,
};

let summary = null;
let running = new AbortController(); // the search that is under way
let places = null; // elements of the view: asked, picker, results, filters

export async function show({ params, signal }) {
  if (state.gallery !== session.gallery) {
    Object.assign(state, { sighting: "", filter: noFilter(), gallery: session.gallery });
  }
  summary = await api.summary(signal);
  if (params.get("sighting"))
    Object.assign(state, { sighting: params.get("sighting"), pictures: [] });
  places = {
    view: h("div", { class: "search" }),
    asked: h("div", { class: "asked" }),
    picker: h("div", {}),
    results: h("div", { class: "results" }),
    filters: h("div", {}),
  };
  const words = [h("p", {}, t("search.drop")), h("p", { class: "faint" }, t("search.several"))];
  const nothing = () => fill(places.results, problemPanel(new Error(t("search.nopicture"))));
  const zone = dropZone("file", take, signal, words, nothing);
  signal.addEventListener("abort", () => running.abort());
  places.view.append(
    heading(t("search.heading")),
    h("div", { class: "asking" }, zone, places.asked, conditionsBox(), optionsBox()),
    h("div", {}, places.picker, places.results),
  );
  showAsked();
  if (asking()) search();
  else if (!summary.sightings)
    fill(places.results, h("p", { class: "empty" }, worded(t("search.nothingkept"))));
  return places.view;
}

function asking() {
  return state.pictures.length > 0 || state.sighting;
}

/** Pictures that somebody gave, in place of those before; several at once are of one person. */
async function take(files, { further = false } = {}) {
  if (!files.length) return;
  running.abort();
  try {
    const given = await allOpened(files);
    state.sighting = "";
    if (!further) drop();
    state.pictures.push(...given);
  } catch (error) {
    fill(places.results, problemPanel(error));
    return;
  }
  const scene = state.pictures.find((each) => likeScene(each) && !each.box && !each.whole);
  showAsked();
  if (scene) choosePerson(scene);
  else await search();
  reveal(scene ? places.picker : places.results);
}

/** On a small screen what was asked for lies below what was asked with. */
function reveal(place) {
  if (place.getBoundingClientRect().top > 0.6 * innerHeight)
    place.scrollIntoView({ block: "start" });
}

function drop() {
  for (const { url } of state.pictures) URL.revokeObjectURL(url);
  state.pictures = [];
}

function choosePerson(one) {
  running.abort();
  running = new AbortController();
  fill(places.results);
  fill(
    places.picker,
    framePicker(
      one,
      (box) => {
        Object.assign(one, { box, whole: box === null });
        showAsked();
        search();
      },
      running.signal,
    ),
  );
}

/** What is asked with, small, each with a way to take it out. */
function showAsked() {
  fill(places.picker);
  places.view.classList.toggle("idle", !asking());
  const shown = state.pictures.map((one, index) =>
    h(
      "figure",
      {},
      preview(one, index + 1),
      h(
        "figcaption",
        {},
        button(t("asked.part"), () => choosePerson(one), "plain"),
        button(t("asked.remove"), () => forgetPicture(one), "plain", {
          "aria-label": t("asked.removeone", { number: index + 1 }),
        }),
      ),
    ),
  );
  if (state.sighting) shown.push(sightingAsked());
  fill(
    places.asked,
    shown.length ? h("h2", {}, t("asked.title", { count: shown.length })) : null,
    shown,
    state.pictures.length ? moreButton() : null,
  );
}

function sightingAsked() {
  const place = h("div", { class: "preview" });
  api.sighting(state.sighting).then(
    (one) => fill(place, picture(one.picture ?? one.pictures[0]?.url, t("asked.sighting"))),
    () => fill(place, h("span", { class: "missing" }, t("picture.lost"))),
  );
  return h(
    "figure",
    {},
    place,
    h(
      "figcaption",
      {},
      t("asked.sighting"),
      button(t("asked.remove"), () => ((state.sighting = ""), showAsked(), search()), "plain"),
    ),
  );
}

function moreButton() {
  const further = (files) => take(files, { further: true });
  return h("div", { class: "further" }, fileChoice("further", t("asked.more"), further));
}

function forgetPicture(one) {
  URL.revokeObjectURL(one.url);
  state.pictures = state.pictures.filter((each) => each !== one);
  showAsked();
  search();
}

function conditionsBox() {
  const title = h("summary", {});
  const draw = () => {
    title.textContent = t("filter.title", { count: conditions(state.filter) });
    const changed = () => {
      title.textContent = t("filter.title", { count: conditions(state.filter) });
      search();
    };
    const clear = () => {
      state.filter = noFilter();
      draw();
      search();
    };
    fill(
      places.filters,
      filterForm(state.filter, summary.cameras, changed),
      button(t("filter.clear"), clear, "plain"),
    );
  };
  places.drawFilters = draw;
  draw();
  const open = conditions(state.filter) > 0 || matchMedia("(min-width: 62rem)").matches;
  return h("details", { open, class: "box" }, title, places.filters);
}

function optionsBox() {
  const form = judgingForm(state.options, summary.cameras, search);
  return h("details", { class: "box" }, h("summary", {}, t("option.title")), form);
}

/** The filter and options as a query of the server; pictures that it goes with. cutHere: parts of
 * pictures are cut out here, where the server takes no box. */
async function question(cutHere = false) {
  const query = {
    ...filterQuery(state.filter, summary.cameras),
    ...judgingQuery(state.options),
  };
  const { pictures, sighting } = state;
  if (pictures.length === 1 && !cutHere) {
    const [{ file, box }] = pictures;
    return { what: { files: [file] }, query: box ? { ...query, box: box.join(",") } : query };
  }
  const files = await Promise.all(pictures.map((one) => (one.box ? cut(one) : one.file)));
  return { what: { files, sighting }, query };
}

async function search() {
  running.abort();
  if (!asking()) {
    fill(places.results);
    return;
  }
  running = new AbortController();
  const { signal } = running;
  const waiting = setTimeout(() => fill(places.results, working(t("search.working"))), 120);
  const began = performance.now();
  try {
    const { what, query } = await question();
    const found = await api.search(what, query, signal);
    clearTimeout(waiting);
    if (signal.aborted) return;
    fill(
      places.results,
      foundList(found, (performance.now() - began) / 1000, {
        again: search,
        more: more(found),
        notCamera,
        like,
        evidence: state.pictures.length ? evidence : null,
      }),
    );
    announce(t("found.announce", { count: found.matches.length }));
  } catch (error) {
    clearTimeout(waiting);
    if (signal.aborted || left(error)) return;
    fill(places.results, problemPanel(error, search));
  }
}

async function evidence() {
  const { what, query } = await question(true);
  exportCase(what, query);
}

function more(found) {
  if (found.matches.length < state.options.k || state.options.k >= MOST) return null;
  return () => {
    state.options.k = Math.min(4 * state.options.k, MOST);
    search();
  };
}

function notCamera(name) {
  state.filter.off.add(name);
  places.drawFilters();
  search();
}

function like(sighting) {
  drop();
  state.sighting = sighting;
  showAsked();
  search();
  scrollTo({ top: 0 });
}
