// Saving: the result and the mask as files, the result to the clipboard.

import { fileAddress, fetchFile, maskAddress, readBlob } from "./api.js";
import { wholeBox } from "./geometry.js";
import { currentStep } from "./history.js";
import { rasterise } from "./mask.js";
import { say, trying } from "./messages.js";
import { encodeGrey } from "./png.js";

const LOSSY = ["jpeg", "webp"];
const NO_CLIPBOARD = "This browser lets no page at this address write pictures to the clipboard: download it instead.";

export function createSaving(store) {
  const format = document.getElementById("format");
  const quality = document.getElementById("quality");

  function download() {
    const step = currentStep(store.get());
    if (step === null) return;
    const query = { format: format.value };
    if (LOSSY.includes(format.value)) query.quality = quality.value;
    trying(store, async () => {
      save(await fetchFile(fileAddress(step.photo, query), step.photo.name));
      store.set({ downloaded: true });
    });
  }

  /** What is painted now, or else what has been filled since the original. */
  function downloadMask() {
    const step = currentStep(store.get());
    if (step === null) return;
    trying(store, async () => {
      const name = `${stem(step.photo.name)}_mask.png`;
      if (step.mask.length > 0) return save({ blob: await wholeMask(step), name });
      const { blob } = await fetchFile(maskAddress(step.photo), name);
      save({ blob, name });
    });
  }

  function copy() {
    const step = currentStep(store.get());
    if (step === null) return;
    if (!navigator.clipboard?.write) return say(store, NO_CLIPBOARD);
    // The clipboard takes a promise, so that the click still counts as the visitor's wish when the picture arrives.
    const picture = readBlob(fileAddress(step.photo, { format: "png" }));
    trying(store, async () => {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
      say(store, "Copied.");
    });
  }

  function showQuality() {
    quality.closest("label").hidden = !LOSSY.includes(format.value);
  }

  function warn(event) {
    if (!store.get().downloaded) event.preventDefault();
  }

  document.getElementById("download").addEventListener("click", download);
  document.getElementById("download-mask").addEventListener("click", downloadMask);
  document.getElementById("copy").addEventListener("click", copy);
  format.addEventListener("change", showQuality);
  window.addEventListener("beforeunload", warn);
  showQuality();
  return { download, copy };
}

function stem(name) {
  return name.replace(/\.[^.]*$/, "");
}

function save({ blob, name }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser may still be reading
}

/** The painted mask on black, as large as the photo. */
async function wholeMask({ mask, photo }) {
  const raster = rasterise(mask, photo);
  const [left, top] = raster?.box ?? wholeBox(photo);
  const pixels = new Uint8Array(photo.width * photo.height);
  for (let row = 0; row < (raster?.height ?? 0); row++) {
    const line = raster.pixels.subarray(row * raster.width, (row + 1) * raster.width);
    pixels.set(line, (top + row) * photo.width + left);
  }
  return encodeGrey({ width: photo.width, height: photo.height, pixels });
}
