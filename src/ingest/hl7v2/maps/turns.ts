/** Lets others have their turn while a long message is mapped: who holds the loop holds every connection. https://nodejs.org/api/timers.html#setimmediatecallback-args */

/** Some milliseconds of work. */
const STEP = 200;

/** Waits at every so many: to be asked with the place in a list. */
export async function turn(place: number): Promise<void> {
  if (place % STEP === STEP - 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
