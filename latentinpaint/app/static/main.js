// Where the parts of the page are put together.

import { createAnswers } from "./answers.js";
import { createCompare } from "./compare.js";
import { createGestures } from "./gestures.js";
import { currentStep, goToStep, isFill, redo, undo } from "./history.js";
import { createJobs } from "./jobs.js";
import { createKeyboard } from "./keyboard.js";
import { createLatent } from "./latent.js";
import { createMessages } from "./messages.js";
import { createOpening } from "./opening.js";
import { createOptions } from "./options.js";
import { createPictures } from "./pictures.js";
import { createExpand } from "./expand.js";
import { createSaving } from "./saving.js";
import { createSelecting } from "./selecting.js";
import { createStage } from "./stage.js";
import { createStore, initialState } from "./store.js";
import { createStrip } from "./strip.js";
import { createToolbar } from "./toolbar.js";
import { createTools } from "./tools.js";

const canvas = document.getElementById("canvas");
const store = createStore(initialState());
const pictures = createPictures(() => stage.redraw());
const stage = createStage(canvas, store, pictures);
const jobs = createJobs(store, pictures);

/** Something that leaves the present step: what is computed for it is cancelled. */
function leaving(go) {
  jobs.stop();
  go(store);
}

/** The brush was lifted. A selected thing or a mask from a file is still to be mended: those wait for the button. */
function stroked() {
  const { fillOnRelease, job } = store.get();
  const waiting = currentStep(store.get()).mask.filter((part) => !job?.parts.includes(part));
  if (fillOnRelease && waiting.every(({ kind }) => kind === "stroke")) jobs.fill();
}

/** The same mask again, with another seed. */
function again() {
  if (!isFill(store.get()) || store.get().job !== null) return;
  leaving(undo);
  options.nextSeed();
  jobs.fill();
}

const actions = {
  undo: () => leaving(undo),
  redo: () => leaving(redo),
  again,
  fill: jobs.fill,
  cancel: jobs.cancel,
};
const toolbar = createToolbar(store, stage, actions);
const tools = createTools(store, { stroked, selected: createSelecting(store).selected });
const gestures = createGestures(canvas, store, tools, stage, toolbar.resize);
const compare = createCompare(store, stage);
const opening = createOpening(store, pictures, stage, jobs);
const saving = createSaving(store);
const options = createOptions(store);

createMessages(store);
createAnswers(store, pictures);
createLatent(store);
createStrip(store, pictures, (position) => leaving(() => goToStep(store, position)));
createExpand(store, stage, jobs);
createKeyboard(canvas, store, stage, tools, gestures, {
  ...toolbar,
  ...compare,
  ...saving,
  ...actions,
  open: opening.choose,
  help: () => document.getElementById("keys").togglePopover(),
});
