// Ten questions at a time: one person, two, or cannot say. Keys 1, 2, 3, and U to take one back.

import { api } from "../shared/api.js";
import { announce, button, choice, fill, h, heading, worded, working } from "../shared/dom.js";
import { cameraName, when } from "../shared/format.js";
import { singleKeys } from "../shared/keys.js";
import { picture } from "../shared/pictures.js";
import { left, problemPanel } from "../shared/problems.js";
import { t } from "../shared/translate.js";

const TEN = 10;
let keysOn = true;

export async function show({ signal }) {
  const place = h("div", { class: "review" });
  const round = { questions: [], given: [], busy: false, place, signal };
  const act = (same) => () => reply(round, same);
  singleKeys(
    { 1: act(true), 2: act(false), 3: act(null), u: () => takeBack(round) },
    signal,
    () => keysOn,
  );
  await begin(round);
  const keys = choice(t("review.keys"), {
    checked: keysOn,
    onchange: (event) => (keysOn = event.target.checked),
  });
  return [
    heading(t("review.title")),
    h("p", { class: "lead" }, t("review.what")),
    place,
    h("p", {}, keys),
  ];
}

async function begin(round) {
  fill(round.place, working(t("review.looking")));
  try {
    const { questions, said } = await api.questions({ count: TEN }, round.signal);
    Object.assign(round, { questions, given: [] });
    if (questions.length) draw(round);
    else fill(round.place, h("p", { class: "empty" }, t("review.none"), " ", said));
  } catch (error) {
    if (!left(error))
      fill(
        round.place,
        problemPanel(error, () => begin(round)),
      );
  }
}

function draw(round) {
  const { questions, given, place } = round;
  if (given.length >= questions.length) {
    finish(round);
    return;
  }
  const number = given.length + 1;
  const question = questions[number - 1];
  const words = asking(question);
  const buttons = [
    [true, "review.same", "1"],
    [false, "review.different", "2"],
    [null, "review.cannot", "3"],
  ].map(([same, key, shortcut]) =>
    button([t(key), " ", h("kbd", {}, shortcut)], () => reply(round, same), "answer", {
      "aria-keyshortcuts": shortcut,
    }),
  );
  const back = button([t("undo"), " ", h("kbd", {}, "U")], () => takeBack(round), "plain", {
    "aria-keyshortcuts": "U",
    disabled: !given.length,
  });
  const asked = h("h2", { tabindex: "-1" }, words);
  fill(
    place,
    h(
      "div",
      { class: "progress" },
      h("progress", {
        max: questions.length,
        value: given.length,
        "aria-label": t("review.progress", { number, count: questions.length }),
      }),
      h("span", {}, t("review.progress", { number, count: questions.length })),
    ),
    asked,
    h("div", { class: "pair" }, side(question.first, 1), side(question.second, 2)),
    h("div", { class: "actions answers" }, buttons, back),
    h("div", { class: "trouble" }),
  );
  announce(`${t("review.progress", { number, count: questions.length })}. ${words}`);
}

function asking({ kind, persons: [one, other] }) {
  if (kind === "merge") return t("review.merge", { one, other });
  if (kind === "split") return t("review.split", { person: one || other });
  return t("review.pair");
}

function side({ camera, time, picture: url }, number) {
  return h(
    "figure",
    {},
    picture(url, t("review.alt", { number, camera: cameraName(camera), time: when(time) })),
    h("figcaption", {}, h("b", {}, cameraName(camera)), " ", when(time)),
  );
}

async function reply(round, same) {
  const question = round.questions[round.given.length];
  if (!question || round.busy) return;
  round.busy = true;
  for (const each of round.place.querySelectorAll(".answers button")) each.disabled = true;
  try {
    const { kind, first, second, persons } = question;
    const event = await api.answer({
      kind,
      first: first.sighting,
      second: second.sighting,
      persons,
      same,
    });
    round.given.push(event.number);
    draw(round);
  } catch (error) {
    draw(round);
    fill(
      round.place.querySelector(".trouble"),
      problemPanel(error, () => reply(round, same)),
      skip(round),
    );
  } finally {
    round.busy = false;
  }
}

/** A question that cannot be answered any more (somebody else has decided it) is left out. */
function skip(round) {
  return button(t("review.skip"), () => {
    round.questions.splice(round.given.length, 1);
    draw(round);
  });
}

async function takeBack(round) {
  if (!round.given.length || round.busy) return;
  round.busy = true;
  try {
    await api.undo(round.given.at(-1));
    round.given.pop();
    draw(round);
    announce(t("review.takenback"));
  } catch (error) {
    const trouble = round.place.querySelector(".trouble") ?? round.place;
    trouble.append(problemPanel(error));
  } finally {
    round.busy = false;
  }
}

/** What the answers brought: the gallery's calibration learns from them. */
async function finish(round) {
  const learnt = h("div", {}, working(t("review.learning")));
  const title = h("h2", { tabindex: "-1" }, t("review.done", { count: round.given.length }));
  fill(
    round.place,
    title,
    learnt,
    h(
      "div",
      { class: "actions" },
      button(t("review.ten"), () => begin(round), "main"),
      button([t("undo"), " ", h("kbd", {}, "U")], () => takeBack(round), "plain", {
        disabled: !round.given.length,
      }),
      h("a", { class: "button", href: "#/decisions" }, t("decisions.title")),
    ),
    h("div", { class: "trouble" }),
  );
  title.focus();
  try {
    const { said, calibrated } = await api.learn();
    fill(
      learnt,
      h("p", {}, calibrated ? t("review.learnt") : t("review.notyet")),
      h("pre", { class: "words" }, said),
    );
  } catch (error) {
    fill(
      learnt,
      [404, 405].includes(error.status) ? h("p", {}, worded(t("review.elsewhere"))) : problemPanel(error),
    );
  }
}
