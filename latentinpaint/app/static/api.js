// The requests to the service, each a function; the message of an error is a sentence to show.
// Addresses are relative to the page, which may be served under a path.

const ENDINGS = ["done", "failed", "cancelled"];
const SECONDS_BETWEEN_QUESTIONS = 0.7;
const UNREACHABLE = "The server does not answer: see whether it still runs, then try again.";

/** The whole address of one that the service gave, or of a path. */
export function resolved(path, query = {}) {
  const url = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

async function request(path, init = {}) {
  let response;
  try {
    response = await fetch(resolved(path), init);
  } catch {
    throw new Error(UNREACHABLE);
  }
  if (!response.ok) throw new Error(await sentence(response));
  return response;
}

async function sentence(response) {
  try {
    return (await response.json()).error ?? UNREACHABLE;
  } catch {
    return `The server answered with error ${response.status}.`;
  }
}

async function json(path, init) {
  return (await request(path, init)).json();
}

function form(fields) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Blob) body.append(name, value, value.name ?? `${name}.png`);
    else body.append(name, value);
  }
  return body;
}

export function listModels() {
  return json("v1/models");
}

export function listExamples() {
  return json("v1/examples");
}

export function openExample(name) {
  return json(`v1/examples/${encodeURIComponent(name)}`, { method: "POST" });
}

export function uploadPhoto(file) {
  return json("v1/photos", { method: "POST", body: form({ image: file }) });
}

export async function readBlob(url) {
  return (await request(url)).blob();
}

/** A file and the name that the service gives it, `name` if it gives none. */
export async function fetchFile(url, name) {
  const response = await request(url);
  const disposition = response.headers.get("Content-Disposition") ?? "";
  const [, coded] = disposition.match(/filename\*=(?:utf-8|UTF-8)''([^;]+)/) ?? [];
  const [, plain] = disposition.match(/filename="([^"]*)"/) ?? [];
  return { blob: await response.blob(), name: coded ? decodeURIComponent(coded) : (plain ?? name) };
}

/** Start a fill of what is white in `mask`, a PNG of the part `box` of the photo. */
export function startFill(photo, mask, box, options) {
  const body = form({ photo: photo.id, mask, mask_box: box.join(","), ...options });
  return json("v1/jobs/fill", { method: "POST", body });
}

export function startExpand(photo, margins, options) {
  return json("v1/jobs/expand", { method: "POST", body: form({ photo: photo.id, ...margins, ...options }) });
}

/** @param region { box } or { scribble, width } */
export function select(photo, region) {
  return json("v1/select", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ photo: photo.id, ...region }),
  });
}

export function cancelJob(id) {
  return request(`v1/jobs/${id}`, { method: "DELETE" });
}

export function previewAddress(photo, query) {
  return resolved(`v1/photos/${photo.id}/preview`, query);
}

export function fileAddress(photo, query) {
  return resolved(`v1/photos/${photo.id}/file`, query);
}

export function latentDifferenceAddress(photo, model) {
  return resolved(`v1/photos/${photo.id}/latent-difference`, { model });
}

export function maskAddress(photo) {
  return resolved(`v1/photos/${photo.id}/mask`);
}

/** Call `tell(event, data)` for each event of a job until it ends; asks again and again where events do not arrive. */
export function followJob(id, tell) {
  const source = new EventSource(resolved(`v1/jobs/${id}/events`));
  for (const name of ["queued", "progress", "preview", ...ENDINGS]) {
    source.addEventListener(name, (event) => {
      if (ENDINGS.includes(name)) source.close();
      tell(name, JSON.parse(event.data || "{}"));
    });
  }
  source.onerror = () => {
    source.close();
    pollJob(id, tell);
  };
}

async function pollJob(id, tell) {
  try {
    const job = await json(`v1/jobs/${id}`);
    if (ENDINGS.includes(job.state)) return tell(job.state, job);
    tell(job.state === "queued" ? "queued" : "progress", job);
  } catch (error) {
    return tell("failed", { error: error.message });
  }
  setTimeout(() => pollJob(id, tell), 1000 * SECONDS_BETWEEN_QUESTIONS);
}
