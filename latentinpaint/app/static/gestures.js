// Mouse, pen and fingers on the canvas: one pointer draws with the tool, two fingers zoom and move the photo, as do the
// wheel, the middle button, and dragging while Space is held.

import { distance, middle } from "./geometry.js";
import { currentStep } from "./history.js";
import { panned, toPhoto, zoomed } from "./viewport.js";

const WHEEL_STEP = 0.0016; // of the logarithm of the scale, per pixel of the wheel
const MIDDLE_BUTTON = 1;
const PEN_ERASER = 32; // in `buttons`
const LINE_HEIGHT = 16; // pixels that a line of a wheel stands for

/**
 * @param canvas the element
 * @param tools see tools.js
 * @param stage { size(): of the canvas, hover(point or null): where a brush would paint }
 * @param resize changes the size of the brush by a factor
 */
export function createGestures(canvas, store, tools, stage, resize) {
  const pointers = new Map(); // from an id to its last place on the screen
  let drawing = null; // { id, tool, start }
  let panning = null; // the id of the pointer that moves the photo
  let space = false;

  function place(event) {
    const frame = canvas.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  }

  function down(event) {
    if (currentStep(store.get()) === null) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    if (pointers.size > 1) return abandon();
    if (space || event.button === MIDDLE_BUTTON) {
      panning = event.pointerId;
    } else if (event.button === 0 || event.buttons & PEN_ERASER) {
      draw(event);
    }
  }

  function draw(event) {
    const { tool, view } = store.get();
    const name = event.buttons & PEN_ERASER ? "eraser" : tool;
    const start = toPhoto(view, place(event));
    drawing = { id: event.pointerId, tool: tools[name], start };
    drawing.tool.down(start);
  }

  function move(event) {
    stage.hover(event.pointerType === "touch" ? null : place(event));
    if (!pointers.has(event.pointerId)) return;
    // The button was let go where no event told of it, such as over a dialogue of the browser.
    if (event.buttons === 0) return up(event);
    if (pointers.size > 1) return pinch(event);
    if (panning === event.pointerId) return pan(event);
    pointers.set(event.pointerId, place(event));
    if (drawing?.id !== event.pointerId) return;
    for (const point of coalesced(event)) drawing.tool.move(toPhoto(store.get().view, place(point)), event.shiftKey);
  }

  /** All places between the last event and this one, which a busy browser joins. */
  function coalesced(event) {
    const events = event.getCoalescedEvents?.() ?? [];
    return events.length > 0 ? events : [event];
  }

  function pan(event) {
    const [x, y] = place(event);
    const [formerX, formerY] = pointers.get(event.pointerId);
    pointers.set(event.pointerId, [x, y]);
    const { view } = store.get();
    store.set({ view: panned(view, currentStep(store.get()).photo, stage.size(), x - formerX, y - formerY) });
  }

  function pinch(event) {
    const [a, b] = [...pointers.values()];
    pointers.set(event.pointerId, place(event));
    const [c, d] = [...pointers.values()];
    const [from, to] = [middle(a, b), middle(c, d)];
    const { photo } = currentStep(store.get());
    const moved = panned(store.get().view, photo, stage.size(), to[0] - from[0], to[1] - from[1]);
    const factor = distance(c, d) / Math.max(distance(a, b), 1);
    store.set({ view: zoomed(moved, photo, stage.size(), factor, to) });
  }

  function up(event) {
    if (!pointers.delete(event.pointerId)) return;
    if (panning === event.pointerId) panning = null;
    if (drawing?.id !== event.pointerId) return;
    const { tool } = drawing;
    drawing = null;
    tool.up(event.ctrlKey || event.metaKey);
  }

  function cancelled(event) {
    if (!pointers.delete(event.pointerId)) return;
    abandon();
  }

  function abandon() {
    drawing?.tool.abandon();
    drawing = null;
    panning = null;
  }

  function wheel(event) {
    const step = currentStep(store.get());
    if (step === null) return;
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_HEIGHT : 1;
    const [across, along] = [event.deltaX * unit, event.deltaY * unit];
    if (event.altKey) return resize(Math.exp(-along * WHEEL_STEP));
    const { view } = store.get();
    if (event.shiftKey) {
      return store.set({ view: panned(view, step.photo, stage.size(), -(across || along), 0) });
    }
    const speed = event.ctrlKey ? 6 : 1; // a pinch on a touchpad comes as small turns of a wheel with Ctrl
    const factor = Math.exp(-along * speed * WHEEL_STEP);
    store.set({ view: zoomed(view, step.photo, stage.size(), factor, place(event)) });
  }

  function holdSpace(held) {
    space = held;
    canvas.classList.toggle("grab", held);
  }

  canvas.addEventListener("pointerdown", down);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", cancelled);
  canvas.addEventListener("lostpointercapture", up);
  canvas.addEventListener("pointerleave", () => stage.hover(null));
  canvas.addEventListener("wheel", wheel, { passive: false });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  return { abandon, holdSpace, isDrawing: () => drawing !== null };
}
