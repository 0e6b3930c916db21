/** A list that is brought up to date without moving what somebody looks at: rows under the focus stay where they are, new ones wait behind a bar. */
import { say } from './words.js';

/**
 * `body` holds the rows; `keyOf(item)`; `make(item)` gives a row, `update(row, item)` brings one up to date; `bar` is an empty element
 * before the list. While the focus is in the list, items that are new wait and rows keep their order.
 */
export function createList({ body, bar, keyOf, make, update }) {
  const rows = new Map();
  let items = [];
  let isWaiting = false;

  const words = document.createElement('span');
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = say('waiting.show');
  button.addEventListener('click', apply);
  bar.className = 'waiting';
  bar.setAttribute('role', 'status');
  bar.hidden = true;
  bar.append(words, button);

  const hasFocus = () => body.contains(document.activeElement);

  function rowOf(item) {
    const key = keyOf(item);
    const known = rows.get(key);
    if (known) {
      update(known, item);
      return known;
    }
    const row = make(item);
    row.dataset.key = key;
    rows.set(key, row);
    return row;
  }

  /** All rows in the order of the items; nodes that are where they belong are not touched. */
  function apply() {
    isWaiting = false;
    bar.hidden = true;
    const wanted = new Set(items.map(keyOf));
    for (const [key, row] of rows) {
      if (wanted.has(key)) continue;
      row.remove();
      rows.delete(key);
    }
    let here = body.firstElementChild;
    for (const item of items) {
      const row = rowOf(item);
      if (row === here) here = here.nextElementSibling;
      else body.insertBefore(row, here);
    }
  }

  /** In place: what is known is brought up to date, what is gone says so, what is new is counted. */
  function hold() {
    const byKey = new Map(items.map((item) => [keyOf(item), item]));
    for (const [key, row] of rows) {
      const item = byKey.get(key);
      row.toggleAttribute('data-gone', item === undefined);
      if (item) update(row, item);
    }
    const count = [...byKey.keys()].filter((key) => !rows.has(key)).length;
    const isOther = count > 0 || [...rows.keys()].some((key) => !byKey.has(key));
    isWaiting ||= isOther;
    bar.hidden = count === 0;
    if (count > 0) words.textContent = say('waiting', { count });
  }

  body.addEventListener('focusout', () =>
    setTimeout(() => {
      if (isWaiting && !hasFocus()) apply();
    }),
  );

  return {
    /** The items as they are to be, in order. */
    show(next) {
      items = next;
      if (hasFocus() && rows.size > 0) hold();
      else apply();
    },
    apply,
    row: (key) => rows.get(key),
    /** The row after this one, or before it where there is none. */
    neighbour: (row, back = false) =>
      (back ? row?.previousElementSibling : row?.nextElementSibling) ?? row?.previousElementSibling ?? null,
  };
}
