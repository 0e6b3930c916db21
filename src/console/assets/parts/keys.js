/** Single keys, which can be turned off or changed; never while somebody types or a dialog is open. https://www.w3.org/WAI/WCAG22/Understanding/character-key-shortcuts.html */
const KEPT = 'watchfire-keys';
const box = document.getElementById('keys-on');
const actions = new Map();

const MOVED = 'watchfire-key-map';
const kept = (name) => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
};
function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // It holds for this page then.
  }
}
box.checked = kept(KEPT) !== 'off';
box.addEventListener('change', () => keep(KEPT, box.checked ? 'on' : 'off'));

/** What somebody would rather press, by the key of ours: `{ j: 'n' }`. */
const moved = new Map(
  (() => {
    try {
      return Object.entries(JSON.parse(kept(MOVED) ?? '{}')).filter(([, key]) => typeof key === 'string' && key.length === 1);
    } catch {
      return [];
    }
  })(),
);
const fields = new Map();
/** The key of ours that a pressed one stands for. */
const ours = (pressed) => [...fields.keys()].find((key) => (moved.get(key) ?? key) === pressed) ?? (moved.has(pressed) ? undefined : pressed);

/** In the help each key is a field: another letter there takes its place, unless it has one already. */
for (const kbd of document.querySelectorAll('#help kbd')) {
  const key = kbd.textContent;
  if (key.length !== 1) continue;
  const field = document.createElement('input');
  field.className = 'key';
  field.maxLength = 1;
  field.autocomplete = 'off';
  field.spellcheck = false;
  field.value = moved.get(key) ?? key;
  field.setAttribute('aria-label', kbd.closest('div').querySelector('dd').textContent);
  field.addEventListener('focus', () => field.select());
  field.addEventListener('change', () => {
    const wanted = field.value.trim() || key;
    const isTaken = [...fields].some(([other, { value }]) => other !== key && value === wanted);
    field.value = isTaken ? (moved.get(key) ?? key) : wanted;
    if (field.value === key) moved.delete(key);
    else moved.set(key, field.value);
    keep(MOVED, JSON.stringify(Object.fromEntries(moved)));
  });
  kbd.replaceWith(field);
  fields.set(key, field);
}

/** `{ j: next, '?': help }`: what a key does; the last one named counts. */
export function keys(more) {
  for (const [key, act] of Object.entries(more)) actions.set(key, act);
}

const isTyping = (target) =>
  target instanceof Element && target.closest('input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]');

addEventListener('keydown', (event) => {
  if (!box.checked || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat) return;
  if (isTyping(event.target) || document.querySelector('dialog[open]')) return;
  const act = actions.get(ours(event.key));
  if (!act) return;
  event.preventDefault();
  act(event);
});
