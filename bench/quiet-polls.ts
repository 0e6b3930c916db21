/** What polling many devices costs of which there is no news. `node bench/quiet-polls.ts [devices] [polls]` */
import { pagesOf } from '../src/ingest/feeds/asking.ts';
import { feedKinds, type KeptPatient, keyIn } from '../src/ingest/feeds/state.ts';
import { isAside } from '../src/ingest/feeds/values.ts';
import { openHandDriven, steppedClock } from '../test/support/feeds-house.ts';

const [devices = 10_000, polls = 5] = process.argv.slice(2).map(Number);
const maker = 'boston-scientific';
const EVERY = 60;
const clock = steppedClock();
const perMinute = 10 * devices;
const house = await openHandDriven({ clock, limits: { perMinute }, sim: { maker, devices, perMinute } });
// As if all of them had been read to the end: reading them is not what is measured.
const { asking, store } = house;
for await (const { page } of pagesOf(asking, asking.document.endpoints.patients, {})) {
  const puts = page.rows.flatMap((row) => {
    const patient = asking.reader.patient(row);
    if (isAside(patient)) return [];
    const value: KeptPatient = { changed: patient.changed!, asked: clock.now(), devices: {} };
    return [{ op: 'put', kind: feedKinds.patient, key: keyIn(maker, patient.id), value } as const];
  });
  await store.commit(puts);
}
await house.poll();
const before = process.cpuUsage();
for (let n = 0; n < polls; n++) {
  clock.forward(1_000);
  const { patients, counts } = await house.poll();
  if (patients < devices || counts.received > 0) throw new Error('there is news, or not everybody was asked about');
}
const { user, system } = process.cpuUsage(before);
await house.stop();
const each = (user + system) / 1e6 / polls;
console.log(
  `${devices} devices without news: ${(each * 1000).toFixed(0)} ms of CPU a poll, the simulated maker included;`,
);
console.log(`every ${EVERY} s that is ${((100 * each) / EVERY).toFixed(2)} % of a core`);
process.exit(0);
