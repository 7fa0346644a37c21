// Before and after: the original alone while a key or button is held, or beside the result with a divider between.

import { clamp } from "./geometry.js";
import { currentStep } from "./history.js";
import { toPhoto, toScreen } from "./viewport.js";

const STEP = 0.02; // of the divider, by an arrow key

export function createCompare(store, stage) {
  const hold = document.getElementById("compare-hold");
  const toggle = document.getElementById("compare-slider");
  const divider = document.getElementById("divider");

  function holdOriginal(held) {
    const { comparing } = store.get();
    if (currentStep(store.get()) === null) return;
    if (held && comparing !== "hold") store.set({ comparing: "hold" });
    if (!held && comparing === "hold") store.set({ comparing: "off" });
  }

  function toggleSlider() {
    if (currentStep(store.get()) === null) return;
    store.set({ comparing: store.get().comparing === "slider" ? "off" : "slider" });
  }

  function dragged(event) {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const frame = divider.parentElement.getBoundingClientRect();
    const [x] = toPhoto(store.get().view, [event.clientX - frame.left, 0]);
    moveTo(x / currentStep(store.get()).photo.width);
  }

  function moveTo(share) {
    store.set({ divider: clamp(share, 0, 1) });
  }

  function pressed(event) {
    const steps = { ArrowLeft: -STEP, ArrowRight: STEP, Home: -1, End: 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    moveTo(store.get().divider + steps[event.key]);
  }

  function update(state) {
    const shown = state.comparing === "slider" && state.view !== null;
    divider.hidden = !shown;
    toggle.setAttribute("aria-pressed", shown);
    hold.setAttribute("aria-pressed", state.comparing === "hold");
    if (!shown) return;
    const { photo } = currentStep(state);
    const [x] = toScreen(state.view, [state.divider * photo.width, 0]);
    divider.style.left = `${clamp(x, 0, stage.size().width)}px`;
    divider.setAttribute("aria-valuenow", Math.round(100 * state.divider));
  }

  hold.addEventListener("pointerdown", (event) => {
    hold.setPointerCapture(event.pointerId);
    holdOriginal(true);
  });
  for (const name of ["pointerup", "pointercancel", "blur"]) hold.addEventListener(name, () => holdOriginal(false));
  hold.addEventListener("keydown", ({ key }) => [" ", "Enter"].includes(key) && holdOriginal(true));
  hold.addEventListener("keyup", () => holdOriginal(false));
  window.addEventListener("blur", () => holdOriginal(false));
  toggle.addEventListener("click", toggleSlider);
  divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
  divider.addEventListener("pointermove", dragged);
  divider.addEventListener("keydown", pressed);
  store.listen(update);
  return { holdOriginal, toggleSlider };
}
