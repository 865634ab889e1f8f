// Forget a person: show all that is found, choose, confirm, delete, and a certificate of it.

import { api, can } from "../shared/api.js";
import { download } from "../shared/deciding.js";
import { confirmCount, personField } from "../shared/dialogs.js";
import {
  announce,
  button,
  choice,
  field,
  fill,
  h,
  heading,
  notes,
  working,
} from "../shared/dom.js";
import { cameraName, count, personName, ratioWithEnds, span, when } from "../shared/format.js";
import { allOpened, dropZone, preview } from "../shared/given.js";
import { picture } from "../shared/pictures.js";
import { left, problemPanel } from "../shared/problems.js";
import { t } from "../shared/translate.js";

export async function show({ params, signal }) {
  const place = h("div", {});
  const asked = { files: [], person: params.get("name") ?? "", place, signal };
  const standing = h("div", {});
  if (asked.person) find(asked);
  optOuts(standing, signal);
  return [
    heading(t("forget.title")),
    h("p", { class: "lead" }, t("forget.what")),
    question(asked),
    place,
    standing,
  ];
}

function question(asked) {
  const given = h("div", { class: "asked" });
  const take = async (files) => {
    try {
      const pictures = await allOpened(files);
      asked.files = pictures.map(({ file }) => file);
      fill(
        given,
        pictures.map((one, index) => preview(one, index + 1)),
      );
    } catch (error) {
      fill(asked.place, problemPanel(error));
    }
  };
  const words = [h("p", {}, t("forget.drop")), given];
  const zone = dropZone("forget-file", take, asked.signal, words);
  const name = personField(t("forget.person"), asked.person, t("forget.personhelp"));
  const submit = (event) => {
    event.preventDefault();
    asked.person = name.input.value.trim();
    find(asked);
  };
  return h(
    "form",
    { class: "box", onsubmit: submit },
    zone,
    name.node,
    h(
      "div",
      { class: "actions" },
      h("button", { type: "submit", class: "main" }, t("forget.find")),
    ),
  );
}

async function find(asked) {
  const { files, person, place, signal } = asked;
  if (!files.length && !person) {
    fill(place, problemPanel(new Error(t("forget.nothing"))));
    return;
  }
  fill(place, working(t("forget.finding")));
  try {
    const found = await api.findToForget({ files }, { person }, signal);
    fill(place, chooser(asked, found));
    announce(t("forget.found", { count: found.passages.length }));
  } catch (error) {
    if (!left(error))
      fill(
        place,
        problemPanel(error, () => find(asked)),
      );
  }
}

function chooser(asked, found) {
  if (!found.passages.length && !found.alerts.length)
    return [notes(found.notes), h("p", { class: "empty" }, t("forget.none"))];
  const chosen = {
    passages: new Set(found.passages.filter((each) => each.chosen)),
    alerts: new Set(found.alerts.filter((each) => each.chosen)),
  };
  const said = h("p", { role: "status", class: "big" });
  const reason = h("textarea", { rows: 2, maxlength: 1000 });
  const trouble = h("div", {});
  const go = button(
    "",
    () => {
      const missing = !reason.value.trim();
      fill(trouble, missing ? problemPanel(new Error(t("forget.reasonmissing"))) : null);
      if (missing) reason.focus();
      else
        confirm(asked, found, chosen, reason.value.trim(), optOut.querySelector("input").checked);
    },
    "danger",
  );
  const optOut = choice(t("forget.optout"), {});
  const draw = () => {
    const ids = idsOf(chosen);
    fill(
      said,
      h("b", {}, count(ids.length)),
      " ",
      t("forget.chosen", {
        count: ids.length,
        passages: t("forget.passages", { count: chosen.passages.size }),
      }),
    );
    go.textContent = t("forget.do", { count: ids.length });
    go.disabled = !ids.length;
  };
  const toggle = (set, each) => (event) => {
    if (event.target.checked) set.add(each);
    else set.delete(each);
    draw();
  };
  draw();
  return h(
    "section",
    { "aria-label": t("forget.choose") },
    h("h2", {}, t("forget.choose")),
    notes(found.notes),
    h("p", {}, t("forget.choosewhat")),
    h(
      "ul",
      { class: "tiles-of" },
      found.passages.map((each) => passage(each, toggle(chosen.passages, each))),
    ),
    found.alerts.length
      ? h(
          "fieldset",
          {},
          h("legend", {}, t("forget.alerts")),
          found.alerts.map((each) =>
            choice(`${each.name} (${each.why})`, {
              checked: each.chosen,
              onchange: toggle(chosen.alerts, each),
            }),
          ),
        )
      : null,
    said,
    h(
      "div",
      { class: "box" },
      field(t("forget.reason"), reason, t("forget.reasonhelp")),
      optOut,
      h("p", { class: "help" }, t("forget.optoutwhat")),
    ),
    trouble,
    h("div", { class: "actions" }, go),
  );
}

