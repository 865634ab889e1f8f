// Who is this? A picture, or several of one person, or a sighting; and what was found for it.

import { api, session } from "../shared/api.js";
import { exportCase } from "../shared/deciding.js";
import { announce, button, choice, field, fill, h, heading, select, working } from "../shared/dom.js";
import { conditions, filterForm, filterQuery, instant, noFilter } from "../shared/filters.js";
import { cameraName } from "../shared/format.js";
import { framePicker, likeScene } from "./frame.js";
import { cut, opened, picture } from "../shared/pictures.js";
import { left, problemPanel } from "../shared/problems.js";
import { t } from "../shared/translate.js";
import { foundList } from "./found.js";

const MOST = 200; // matches of one search

// What is searched outlives the view: whoever comes back from a person finds it again.
const state = { pictures: [], sighting: "", filter: noFilter(), options: defaults(), gallery: null };

function defaults() {
  return { k: 12, query_camera: "", elsewhere: false, taken: "", prior_absent: 0.5, fpir: 0.01, exact: false };
}

let summary = null;
let running = new AbortController(); // the search that is under way
let places = null; // elements of the view: asked, picker, results, filters

export async function show({ params, signal }) {
  if (state.gallery !== session.gallery) {
    Object.assign(state, { sighting: "", filter: noFilter(), gallery: session.gallery });
  }
  summary = await api.summary(signal);
  if (params.get("sighting")) Object.assign(state, { sighting: params.get("sighting"), pictures: [] });
  places = { view: h("div", { class: "search" }), asked: h("div", { class: "asked" }), picker: h("div", {}), results: h("div", { class: "results" }), filters: h("div", {}) };
  document.addEventListener("paste", pasted, { signal });
  signal.addEventListener("abort", () => running.abort());
  places.view.append(
    heading(t("search.heading")),
    h("div", { class: "asking" }, dropZone(), places.asked, conditionsBox(), optionsBox()),
    h("div", {}, places.picker, places.results));
  showAsked();
  if (asking()) search();
  else if (!summary.sightings) fill(places.results, h("p", { class: "empty" }, t("search.nothingkept")));
  return places.view;
}

function asking() {
  return state.pictures.length > 0 || state.sighting;
}

function dropZone() {
  const input = h("input", {
    type: "file", accept: "image/jpeg,image/png,image/webp", multiple: true, class: "unseen", id: "file",
    onchange: (event) => {
      const files = [...event.target.files];
      event.target.value = ""; // the same file may be chosen again
      take(files);
    },
  });
  const zone = h("div", { class: "drop" }, input,
    h("label", { for: "file", class: "button main" }, t("search.choose")), h("p", {}, t("search.drop")),
    h("p", { class: "faint" }, t("search.several")));
  zone.addEventListener("dragover", () => zone.classList.add("over"));
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    zone.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
  return zone;
}

function pasted(event) {
  if (document.querySelector("dialog[open]")) return;
  const files = [...event.clipboardData.files];
  if (!files.length && event.target.matches?.("input, textarea")) return;
  event.preventDefault();
  if (files.length) take(files);
  else fill(places.results, problemPanel(new Error(t("search.nopicture"))));
}

