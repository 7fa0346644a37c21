// The canvas: the photo, what is painted on it and what is under way, drawn anew when the state has changed.

import { boxHeight, boxWidth, wholeBox } from "./geometry.js";
import { currentStep, originalPhoto } from "./history.js";
import { drawMask } from "./mask.js";
import { drawCursor, drawRegion, drawMargins } from "./overlays.js";
import { fitted, visibleBox } from "./viewport.js";

const DRAWN = ["steps", "position", "tool", "size", "draft", "margins", "comparing", "divider", "map", "view"];
const OPACITY = 0.55;
const OPACITY_OVER_FIRST_LOOK = 0.12;
const PIXELS_SEEN = 4; // CSS pixels per pixel of the photo from which on pixels are squares

export function createStage(canvas, store, pictures) {
  const context = canvas.getContext("2d");
  const layer = document.createElement("canvas"); // of the mask, as large as `canvas`
  const drawn = {}; // what the layer shows
  let size = { width: 1, height: 1 };
  let cursor = null; // [x, y] on the screen
  let requested = false;

  function redraw() {
    if (requested) return;
    requested = true;
    requestAnimationFrame(() => {
      requested = false;
      draw(store.get());
    });
  }

  function resized() {
    const frame = canvas.getBoundingClientRect();
    size = { width: Math.max(frame.width, 1), height: Math.max(frame.height, 1) };
    if (store.get().view?.fitted ?? true) fit();
    redraw();
  }

  function fit() {
    const step = currentStep(store.get());
    if (step !== null) store.set({ view: fitted(step.photo, size, store.get().tool === "expand") });
  }

  /** A photo of another size is shown whole. */
  function follow(state, former) {
    const photo = currentStep(state)?.photo;
    const before = former.steps && currentStep(former)?.photo;
    if (photo && (photo.width !== before?.width || photo.height !== before?.height)) fit();
    if (looksOtherwise(state, former)) redraw();
  }

  function hover(point) {
    cursor = point;
    redraw();
  }

  function draw(state) {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) {
      Object.assign(canvas, { width, height });
      Object.assign(layer, { width, height });
      drawn.parts = null;
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const step = currentStep(state);
    if (step === null || state.view === null) return;
    toPhotoUnits(context, state.view, ratio);
    context.imageSmoothingEnabled = state.view.scale < PIXELS_SEEN;
    context.imageSmoothingQuality = "high";
    drawPhoto(state, step, ratio);
    if (state.comparing === "hold") return;
    drawPainted(state, step, ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawOverlays(state, step);
  }

  function toPhotoUnits(target, { scale, x, y }, ratio) {
    target.setTransform(scale * ratio, 0, 0, scale * ratio, x * ratio, y * ratio);
  }

  function drawPhoto(state, step, ratio) {
    const original = originalPhoto(state);
    if (state.comparing === "hold") return drawPicture(original, step.origin, state.view, ratio);
    drawPicture(step.photo, [0, 0], state.view, ratio);
    if (state.job?.preview && state.job.photo.id === step.photo.id) drawFirstLook(state.job);
    if (state.map && step.answers?.image) drawImage(step.answers.image, step.answers.box, [0, 0]);
    if (state.comparing === "slider") {
      context.save();
      context.beginPath();
      context.rect(0, 0, state.divider * step.photo.width, step.photo.height);
      context.clip();
      drawPicture(original, step.origin, state.view, ratio);
      context.restore();
    }
  }

  function drawPicture(photo, origin, view, ratio) {
    const image = pictures.preview(photo);
    if (image === null) return;
    drawImage(image, wholeBox(photo), origin);
    const [left, top, right, bottom] = visibleBox(view, size);
    const [x, y] = origin;
    const detail = pictures.details(photo, [left - x, top - y, right - x, bottom - y], view.scale * ratio);
    if (detail !== null) drawImage(detail.image, detail.box, origin);
  }

  /** A coarse answer, which is there before the fine one; that to an expansion begins beyond the photo's corner. */
  function drawFirstLook({ preview, margins }) {
    drawImage(preview.image, preview.box, [-(margins?.left ?? 0), -(margins?.top ?? 0)]);
  }

  function drawImage(image, box, [x, y]) {
    context.drawImage(image, box[0] + x, box[1] + y, boxWidth(box), boxHeight(box));
  }

  function drawPainted(state, step, ratio) {
    const parts = [...step.mask];
    if (state.draft?.kind === "stroke") parts.push(state.draft);
    if (parts.length === 0) return;
    if (!sameList(drawn.parts, parts) || drawn.view !== state.view || drawn.ratio !== ratio || state.draft) {
      Object.assign(drawn, { parts, view: state.view, ratio });
      drawLayer(step.photo, parts, state.view, ratio);
    }
    // What is being filled is faint once its first look is there.
    const opacity = state.job?.preview ? OPACITY_OVER_FIRST_LOOK : OPACITY;
    context.save();
    context.beginPath();
    context.rect(0, 0, step.photo.width, step.photo.height);
    context.clip();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = opacity;
    context.drawImage(layer, 0, 0);
    context.restore();
  }

  function drawLayer(photo, parts, view, ratio) {
    const target = layer.getContext("2d");
    target.resetTransform();
    target.clearRect(0, 0, layer.width, layer.height);
    toPhotoUnits(target, view, ratio);
    drawMask(target, parts, photo);
  }

  function drawOverlays(state, step) {
    if (state.draft?.kind === "region") drawRegion(context, state.draft, state.view);
    if (state.tool === "expand") drawMargins(context, state.margins, step.photo, state.view);
    const paints = state.tool === "brush" || state.tool === "eraser";
    if (cursor !== null) drawCursor(context, cursor, paints ? state.size / 2 : 0);
  }

  new ResizeObserver(resized).observe(canvas);
  store.listen(follow);
  return { size: () => size, hover, fit, redraw };
}

/** Whether something that is drawn has changed; the progress of a job is not, and a large canvas takes time. */
function looksOtherwise(state, former) {
  return DRAWN.some((name) => state[name] !== former[name]) || state.job?.preview !== former.job?.preview;
}

function sameList(one, other) {
  return one?.length === other.length && one.every((part, i) => part === other[i]);
}
