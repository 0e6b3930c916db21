/** What is said to who does not look: politely, or at once for what is new and critical alone. And short notes at the edge, with a way back. */
import { say } from './words.js';

function speak(id, text) {
  const region = document.getElementById(id);
  // The same text twice is said twice.
  region.textContent = '';
  setTimeout(() => {
    region.textContent = text;
  }, 50);
}
export const announce = (text) => speak('said', text);
/** Once for each thing, also where a page hears of it again. */
export const alarm = (text) => speak('shouted', text);

let open;

/** A note for a few seconds. */
export function note(text, { isFault = false, seconds = 6 } = {}) {
  const toast = show(text, isFault);
  if (!isFault) announce(text);
  setTimeout(() => toast.remove(), seconds * 1_000);
  return toast;
}

/** What was done, with ten seconds in which it can be taken back; resolves with whether it was. The key is `u`. */
export function offerUndo(text, seconds = 10) {
  open?.finish(false);
  return new Promise((resolve) => {
    const toast = show(text, false);
    const left = document.createElement('span');
    left.className = 'hint';
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = say('undo');
    button.setAttribute('aria-keyshortcuts', 'u');
    toast.append(left, button);
    const ends = Date.now() + seconds * 1_000;
    const tick = () => {
      const count = Math.max(0, Math.ceil((ends - Date.now()) / 1_000));
      left.textContent = say('undo.left', { count });
      if (count === 0) finish(false);
    };
    const timer = setInterval(tick, 250);
    function finish(isUndone) {
      clearInterval(timer);
      toast.remove();
      if (open?.finish === finish) open = undefined;
      resolve(isUndone);
    }
    button.addEventListener('click', () => finish(true));
    open = { finish };
    tick();
    announce(text);
  });
}

/** Takes back what is offered to be taken back. */
export const undo = () => open?.finish(true);

function show(text, isFault) {
  const toast = document.createElement('div');
  toast.className = isFault ? 'toast fault' : 'toast';
  if (isFault) toast.setAttribute('role', 'alert');
  const words = document.createElement('span');
  words.textContent = text;
  toast.append(words);
  document.getElementById('toasts').append(toast);
  return toast;
}