function idsOf({ passages }) {
  return [...new Set([...passages].flatMap((each) => each.sightings))];
}

function passage(each, onchange) {
  const {
    number,
    camera,
    person,
    first,
    last,
    why,
    likelihood_ratio: ratio,
    likelihood_ratio_interval: ends,
    picture: url,
  } = each;
  return h(
    "li",
    {},
    h(
      "label",
      { class: "pick" },
      h("input", { type: "checkbox", checked: each.chosen, onchange }),
      picture(
        url,
        t("picture.alt", { rank: number, camera: cameraName(camera), time: span(first, last) }),
      ),
      h("span", {}, h("b", {}, cameraName(camera)), " ", span(first, last)),
      h("span", { class: "faint" }, person ? `${personName(person)} · ` : "", reason(why)),
      ratio !== null && ratio < 1 && h("b", { class: "warn" }, t("forget.unlike")),
      ratio === null
        ? null
        : h("span", { class: "faint" }, t("found.ratio", { ratio: ratioWithEnds(ratio, ends) })),
      each.sightings.length > 1
        ? h("span", { class: "faint" }, t("found.sightings", { count: each.sightings.length }))
        : null,
    ),
  );
}

/** Why a passage was found, in the words of the page. */
function reason(why) {
  const known = {
    "the picture itself": "why.itself",
    "like the picture": "why.like",
    named: "why.named",
    "named alike": "why.alike",
    linked: "why.linked",
    "set aside as no person": "why.aside",
  };
  return why in known ? t(known[why]) : why;
}

async function confirm(asked, found, chosen, reason, optOut) {
  const ids = idsOf(chosen);
  const alerts = [...chosen.alerts].map(({ name }) => name);
  const spared = idsOf({ passages: found.passages.filter((each) => !chosen.passages.has(each)) });
  const content = { ids, spared, reason, opt_out: optOut, alerts, person: asked.person };
  const certificate = await confirmCount({
    title: t("forget.sure"),
    label: t("forget.do", { count: ids.length }),
    count: ids.length,
    body: [h("p", {}, t("forget.surewhat")), optOut ? h("p", {}, t("forget.sureoptout")) : null],
    act: () => api.forget(asked, content),
  });
  if (!certificate) return;
  fill(asked.place, certified(certificate));
  asked.place.querySelector("h2").focus();
}

function certified({ said, ...certificate }) {
  const { sha256 } = certificate; // of all its other fields, so that nothing may be added
  const text = JSON.stringify(certificate, null, 1);
  const save = () =>
    download(
      new Blob([text], { type: "application/json" }),
      `forgotten-${sha256.slice(0, 12)}.json`,
    );
  return h(
    "section",
    { class: "panel certificate" },
    h("h2", { tabindex: "-1" }, t("forget.done")),
    h("pre", { class: "words" }, said),
    h(
      "div",
      { class: "actions" },
      button(t("forget.save"), save, "main"),
      button(t("forget.print"), () => print()),
    ),
  );
}

async function optOuts(place, signal) {
  try {
    const { opt_outs: all } = await api.optOuts(signal);
    if (!all.length) return;
    fill(
      place,
      h(
        "section",
        { class: "panel" },
        h("h2", {}, t("optouts.title")),
        h("p", {}, t("optouts.what")),
        h(
          "ul",
          { class: "ledger" },
          all.map((one) =>
            h(
              "li",
              {},
              h(
                "div",
                { class: "about" },
                h("p", {}, one.id),
                h(
                  "p",
                  { class: "faint" },
                  t("optouts.since", { time: when(one.created), count: one.refused }),
                ),
              ),
              can("delete")
                ? button(t("optouts.withdraw"), () => withdraw(one.id, place, signal), "danger")
                : null,
            ),
          ),
        ),
      ),
    );
  } catch (error) {
    if (!left(error) && ![404, 405].includes(error.status)) fill(place, problemPanel(error));
  }
}

async function withdraw(id, place, signal) {
  try {
    await api.withdraw(id);
    announce(t("optouts.withdrawn"));
    fill(place);
    await optOuts(place, signal);
  } catch (error) {
    place.append(problemPanel(error));
  }
}
