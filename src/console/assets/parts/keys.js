/** Single keys, which can be turned off; never while somebody types or a dialog is open. https://www.w3.org/WAI/WCAG22/Understanding/character-key-shortcuts.html */
const KEPT = 'watchfire-keys';
const box = document.getElementById('keys-on');
const actions = new Map();

const kept = () => {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
};
box.checked = kept() !== 'off';
box.addEventListener('change', () => {
  try {
    localStorage.setItem(KEPT, box.checked ? 'on' : 'off');
  } catch {
    // It holds for this page then.
  }
});

/** `{ j: next, '?': help }`: what a key does; the last one named counts. */
export function keys(more) {
  for (const [key, act] of Object.entries(more)) actions.set(key, act);
}

const isTyping = (target) =>
  target instanceof Element && target.closest('input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]');

addEventListener('keydown', (event) => {
  if (!box.checked || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat) return;
  if (isTyping(event.target) || document.querySelector('dialog[open]')) return;
  const act = actions.get(event.key);
  if (!act) return;
  event.preventDefault();
  act(event);
});
