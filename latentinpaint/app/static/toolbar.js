// The buttons, the size of the brush and the state of the fill.

import { canRedo, canUndo, currentStep, isFill } from "./history.js";
import { clamp } from "./geometry.js";
import { TOOLS } from "./tools.js";
import { zoomed } from "./viewport.js";

const SMALLEST = 3; // CSS pixels of the brush
const LARGEST = 400;
const ZOOM_STEP = 1.4;

/** @param actions { undo, redo, again, fill, cancel } */
export function createToolbar(store, stage, actions) {
  const element = (id) => document.getElementById(id);
  const size = element("size");

  function choose(tool) {
    if (store.get().tool === tool) return;
    store.set({ tool, draft: null });
    if (store.get().view?.fitted) stage.fit();
  }

  function zoom(factor) {
    const step = currentStep(store.get());
    if (step === null) return;
    const { width, height } = stage.size();
    store.set({ view: zoomed(store.get().view, step.photo, stage.size(), factor, [width / 2, height / 2]) });
  }

  function resize(factor) {
    store.set({ size: clamp(store.get().size * factor, SMALLEST, LARGEST) });
  }

  /** The slider is logarithmic: small brushes need finer steps. */
  function readSize() {
    store.set({ size: SMALLEST * (LARGEST / SMALLEST) ** (size.valueAsNumber / 100) });
  }

  function update(state) {
    const opened = currentStep(state) !== null;
    for (const tool of TOOLS) element(`tool-${tool}`).setAttribute("aria-pressed", state.tool === tool);
    size.value = (100 * Math.log(state.size / SMALLEST)) / Math.log(LARGEST / SMALLEST);
    size.setAttribute("aria-valuetext", `${Math.round(state.size)} pixels`);
    element("size-number").textContent = Math.round(state.size);
    for (const button of document.querySelectorAll("[data-needs-photo]")) button.disabled = !opened;
    element("undo").disabled = !canUndo(state);
    element("redo").disabled = !canRedo(state);
    element("again").disabled = !isFill(state) || state.job !== null;
    element("fill").disabled = !opened || state.job !== null;
    element("fill-on-release").checked = state.fillOnRelease;
    element("zoom-number").textContent = state.view === null ? "" : `${Math.round(100 * state.view.scale)} %`;
    showProgress(state.job);
  }

  function showProgress(job) {
    element("progress").hidden = job === null;
    if (job === null) return;
    const bar = element("progress-bar");
    if (job.progress > 0) bar.value = job.progress;
    else bar.removeAttribute("value"); // it runs to and fro while nobody knows how long
    element("progress-text").textContent = progressText(job);
  }

  for (const tool of TOOLS) element(`tool-${tool}`).addEventListener("click", () => choose(tool));
  for (const name of ["undo", "redo", "again", "fill", "cancel"]) element(name).addEventListener("click", actions[name]);
  size.addEventListener("input", readSize);
  element("fill-on-release").addEventListener("change", (event) => {
    store.set({ fillOnRelease: event.target.checked });
  });
  element("zoom-in").addEventListener("click", () => zoom(ZOOM_STEP));
  element("zoom-out").addEventListener("click", () => zoom(1 / ZOOM_STEP));
  element("zoom-fit").addEventListener("click", stage.fit);
  store.listen(update);
  return { choose, resize, zoomIn: () => zoom(ZOOM_STEP), zoomOut: () => zoom(1 / ZOOM_STEP) };
}

function progressText({ kind, place, secondsLeft }) {
  if (place > 0) return `Waiting: ${place} before you`;
  const doing = kind === "fill" ? "Filling" : "Expanding";
  if (secondsLeft === null) return `${doing} …`;
  if (secondsLeft < 90) return `${doing}: about ${Math.max(Math.ceil(secondsLeft), 1)} s left`;
  return `${doing}: about ${Math.ceil(secondsLeft / 60)} min left`;
}
