// What the service computes for the page: fills and wider photos. One job at a time:
//   { id, kind, photo, parts, progress, secondsLeft, place, preview: { image, box } }
// parts: those of the mask that it fills. What is painted meanwhile is kept, and filled next where fills are automatic.

import { cancelJob, followJob, resolved, startExpand, startFill } from "./api.js";
import { FILLED, addStep, currentStep } from "./history.js";
import { movedParts, rasterise } from "./mask.js";
import { complain, hush, say } from "./messages.js";
import { loadImage } from "./pictures.js";
import { encodeGrey } from "./png.js";

const NOTHING_PAINTED = "Nothing is painted yet: paint over what should go, then fill.";
const FILLING = { kind: "fill", progress: 0, secondsLeft: null, place: 0, preview: null, id: null };

export function createJobs(store, pictures) {
  let again = false; // whether to fill once more when the present job has ended

  async function fill() {
    const step = currentStep(store.get());
    if (step === null) return;
    if (store.get().job !== null) {
      again = true;
      return;
    }
    const raster = rasterise(step.mask, step.photo);
    if (raster === null) return say(store, NOTHING_PAINTED);
    const job = begin({ ...FILLING, photo: step.photo, parts: step.mask });
    await started(job, async () => {
      return startFill(step.photo, await encodeGrey(raster), raster.box, store.get().options);
    });
  }

  async function expand(margins) {
    const step = currentStep(store.get());
    if (step === null || store.get().job !== null) return;
    const { width, height } = step.photo;
    const size = { width: width + margins.left + margins.right, height: height + margins.top + margins.bottom };
    const job = begin({ ...FILLING, kind: "expand", photo: step.photo, parts: step.mask, margins, size });
    const options = { ...store.get().options, samples: 1 };
    await started(job, () => startExpand(step.photo, margins, options));
  }

  function begin(job) {
    again = false;
    hush(store);
    store.set({ job, map: false });
    return job;
  }

  /** Whether a job, whatever has become known of it since, is still the present one. */
  function isCurrent(job) {
    return store.get().job?.parts === job.parts && store.get().job?.photo === job.photo;
  }

  async function started(job, start) {
    try {
      const { id } = await start();
      if (!isCurrent(job)) {
        await cancelJob(id);
        return;
      }
      update({ id });
      followJob(id, (event, data) => {
        if (store.get().job?.id === id) hear(event, data);
      });
    } catch (error) {
      if (isCurrent(job)) fail(error);
    }
  }

  function update(changes) {
    store.set({ job: { ...store.get().job, ...changes } });
  }

  function hear(event, data) {
    if (event === "queued") update({ place: data.place ?? 0 });
    if (event === "progress") update({ progress: data.progress, secondsLeft: data.seconds_left ?? null, place: 0 });
    if (event === "preview") showPreview(store.get().job.id, data);
    if (event === "failed") fail(new Error(data.error ?? "The fill failed: try again."));
    if (event === "cancelled") store.set({ job: null });
    if (event === "done") finish(store.get().job, data);
  }

  async function showPreview(id, { url, box }) {
    const image = await loadImage(resolved(url)).catch(() => null);
    if (image !== null && store.get().job?.id === id) update({ preview: { image, box } });
  }

  async function finish(job, { results, box, uncertainty_url }) {
    const photos = results.map((result) => ({ ...job.photo, ...job.size, id: result.photo, example: false }));
    try {
      await pictures.load(photos[0]); // so that the old picture is not seen once more
    } catch (error) {
      return fail(error);
    }
    if (store.get().job?.id !== job.id) return;
    const step = currentStep(store.get());
    const [x, y] = step.origin;
    const corner = [job.margins?.left ?? 0, job.margins?.top ?? 0];
    const several = photos.length > 1 ? { photos, chosen: 0, box, map: uncertainty_url ?? null } : null;
    store.set({ job: null, downloaded: false });
    addStep(store, {
      photo: photos[0],
      origin: [x + corner[0], y + corner[1]],
      mask: job.kind === "fill" ? unfilled(step.mask, job) : movedParts(step.mask, corner),
      label: job.kind === "fill" ? FILLED : "Expanded",
      answers: several,
    });
    if (again) fill();
  }

  function fail(error) {
    again = false;
    store.set({ job: null });
    complain(store, error);
  }

  /** End what is computed; the picture and the mask stay as they are. */
  function stop() {
    const { job } = store.get();
    if (job === null) return;
    again = false;
    store.set({ job: null });
    if (job.id !== null) cancelJob(job.id).catch(() => {}); // it ends by itself as well
  }

  function cancel() {
    if (store.get().job === null) return;
    stop();
    say(store, "Cancelled: what you painted is still there.");
  }

  return { fill, expand, stop, cancel };
}

/** What was painted while others were filled; an eraser alone is nothing. */
function unfilled(parts, job) {
  const others = parts.filter((part) => !job.parts.includes(part));
  return others.every((part) => part.erase) ? [] : others;
}
