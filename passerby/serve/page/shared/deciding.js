// Decisions about persons: asked for, sent to the ledger, and taken back from the note that says so.

import { api } from "./api.js";
import { ask, askName, confirmCount, personField } from "./dialogs.js";
import { announce, button, choice, field, freshId, h } from "./dom.js";
import { t } from "./translate.js";

const SECOND = 1000;
const STAYS = { undo: 20_000, said: 6_000 }; // milliseconds

/** A note at the edge of the page; undo(): where what it says can be taken back. */
export function toast(text, undo = null) {
  const note = h("div", { class: "toast" }, h("span", {}, text));
  const away = () => note.remove();
  if (undo) note.append(button(t("undo"), async () => (await undo(), away()), "main"));
  note.append(button("×", away, "plain", { "aria-label": t("close") }));
  document.getElementById("toasts").replaceChildren(note);
  announce(undo ? t("toast.undo", { text }) : text);
  const stays = undo ? STAYS.undo : STAYS.said;
  let timer = setTimeout(away, stays);
  note.addEventListener("focusin", () => clearTimeout(timer));
  note.addEventListener("focusout", () => (timer = setTimeout(away, stays)));
}

/** Say what was decided, with a way back; then changed(), and where it is taken back undone(). */
export function decided(event, changed, undone = showAgain) {
  toast(event.said, async () => {
    try {
      toast((await api.undo(event.number)).said);
      undone();
    } catch (error) {
      toast(t("undo.failed", { why: error.message }));
    }
  });
  changed();
}

/** The view that is shown by now, whichever it is, is shown anew: main.js listens. */
function showAgain() {
  dispatchEvent(new Event("undone"));
}

async function deciding(asking, changed, undone) {
  const event = await asking;
  if (event) decided(event, changed, undone);
}

/** These sightings are of a person, new or known. */
export function nameSightings(sightings, changed, value = "") {
  const act = (person) => api.decide({ kind: "name", sightings, person });
  const title = t("name.title", { count: sightings.length });
  return deciding(
    askName({ title, help: t("name.help"), value, label: t("name.do"), act }),
    changed,
  );
}

/** A person gets another name; renamed(name) with the one that they have by then. */
export function rename(person, renamed) {
  let given = "";
  const act = (name) => {
    given = name;
    return api.decide({ kind: "rename", person, new: name });
  };
  const title = t("rename.title", { person });
  return deciding(
    askName({ title, value: person, label: t("rename.do"), act }),
    () => renamed(given),
    () => renamed(person),
  );
}

/** Several persons are one; asks which name stays. */
export function mergePersons(persons, merged) {
  const group = freshId("into");
  let into = persons.find((name) => !name.startsWith("linked/")) ?? persons[0];
  const choices = persons.map((name) =>
    choice(name, {
      type: "radio",
      name: group,
      checked: name === into,
      onchange: () => (into = name),
    }),
  );
  return deciding(
    ask({
      title: t("merge.title", { count: persons.length }),
      label: t("merge.do"),
      body: h(
        "fieldset",
        {},
        h("legend", {}, t("merge.into")),
        choices,
        h("p", { class: "help" }, t("merge.help")),
      ),
      act: () => api.decide({ kind: "merge", persons, into }),
    }),
    () => merged(into),
  );
}

/** A person and another one, who is asked for, are one. */
export function mergeInto(person, merged) {
  const other = personField(t("merge.other"), "", t("merge.help"));
  return deciding(
    ask({
      title: t("merge.onetitle", { person }),
      label: t("merge.do"),
      body: other.node,
      act: () => {
        const into = other.input.value.trim();
        if (!into || into === person) throw new Error(t("merge.missing"));
        return api.decide({ kind: "merge", persons: [into, person], into });
      },
    }),
    () => merged(other.input.value.trim()),
    () => merged(person),
  );
}

/** Two persons are two, and are not asked about again. */
export function tellApart(persons, changed) {
  return deciding(
    ask({
      title: t("apart.title"),
      label: t("apart.do"),
      body: h("p", {}, t("apart.what", { one: persons[0], other: persons[1] })),
      act: () => api.decide({ kind: "apart", persons }),
    }),
    changed,
  );
}

/** These sightings are not of the person whose name they bear. */
export function splitOff(sightings, person, changed) {
  const act = (name) => api.decide({ kind: "split", sightings, ...(name && { person: name }) });
  return deciding(
    askName({
      title: t("split.title", { count: sightings.length, person }),
      help: t("split.help"),
      label: t("split.do"),
      optional: true,
      act,
    }),
    changed,
  );
}

/** They show no person at all: a shadow, a poster, a dog. which: {sightings} or {person}. */
export function notAPerson(which, changed) {
  return deciding(
    ask({
      title: t("noperson.title", { count: which.sightings?.length ?? 2 }),
      label: t("noperson.do"),
      body: h("p", {}, t("noperson.what")),
      act: () => api.decide({ kind: "not a person", ...which }),
    }),
    changed,
  );
}

/** Delete for good; query: the filter; count: how many sightings that is. */
export async function removeSightings(query, count, removed) {
  const answer = await confirmCount({
    title: t("delete.title", { count }),
    label: t("delete.do"),
    count,
    body: h("p", {}, t("delete.what")),
    act: () => api.remove({ ...query, expected: count, compact: true }),
  });
  if (!answer) return;
  toast(answer.said);
  removed();
}

/** Evidence for others as a zip. what: {files} or {}; query: filter, or the person by name. */
export async function exportCase(what, query) {
  const reason = h("textarea", { rows: 3, maxlength: 1000 });
  const made = await ask({
    title: t("case.title"),
    label: t("case.do"),
    body: [h("p", {}, t("case.what")), field(t("case.reason"), reason, t("case.reasonhelp"))],
    act: () => {
      if (!reason.value.trim()) throw new Error(t("case.missing"));
      return api.exportCase(what, { ...query, reason: reason.value.trim() });
    },
  });
  if (!made) return;
  download(made.blob, "case.zip");
  toast(made.sha256 ? t("case.made", { sha256: made.sha256 }) : t("case.saved"));
}

/** Give the browser a file to keep. */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The ids of all sightings of some passages (matches of a search, stays of a path): a passage is
 * shown as one, and what is decided of it holds for all. */
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
    ids.push(
      ...page.sightings.filter((each) => each.tracklet === tracklet).map((each) => each.sighting),
    );
    after = page.next;
  } while (after);
  return ids;
}
