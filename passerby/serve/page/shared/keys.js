// Keys: lists that the arrow keys walk through, and single keys of a view.

const walked = new WeakSet(); // lists that listen already
const WRITES = "input:not([type=checkbox], [type=radio]), textarea, select";

/** Walk through the children of a list by arrow keys; only one of them, with what is in it, has stops
 * of the Tab key: the next leads out of the list. To be called again where the list has grown. */
export function roving(list) {
  const items = () => [...list.children].filter((each) => each.matches("[tabindex]"));
  const choose = (item) => {
    for (const each of items()) {
      for (const stop of [each, ...each.querySelectorAll("a:not(.face), button, input")]) {
        stop.tabIndex = each === item ? 0 : -1;
      }
    }
  };
  choose(items().find((each) => each.tabIndex === 0) ?? items()[0]);
  if (walked.has(list)) return;
  walked.add(list);
  list.addEventListener("focusin", (event) => {
    const item = items().find((each) => each.contains(event.target));
    if (item) choose(item);
  });
  list.addEventListener("keydown", (event) => {
    const all = items();
    const at = all.indexOf(document.activeElement);
    if (at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const to = {
      ArrowDown: at + 1,
      ArrowRight: at + 1,
      ArrowUp: at - 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: all.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = all[Math.min(Math.max(to, 0), all.length - 1)];
    choose(next);
    next.focus();
  });
}

/** Single keys while a view is shown (signal), but not while somebody writes; keys: {"1": act}. */
export function singleKeys(keys, signal, on = () => true) {
  const pressed = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (!on() || document.querySelector("dialog[open]") || event.target.matches?.(WRITES)) return;
    const act = keys[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  };
  document.addEventListener("keydown", pressed, { signal });
}
