// The history is a list of steps, each a whole state of the picture:
//   { photo, origin, mask, label, answers }
// photo: as the service describes it; origin: where the original's upper left corner is in it; mask: the parts that are
// painted and not yet filled (mask.js); answers: { photos, chosen, box, map } of a fill that has several, else null.
// A change adds a step behind the current one; those that were undone go.

export const FILLED = "Filled"; // the label of a fill
const MOST_STEPS = 200;

export function currentStep(state) {
  return state.steps[state.position] ?? null;
}

export function originalPhoto(state) {
  return state.steps[0]?.photo ?? null;
}

/** Whether the current step is a fill that can be made anew: the step before it has the mask. */
export function isFill(state) {
  return canUndo(state) && currentStep(state).label === FILLED;
}

export function canUndo(state) {
  return state.position > 0;
}

export function canRedo(state) {
  return state.position < state.steps.length - 1;
}

export function startHistory(store, photo, mask) {
  const steps = [{ photo, origin: [0, 0], mask: [], label: "Opened", answers: null }];
  if (mask.length > 0) steps.push({ ...steps[0], mask, label: "Mask" });
  store.set({ steps, position: steps.length - 1, downloaded: true });
}

export function addStep(store, changes) {
  const state = store.get();
  const step = { ...currentStep(state), answers: null, ...changes };
  let steps = [...state.steps.slice(0, state.position + 1), step];
  // The original stays: it is what the result is compared with.
  if (steps.length > MOST_STEPS) steps = [steps[0], ...steps.slice(2)];
  store.set({ steps, position: steps.length - 1, shadow: null, map: false });
}

/** Change the current step without adding one. */
export function replaceStep(store, changes) {
  const { steps, position } = store.get();
  const changed = [...steps];
  changed[position] = { ...steps[position], ...changes };
  store.set({ steps: changed });
}

export function addToMask(store, part, label) {
  addStep(store, { mask: [...currentStep(store.get()).mask, part], label });
}

export function goToStep(store, position) {
  store.set({ position, shadow: null, draft: null, map: false });
}

export function undo(store) {
  if (canUndo(store.get())) goToStep(store, store.get().position - 1);
}

export function redo(store) {
  if (canRedo(store.get())) goToStep(store, store.get().position + 1);
}
