// The whole state of the page in one place. Nothing is changed in place: a change is a new object, and everybody who
// listens is told the new and the former state.

export function createStore(initial) {
  const listeners = new Set();
  let state = Object.freeze({ ...initial });

  function get() {
    return state;
  }

  function set(changes) {
    const former = state;
    state = Object.freeze({ ...former, ...changes });
    for (const listener of listeners) listener(state, former);
  }

  function listen(listener) {
    listeners.add(listener);
    listener(state, {});
  }

  return { get, set, listen };
}

export function initialState() {
  return {
    steps: [], // the history: see history.js
    position: -1, // of the step that is shown, -1 without a photo
    tool: "brush", // a name of tools.js
    size: 48, // of the brush, in CSS pixels on the screen
    fillOnRelease: true,
    draft: null, // what the tool is drawing now
    margins: null, // pixels to add to each side: { left, top, right, bottom }
    shadow: null, // a part of the mask that is offered with the selected thing
    job: null, // see jobs.js
    message: null, // { text, failure, action: { label, run } }
    comparing: "off", // "hold": the original alone; "slider": the original left of the divider
    divider: 0.5, // of the width of the photo
    map: false, // whether the uncertainty map is shown
    view: null, // see viewport.js
    models: [],
    options: {},
    downloaded: true, // whether the last result is on the visitor's own disk
  };
}
