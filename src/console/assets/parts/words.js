/** The words of this page in its language: the shell's, and those of the rooms that the document names. */
const root = document.documentElement;
export const locale = root.lang || 'en';
const rooms = ['shell', ...(root.dataset.rooms ?? '').split(' ').filter(Boolean)];
const all = Object.assign(
  {},
  ...(await Promise.all(rooms.map((room) => import(`../words/${locale}/${room}.js`)))).map((room) => room.default),
);
const plural = new Intl.PluralRules(locale);

/** Says a key; `count` chooses the plural. What has no words is seen by its key. */
export function say(key, values = {}) {
  const wording = all[key] ?? key;
  const text = typeof wording === 'object' ? (wording[plural.select(Number(values.count))] ?? wording.other) : wording;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
