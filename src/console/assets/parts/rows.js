/** What tables that are worked on by keys have in common: steps from row to row, a field to search in, choices. */

/** Rows of `body` that are shown; `focus(row)` stands on one. */
export function rowsOf(body, focus) {
  const shown = () => [...body.children].filter((row) => !row.hidden);
  const here = () => {
    const row = document.activeElement?.closest?.('tr');
    return body.contains(row) ? row : undefined;
  };
  return {
    shown,
    here,
    /** To the next by 1 or the one before by -1; to the first from elsewhere. */
    step(by) {
      const rows = shown();
      const now = rows.indexOf(here());
      focus(rows[now < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, now + by))]);
    },
  };
}

/** Work that is done after what was typed is on the screen. */
export function afterTyping(work) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, 60);
  };
}

/** `filter` where something is typed, `leave` where that is over. */
export function searchIn(field, filter, leave) {
  field.addEventListener('input', afterTyping(filter));
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    // A browser would empty the field.
    event.preventDefault();
    leave();
  });
  field.form.addEventListener('submit', (event) => event.preventDefault());
}

/** Choices that are not there yet. */
export function offer(select, names) {
  const there = new Set([...select.options].map(({ value }) => value));
  for (const name of new Set(names)) if (name && !there.has(name)) select.append(new Option(name, name));
}
