// "Expand": handles on the photo's borders are dragged outwards, or numbers typed, and the margins are filled.

import { clamp } from "./geometry.js";
import { currentStep } from "./history.js";
import { toScreen } from "./viewport.js";

const NOTHING = { left: 0, top: 0, right: 0, bottom: 0 };
const SIDES = Object.keys(NOTHING);
const MOST = 1; // of the photo's width or height, to each side
const STEP = 16; // pixels, by an arrow key
const OUTWARDS = { left: "ArrowLeft", top: "ArrowUp", right: "ArrowRight", bottom: "ArrowDown" };
const INWARDS = { left: "ArrowRight", top: "ArrowDown", right: "ArrowLeft", bottom: "ArrowUp" };

export function createExpand(store, stage, jobs) {
  const bar = document.getElementById("expand");
  const handles = Object.fromEntries(SIDES.map((side) => [side, document.getElementById(`handle-${side}`)]));
  const fields = Object.fromEntries(SIDES.map((side) => [side, document.getElementById(`expand-${side}`)]));
  const start = document.getElementById("expand-start");

  function setMargin(side, pixels) {
    const { photo } = currentStep(store.get());
    const most = MOST * (isAcross(side) ? photo.width : photo.height);
    const margins = store.get().margins ?? NOTHING;
    store.set({ margins: { ...margins, [side]: Math.round(clamp(pixels || 0, 0, most)) } });
  }

  function showMargin(side) {
    fields[side].value = (store.get().margins ?? NOTHING)[side];
  }

  function listenTo(side) {
    const handle = handles[side];
    let held = null; // { at: the pointer's place along the side's axis, pixels: the margin there was }
    const along = (event) => (isAcross(side) ? event.clientX : event.clientY) * (isFirst(side) ? -1 : 1);

    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      held = { at: along(event), pixels: store.get().margins?.[side] ?? 0 };
    });
    handle.addEventListener("pointermove", (event) => {
      if (held === null) return;
      setMargin(side, held.pixels + (along(event) - held.at) / store.get().view.scale);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      handle.addEventListener(name, () => {
        held = null;
      });
    }
    handle.addEventListener("keydown", (event) => {
      const change = { [OUTWARDS[side]]: STEP, [INWARDS[side]]: -STEP }[event.key];
      if (change === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      setMargin(side, (store.get().margins?.[side] ?? 0) + change);
    });
    // While it is typed, so that the button can be clicked at once; what cannot be is corrected when the field is left.
    fields[side].addEventListener("input", () => setMargin(side, fields[side].valueAsNumber));
    fields[side].addEventListener("change", () => showMargin(side));
  }

  function update(state, former) {
    const step = currentStep(state);
    const shown = state.tool === "expand" && step !== null && state.view !== null;
    bar.hidden = !shown;
    for (const side of SIDES) handles[side].hidden = !shown;
    if (!shown) return;
    const entered = former.tool !== "expand" || currentStep(former)?.photo.id !== step.photo.id;
    if (entered && state.margins !== null) return store.set({ margins: null });
    const margins = state.margins ?? NOTHING;
    for (const side of SIDES) {
      handles[side].setAttribute("aria-valuenow", margins[side]);
      if (document.activeElement !== fields[side]) showMargin(side);
      placeHandle(side, margins, step.photo, state.view);
    }
    start.disabled = state.job !== null || SIDES.every((side) => margins[side] === 0);
  }

  /** In the middle of the side, or at the border of the canvas where the side is out of sight. */
  function placeHandle(side, margins, photo, view) {
    const across = { left: -margins.left, right: photo.width + margins.right }[side] ?? photo.width / 2;
    const down = { top: -margins.top, bottom: photo.height + margins.bottom }[side] ?? photo.height / 2;
    const [x, y] = toScreen(view, [across, down]);
    const { width, height } = stage.size();
    handles[side].style.left = `${clamp(x, 14, width - 14)}px`;
    handles[side].style.top = `${clamp(y, 14, height - 14)}px`;
  }

  for (const side of SIDES) listenTo(side);
  start.addEventListener("click", () => jobs.expand(store.get().margins ?? NOTHING));
  store.listen(update);
}

function isAcross(side) {
  return side === "left" || side === "right";
}

function isFirst(side) {
  return side === "left" || side === "top";
}
