/** Waits for what comes by itself, such as a notification: looks until something is there, and fails where nothing came. Long by default: a busy machine is no fault. */

export async function until<T>(look: () => T | Promise<T>, seconds = 30): Promise<Exclude<T, undefined | false>> {
  const end = performance.now() + seconds * 1_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
    if (performance.now() > end) throw new Error('it did not come');
    await new Promise((go) => setTimeout(go, 20));
  }
}
