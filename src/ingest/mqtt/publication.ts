/** One message that a device published: taken in like a post, answered, and kept where it is refused. Ends after the commit. docs/device-guide.md */
import { appended } from '../../audit/trail.ts';
import { parseExact, readJson } from '../../fhir/json.ts';
import { asProblem, type Problem } from '../../fhir/outcome.ts';
import type { Origin } from '../../interactions/inside.ts';
import { freshId, type Runtime } from '../../runtime.ts';
import type { Store } from '../../store/store.ts';
import { reasonFor, wordsOf } from '../device-words.ts';
import type { KeepRefused } from '../refused-vitals.ts';
import type { Told, Vitals } from '../vitals.ts';
import type { Admitted } from './admission.ts';
import type { Topic } from './topics.ts';

export const mqttFeed = 'mqtt';

export interface Publication {
  readonly topic: Topic;
  readonly bytes: Uint8Array;
  readonly device: Admitted;
  /** Network address. */
  readonly source: string;
}

export interface PublicationParts {
  readonly vitals: Vitals;
  readonly store: Pick<Store, 'commit'>;
  readonly keepRefused: KeepRefused;
  readonly runtime: Runtime;
  readonly base: string;
}

/**
 * What the device is told. Throws only what is not its fault: then nothing may be acknowledged, and it sends the message again.
 */
export type Publish = (publication: Publication) => Promise<{ readonly status: number; readonly body: object }>;

export function createPublish({ vitals, store, keepRefused, runtime, base }: PublicationParts): Publish {
  /** A row of what did not pass the gate. */
  const record = ({ device, source }: Publication, requestId: string, status: number, reason: string) =>
    store.commit([
      appended({
        at: runtime.now(),
        who: device.caller.who,
        key: device.caller.key ?? '',
        interaction: 'iot-vitals',
        action: 'C',
        target: `Device/${device.key.id}`,
        patients: '',
        status,
        requestId,
        address: source,
        query: '',
        reason,
      }),
    ]);

  async function keep({ topic, bytes, device }: Publication, why: Problem | NonNullable<Told['refused']>, by: Origin) {
    const reference = `Device/${device.key.id}`;
    const name = `iot/${device.deviceId}/${topic}`;
    await keepRefused({ feed: mqttFeed, bytes, device: reference, received: runtime.now(), name, why }, by);
  }

  return async (publication) => {
    const { topic, bytes, device, source } = publication;
    const origin: Origin = { base, requestId: freshId(runtime), address: source };
    try {
      const payload = parseExact(readJson(bytes).text);
      const told = await (topic === 'vitals'
        ? vitals.reading(payload, device, origin)
        : vitals.batch(payload, device, origin));
      if (told.refused) await keep(publication, told.refused, origin);
      if (told.unrecorded !== undefined) await record(publication, origin.requestId, told.status, told.unrecorded);
      return told;
    } catch (error) {
      const refused = asProblem(error);
      if (refused.status >= 500) throw error;
      await keep(publication, refused, origin);
      await record(publication, origin.requestId, refused.status, reasonFor(refused) ?? refused.code);
      return { status: refused.status, body: { success: false, error: wordsOf(refused) } };
    }
  };
}
