/** Waits for what servers do by themselves. */

/** Resolves when `isSo` says so; rejects after the seconds. */
export async function within(seconds: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + seconds * 1_000; !(await isSo()); ) {
    if (Date.now() > end) throw new Error(`not within ${seconds} s`);
    await new Promise((go) => setTimeout(go, 50));
  }
}
