// The keys. Those of one letter do nothing while something is typed; the arrows paint, for those who use no pointer.

import { currentStep } from "./history.js";
import { clamp } from "./geometry.js";
import { toPhoto } from "./viewport.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LONG_STEP = 10; // CSS pixels of the screen
const SMALLER = 1 / 1.2;

/** @param actions what keys do, by name: see `COMMANDS` and `LETTERS` */
export function createKeyboard(canvas, store, stage, tools, gestures, actions) {
  const withControl = {
    z: actions.undo,
    Z: actions.redo,
    y: actions.redo,
    s: actions.download,
    o: actions.open,
    c: actions.copy,
  };
  const alone = {
    b: () => actions.choose("brush"),
    e: () => actions.choose("eraser"),
    s: () => actions.choose("select"),
    x: () => actions.choose("expand"),
    f: actions.fill,
    r: actions.again,
    c: actions.toggleSlider,
    "[": () => actions.resize(SMALLER),
    "]": () => actions.resize(1 / SMALLER),
    "+": actions.zoomIn,
    "=": actions.zoomIn,
    "-": actions.zoomOut,
    0: stage.fit,
    "?": actions.help,
  };
  let cursor = null; // where the arrows are, [x, y] on the screen
  let painting = null; // the tool that is down

  function pressed(event) {
    if (event.key === "Escape") return escape(event);
    if (isTyped(event.target)) return;
    if (event.ctrlKey || event.metaKey) return run(withControl, event);
    if (event.altKey) return;
    if (event.target === canvas && movesCursor(event)) return;
    if (event.key === "\\") return actions.holdOriginal(true);
    if (event.key === " " && !isPressedBySpace(event.target)) {
      event.preventDefault();
      return gestures.holdSpace(true);
    }
    run(alone, event);
  }

  function run(commands, event) {
    const command = commands[event.key] ?? (event.shiftKey ? undefined : commands[event.key.toLowerCase()]);
    if (command === undefined || hasSelectedText(event)) return;
    event.preventDefault();
    command();
  }

  /** Text of the page can be copied as everywhere. */
  function hasSelectedText(event) {
    return event.key === "c" && event.ctrlKey && String(window.getSelection()) !== "";
  }

  function released(event) {
    if (event.key === "\\") actions.holdOriginal(false);
    if (event.key === " ") gestures.holdSpace(false);
  }

  function escape() {
    if (painting !== null || gestures.isDrawing()) {
      painting?.abandon();
      painting = null;
      return gestures.abandon();
    }
    actions.cancel();
  }

  function movesCursor(event) {
    if (currentStep(store.get()) === null) return false;
    if (event.key === "Enter") {
      pen();
    } else if (event.key in ARROWS) {
      step(ARROWS[event.key], event.shiftKey ? 1 : LONG_STEP);
    } else {
      return false;
    }
    event.preventDefault();
    return true;
  }

  function step([dx, dy], length) {
    const { width, height } = stage.size();
    const [x, y] = cursor ?? [width / 2, height / 2];
    cursor = [clamp(x + dx * length, 0, width), clamp(y + dy * length, 0, height)];
    stage.hover(cursor);
    painting?.move(toPhoto(store.get().view, cursor), false);
  }

  /** Put the brush down, or lift it. */
  function pen() {
    if (painting !== null) {
      const lifted = painting;
      painting = null;
      return lifted.up();
    }
    step([0, 0], 0);
    painting = tools[store.get().tool];
    painting.down(toPhoto(store.get().view, cursor));
  }

  document.addEventListener("keydown", pressed);
  document.addEventListener("keyup", released);
  window.addEventListener("blur", () => gestures.holdSpace(false));
  canvas.addEventListener("blur", () => {
    painting?.abandon();
    painting = null;
  });
}

function isTyped(element) {
  if (element.tagName === "SELECT") return true;
  return element.tagName === "INPUT" && !["range", "checkbox"].includes(element.type);
}

function isPressedBySpace(element) {
  return ["BUTTON", "INPUT", "SUMMARY"].includes(element.tagName);
}
