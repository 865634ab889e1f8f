// Times, probabilities and ratios as people read them: never certain, never more digits than true.

import { language } from "../texts.js";
import { t } from "./translate.js";

/** The zone that all times of the page are in. */
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

const moment = new Intl.DateTimeFormat("sv-SE", {
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** "2026-05-01 08:30:05" of the reader's clock. */
export function when(time) {
  return time ? moment.format(new Date(time)) : t("time.unknown");
}

/** From–to, the day said once; the same moment once. */
export function span(first, last) {
  if (!first || !last || first === last) return when(first || last);
  const [from, to] = [when(first), when(last)];
  if (from === to) return from;
  return from.slice(0, 10) === to.slice(0, 10) ? `${from}–${to.slice(11)}` : `${from} – ${to}`;
}

/** Seconds as "0:42", "1:06:40" or "2 d 07:33:20". */
export function duration(seconds) {
  const whole = Math.round(Math.abs(seconds));
  const [days, hours, minutes] = [86400, 3600, 60].map((unit) => Math.floor(whole / unit));
  const two = (value, of) => String(value % of).padStart(2, "0");
  const sign = seconds < 0 && whole ? "−" : "";
  if (days) return `${sign}${days} d ${two(hours, 24)}:${two(minutes, 60)}:${two(whole, 60)}`;
  if (hours) return `${sign}${hours}:${two(minutes, 60)}:${two(whole, 60)}`;
  return `${sign}${minutes}:${two(whole, 60)}`;
}

/** A probability in percent: "97.3 %", "> 99.9 %". */
export function percent(probability) {
  if (probability > 0.999) return "> 99.9 %";
  if (probability < 0.001) return "< 0.1 %";
  return `${(100 * probability).toFixed(1)} %`;
}

// The scale of the Intergovernmental Panel on Climate Change (guidance note on uncertainties, 2010).
const LIKELIHOODS = [
  [0.99, "likely.certain"],
  [0.9, "likely.very"],
  [0.66, "likely.likely"],
  [0.33, "likely.even"],
  [0.1, "likely.unlikely"],
  [0.01, "likely.veryunlikely"],
  [-1, "likely.hardly"],
];

/** A probability in words: "very likely". */
export function likely(probability) {
  return t(LIKELIHOODS.find(([least]) => probability >= least)[1]);
}

/** A likelihood ratio of three digits: "7,880", below one "1/40". */
export function ratio(value) {
  const times = Number(Math.min(Math.max(value, 1 / value), 1e300).toPrecision(3));
  const text = times.toLocaleString(language, { maximumSignificantDigits: 3 });
  return value >= 1 || text === "1" ? text : `1/${text}`;
}

/** The ratio with the ends of its interval, where these are known. */
export function ratioWithEnds(value, interval) {
  if (!interval) return ratio(value);
  return t("ratio.ends", {
    ratio: ratio(value),
    low: ratio(interval[0]),
    high: ratio(interval[1]),
  });
}

/** A count with its marks of thousands. */
export function count(value) {
  return value.toLocaleString(language);
}

/** "3.4 MB"; null: not known. */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return t("unknown");
  const unit = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 4);
  const digits = unit === 0 ? 0 : 1;
  return `${(bytes / 1000 ** unit).toFixed(digits)} ${["bytes", "kB", "MB", "GB", "TB"][unit]}`;
}

/** The name of a camera, or that none is known. */
export function cameraName(name) {
  return name || t("camera.unknown");
}

/** The name of a person, or that none is known. */
export function personName(name) {
  return name || t("person.unnamed");
}

/** An estimate with its 95 % interval: "12 (9–15)". */
export function estimate({ middle, low, high }) {
  return low === high ? count(middle) : `${count(middle)} (${count(low)}–${count(high)})`;
}
