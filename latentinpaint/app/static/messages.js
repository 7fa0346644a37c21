// Sentences beside the picture. A failure stays until it is closed or something else is said; the picture stays too.

export function say(store, text, action = null) {
  store.set({ message: { text, failure: false, action } });
}

export function complain(store, error) {
  store.set({ message: { text: error.message, failure: true, action: null } });
}

export function hush(store) {
  if (store.get().message !== null) store.set({ message: null });
}

/** Run something that may fail, and say why if it does. */
export async function trying(store, work) {
  try {
    return await work();
  } catch (error) {
    complain(store, error);
    return null;
  }
}

export function createMessages(store) {
  const box = document.getElementById("message");
  const text = document.getElementById("message-text");
  const action = document.getElementById("message-action");

  document.getElementById("message-close").addEventListener("click", () => hush(store));
  action.addEventListener("click", () => store.get().message?.action?.run());

  store.listen(({ message }, former) => {
    if (message === former.message) return;
    box.hidden = message === null;
    box.classList.toggle("failure", message?.failure ?? false);
    text.textContent = message?.text ?? "";
    action.hidden = !message?.action;
    action.textContent = message?.action?.label ?? "";
  });
}