/** Pictures that somebody gave, in place of those before; several at once are of one person. */
async function take(files, { further = false } = {}) {
  if (!files.length) return;
  running.abort();
  try {
    const limits = session.server.limits;
    const most = limits?.images ?? files.length;
    if (files.length > most) throw new Error(t("search.toomany", { most, count: files.length }));
    const given = await Promise.all(files.map((file) => opened(file, limits)));
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
  if (place.getBoundingClientRect().top > 0.6 * innerHeight) place.scrollIntoView({ block: "start" });
}

function drop() {
  for (const { url } of state.pictures) URL.revokeObjectURL(url);
  state.pictures = [];
}

function choosePerson(one) {
  running.abort();
  running = new AbortController();
  fill(places.results);
  fill(places.picker, framePicker(one, (box) => {
    Object.assign(one, { box, whole: box === null });
    showAsked();
    search();
  }, running.signal));
}

/** What is asked with, small, each with a way to take it out. */
function showAsked() {
  fill(places.picker);
  places.view.classList.toggle("idle", !asking());
  const shown = state.pictures.map((one, index) => h("figure", {}, preview(one, index),
    h("figcaption", {},
      button(t("asked.part"), () => choosePerson(one), "plain"),
      button(t("asked.remove"), () => forgetPicture(one), "plain", { "aria-label": t("asked.removeone", { number: index + 1 }) }))));
  if (state.sighting) shown.push(sightingAsked());
  fill(places.asked, shown.length ? h("h2", {}, t("asked.title", { count: shown.length })) : null, shown,
    state.pictures.length ? moreButton() : null);
}

function preview({ url, box, width, height }, index) {
  const image = h("img", { src: url, alt: t("asked.alt", { number: index + 1 }) });
  if (!box) return h("div", { class: "preview" }, image);
  const [wide, high] = [box[2] - box[0], box[3] - box[1]];
  const scale = 120 / high;
  const window = h("div", { class: "preview part" }, image);
  Object.assign(window.style, { width: `${wide * scale}px`, height: "120px" });
  Object.assign(image.style, {
    width: `${width * scale}px`, height: `${height * scale}px`,
    left: `${-box[0] * scale}px`, top: `${-box[1] * scale}px`,
  });
  return window;
}

function sightingAsked() {
  const place = h("div", { class: "preview" });
  api.sighting(state.sighting).then(
    (one) => fill(place, picture(one.picture ?? one.pictures[0]?.url, t("asked.sighting"))),
    () => fill(place, h("span", { class: "missing" }, t("picture.lost"))),
  );
  return h("figure", {}, place, h("figcaption", {}, t("asked.sighting"),
    button(t("asked.remove"), () => ((state.sighting = ""), showAsked(), search()), "plain")));
}

function moreButton() {
  const input = h("input", {
    type: "file", accept: "image/jpeg,image/png,image/webp", multiple: true, class: "unseen", id: "further",
    onchange: (event) => take([...event.target.files], { further: true }),
  });
  return h("div", { class: "further" }, input, h("label", { for: "further", class: "button" }, t("asked.more")));
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
    fill(places.filters, filterForm(state.filter, summary.cameras, changed), button(t("filter.clear"), clear, "plain"));
  };
  places.drawFilters = draw;
  draw();
  const open = conditions(state.filter) > 0 || matchMedia("(min-width: 62rem)").matches;
  return h("details", { open, class: "box" }, title, places.filters);
}

function optionsBox() {
  const { options } = state;
  const number = (name, step, max) =>
    h("input", {
      type: "number", min: step, max, step, value: options[name],
      onchange: (event) => {
        options[name] = Number(event.target.value);
        search();
      },
    });
  const cameras = [["", t("option.cameraunknown")], ["*", t("option.elsewhere")],
    ...summary.cameras.filter(({ name }) => name).map(({ name }) => [name, cameraName(name)])];
  const taken = select(cameras, options.elsewhere ? "*" : options.query_camera, {
    onchange: (event) => {
      const { value } = event.target;
      Object.assign(options, { elsewhere: value === "*", query_camera: value === "*" ? "" : value });
      search();
    },
  });
  const moment = h("input", {
    type: "datetime-local", step: 1, value: options.taken,
    onchange: (event) => {
      options.taken = event.target.value;
      search();
    },
  });
  const exact = choice(t("option.exact"), {
    checked: options.exact,
    onchange: (event) => {
      options.exact = event.target.checked;
      search();
    },
  });
  return h("details", { class: "box" }, h("summary", {}, t("option.title")), h("div", { class: "options" },
    field(t("option.camera"), taken, t("option.camerahelp")),
    field(t("option.taken"), moment, t("option.takenhelp")),
    field(t("option.prior"), number("prior_absent", 0.01, 0.99), t("option.priorhelp")),
    field(t("option.fpir"), number("fpir", 0.001, 0.5), t("option.fpirhelp")), exact));
}

/** The filter and options as a query of the server; pictures that it goes with. cutHere: parts of
 * pictures are cut out here, where the server takes no box. */
async function question(cutHere = false) {
  const { taken, ...options } = state.options;
  // How long the way takes says something only where both its ends are known.
  const way = taken && options.query_camera ? { query_time: instant(taken), transits: true } : {};
  const query = { ...filterQuery(state.filter, summary.cameras), ...options, ...way };
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
    fill(places.results, foundList(found, (performance.now() - began) / 1000, {
      again: search, more: more(found), notCamera, like, evidence: state.pictures.length ? evidence : null,
    }));
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
