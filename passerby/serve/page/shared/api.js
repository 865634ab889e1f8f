// Every route of the server that the page uses, and how a failure is told.

import { t } from "./translate.js";

const KEY = "passerby.key";
const GALLERY = "passerby.gallery";
const PATIENCE = 120; // seconds until the page gives a request up
const BUSY_TRIES = 4;

/** server: what /v1/server said; askForKey(words): set by main.js, promises a key. */
export const session = {
  server: null,
  key: sessionStorage.getItem(KEY) ?? "",
  gallery: sessionStorage.getItem(GALLERY) ?? "",
  askForKey: null,
};

/** What went wrong, in words for people: title, detail, errors, and whether trying again may help. */
export class Problem extends Error {
  constructor(title, detail, { status = 0, errors = [], again = true } = {}) {
    super(detail);
    Object.assign(this, { title, detail, status, errors, again });
  }
}

export function keepKey(key) {
  session.key = key;
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

export function chooseGallery(name) {
  session.gallery = name;
  sessionStorage.setItem(GALLERY, name);
}

/** Whether the key may do this: "read", "write", "delete" or "admin". */
export function can(scope) {
  return session.server?.scopes.includes(scope) ?? false;
}

function address(path, query, gallery) {
  const url = new URL(path.replace(/^\//, ""), document.baseURI);
  url.hash = "";
  const pairs = Object.entries({
    ...(gallery && session.gallery && { gallery: session.gallery }),
    ...query,
  });
  for (const [name, value] of pairs) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") url.searchParams.append(name, one);
    }
  }
  return url;
}

async function answered(method, url, { body, type, signal }) {
  const headers = new Headers();
  if (type) headers.set("Content-Type", type);
  if (session.key) headers.set("Authorization", `Bearer ${session.key}`);
  const patience = AbortSignal.timeout(PATIENCE * 1000);
  const both = signal ? AbortSignal.any([signal, patience]) : patience;
  try {
    return await fetch(url, { method, headers, body, signal: both, credentials: "omit" });
  } catch (error) {
    if (signal?.aborted) throw error;
    if (error.name === "TimeoutError")
      throw new Problem(t("slow.title"), t("slow.detail", { count: PATIENCE }));
    throw new Problem(t("gone.title"), t("gone.detail"));
  }
}

async function problemOf(answer) {
  const said = await answer.json().catch(() => ({}));
  const title = said.title || t("failed.title", { status: answer.status });
  const again = answer.status >= 500 || answer.status === 429;
  const about = {
    status: answer.status,
    errors: Array.isArray(said.errors) ? said.errors : [],
    again,
  };
  return new Problem(title, said.detail || t("failed.detail"), about);
}

let wantedKey = null; // one question for a key at a time, whoever needs it

async function newKey(words) {
  wantedKey ??= session.askForKey(words).finally(() => (wantedKey = null));
  keepKey(await wantedKey);
}

/** The answer to a request, as a Response; throws Problem. */
export async function request(method, path, { query = {}, gallery = true, ...rest } = {}) {
  for (let attempt = 1; ; attempt += 1) {
    const url = address(path, query, gallery);
    const key = session.key;
    const answer = await answered(method, url, rest);
    if (answer.ok) return answer;
    const problem = await problemOf(answer);
    if (answer.status === 401 && session.askForKey) {
      if (key === session.key) await newKey(key ? t("key.wrong") : "");
    } else if (answer.status === 429 && attempt < BUSY_TRIES) {
      await pause(Number(answer.headers.get("Retry-After")) || 1, rest.signal);
    } else throw problem;
  }
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, 1000 * Math.min(seconds, 10));
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

async function json(method, path, options = {}) {
  const answer = await request(method, path, options);
  return answer.json().catch(() => {
    throw new Problem(t("garbled.title"), t("garbled.detail"));
  });
}

const get = (path, query, signal) => json("GET", path, { query, signal });
const post = (path, content, options = {}) =>
  json("POST", path, { ...options, body: JSON.stringify(content), type: "application/json" });

/** Pictures as a body: one as it is, several as the parts of a form; fields: of that form. */
function pictures(files, fields = {}) {
  if (files.length === 1 && !Object.keys(fields).length)
    return { body: files[0], type: files[0].type };
  const form = new FormData();
  for (const file of files) form.append("image", file, file.name || "picture");
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return { body: form };
}

/** A question that is asked by pictures, by a sighting, or with neither by its query alone. */
function asked(path, { files = [], sighting = "" }, query, signal, read = json) {
  if (files.length) return read("POST", path, { query, signal, ...pictures(files) });
  const content = sighting ? { sighting } : {};
  const body = { body: JSON.stringify(content), type: "application/json" };
  return read("POST", path, { query, signal, ...body });
}

export const api = {
  server: () => json("GET", "v1/server", { gallery: false }),
  summary: (signal) => get("v1/summary", {}, signal),
  search: (what, query, signal) => asked("v1/search", what, query, signal),
  detect: (file, signal) => json("POST", "v1/detect", { signal, body: file, type: file.type }),
  sightings: (query, signal) => get("v1/sightings", query, signal),
  sighting: (id, signal) => get(`v1/sightings/${encodeURIComponent(id)}`, {}, signal),
  remove: (query) => json("DELETE", "v1/sightings", { query }),
  persons: (query, signal) => get("v1/persons", query, signal),
  path: (query, signal) => get("v1/path", query, signal),
  visitors: (query, signal) => get("v1/visitors", query, signal),
  alerts: (signal) => get("v1/alerts", {}, signal),
  hits: (query, signal) => get("v1/alerts/hits", query, signal),
  judge: (number, right) => post(`v1/alerts/hits/${number}`, { right }),
  decisions: (query, signal) => get("v1/decisions", query, signal),
  decision: (number, signal) => get(`v1/decisions/${number}`, {}, signal),
  decide: (content) => post("v1/decisions", content),
  undo: (number) => post("v1/decisions/undo", { number }),
  questions: (query, signal) => get("v1/questions", query, signal),
  answer: (content) => post("v1/answers", content),
  learn: () => post("v1/learn", {}),
  findToForget: (what, query, signal) => asked("v1/forget/find", what, query, signal),
  forget: ({ files }, content) =>
    files.length
      ? json("POST", "v1/forget", pictures(files, { request: JSON.stringify(content) }))
      : post("v1/forget", content),
  optOuts: (signal) => get("v1/opt-outs", {}, signal),
  withdraw: (id) => json("DELETE", `v1/opt-outs/${encodeURIComponent(id)}`),
  /** A zip: {blob, sha256}. */
  async exportCase(what, query, signal) {
    const answer = await asked("v1/case", what, query, signal, request);
    return { blob: await answer.blob(), sha256: answer.headers.get("X-Manifest-SHA256") ?? "" };
  },
  /** A picture that the server named, as a blob (an <img> cannot send a key). */
  async picture(url, signal) {
    return (await request("GET", url, { gallery: false, signal })).blob();
  },
};
