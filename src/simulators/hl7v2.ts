/** `watchfire simulate hl7v2`: a hospital that admits, measures and follows up implants, message by message over MLLP. domain.md 2.6 and 6 */
import { connectMllp } from '../ingest/hl7v2/wire/client.ts';
import type { Runtime } from '../runtime.ts';
import { drawn, normal } from './chance.ts';
import { createCast } from './makers/cast.ts';
import { dialects } from './makers/dialects.ts';
import { createSwitches } from './makers/faults.ts';
import { createTimeline } from './makers/timeline.ts';
import { idcoOf } from './makers/transmission.ts';

const MINUTE = 60_000;
const stamp = (at: number) => `${new Date(at).toISOString().replace(/[-:T]/g, '').slice(0, 14)}+0000`;

/** Name, MDC code, unit and its code, usual value and spread: what a bedside monitor sends (IHE PCD-01). */
const vitals = [
  ['MDC_ECG_HEART_RATE', 147842, '264864^MDC_DIM_BEAT_PER_MIN^MDC', 74, 6],
  ['MDC_RESP_RATE', 151562, '264928^MDC_DIM_RESP_PER_MIN^MDC', 15, 1.5],
  ['MDC_PULS_OXIM_SAT_O2', 150456, '262688^MDC_DIM_PERCENT^MDC', 97, 0.8],
  ['MDC_PRESS_CUFF_SYS', 150021, '266016^MDC_DIM_MMHG^MDC', 122, 7],
  ['MDC_PRESS_CUFF_DIA', 150022, '266016^MDC_DIM_MMHG^MDC', 76, 5],
] as const;

export interface HospitalOptions {
  readonly seed: number;
  /** Ms: when the first message is made; the others follow by the minute before it, so that none lies ahead. */
  readonly at: number;
  readonly messages: number;
}

/**
 * Four messages to a patient, patient after patient: admitted (ADT^A01), changed (ADT^A08), vital signs (ORU^R01), and the
 * follow-up of the implant with its report (ORU^R01, IDCO). The same seed at the same time is the same bytes.
 */
export function* hospital({ seed, at, messages }: HospitalOptions): Generator<string> {
  const dialect = dialects['boston-scientific'];
  // Other people with other implants than those that the simulated makers tell of.
  const own = seed + 0x5ead;
  const cast = createCast({ ...dialect.house, patientPrefix: 'SH', devicePrefix: 'SIM' }, own, messages, 1);
  const timeline = createTimeline({ seed: own, cast, begins: at - 3_000 * MINUTE, switches: createSwitches() });
  for (let number = 0, person = 1; number < messages; person++) {
    const patient = cast.patient(person);
    const identified = `${patient.id}^^^SIMHOSP^MR||${patient.family}^${patient.given}||${patient.birthDate.replaceAll('-', '')}|${patient.gender === 'male' ? 'M' : 'F'}`;
    const header = (type: string, when: number) =>
      `MSH|^~\\&|SIMHIS|SIMHOSP|WATCHFIRE|HOSP|${stamp(when)}||${type}|S${seed}-${Math.floor(at / 1_000)}-${number}|P|2.6|||AL|NE||UNICODE UTF-8`;
    const visit = `PV1|1|I|CCU^${(person % 8) + 1}^A^SIMHOSP|E|||||||||||||||V${seed}${String(person).padStart(5, '0')}^^^SIMHOSP^VN`;
    const when = at - (messages - number) * MINUTE;
    const implant = patient.devices.find(({ kind, explanted }) => kind !== 'remote-monitor' && !explanted)!;
    const rows = timeline.rows(implant, when - 1_500 * MINUTE, when);
    const daily = rows.findLast(({ quantity }) => quantity === 'battery_voltage');
    const follow = rows.filter(({ transmission }) => transmission === daily?.transmission);
    const made = [
      () => [header('ADT^A01^ADT_A01', when), `EVN||${stamp(when)}`, `PID|1||${identified}`, visit],
      () => [
        header('ADT^A08^ADT_A01', when),
        `EVN||${stamp(when)}`,
        `PID|1||${identified}|||${1 + Math.floor(90 * drawn(seed, 'street', person))} Harbour Road^^Simtown^^10${person % 10}00^US^H`,
        visit,
      ],
      () => [
        header('ORU^R01^ORU_R01', when),
        `PID|1||${identified}`,
        visit,
        `OBR|1||S${seed}-${person}^SIMMON|182777000^monitoring of patient^SCT|||${stamp(when)}`,
        ...vitals.map(([name, code, unit, usual, spread], index) => {
          const value = Math.round(usual + spread * normal(seed, name, person));
          return `OBX|${index + 1}|NM|${code}^${name}^MDC|1.1.${index + 1}.1|${value}|${unit}|||||F|||${stamp(when)}`;
        }),
      ],
      () => (follow.length === 0 ? [] : idcoOf(follow, dialect, cast, 'SIMHOSP').hl7.split('\r')),
    ];
    for (const message of made) {
      if (number >= messages) return;
      number++;
      const segments = message();
      if (segments.length > 0) yield `${segments.filter(Boolean).join('\r')}\r`;
    }
  }
}

export interface HospitalTarget extends Omit<HospitalOptions, 'at'> {
  readonly host: string;
  readonly port: number;
  /** Seconds between two messages. */
  readonly every: number;
}

/** Sends until all are answered or the signal aborts; counts the answers. */
export async function sendHospital(
  { host, port, every, ...options }: HospitalTarget,
  runtime: Runtime,
  progress: (text: string, isLast?: boolean) => void,
  signal: AbortSignal,
): Promise<Readonly<Record<'AA' | 'AE' | 'AR', number>>> {
  const client = await connectMllp({ host, port });
  const answers = { AA: 0, AE: 0, AR: 0 };
  let sent = 0;
  const line = (isLast = false) =>
    progress(`${sent} messages, ${answers.AA} taken in, ${answers.AE} kept aside, ${answers.AR} refused`, isLast);
  try {
    for (const message of hospital({ ...options, at: runtime.now() })) {
      if (signal.aborted) break;
      const answer = (await client.send(message)).toString();
      const verdict = /(?:^|\r)MSA\|[AC]([AER])\|/.exec(answer)?.[1] ?? 'R';
      answers[`A${verdict}` as keyof typeof answers]++;
      sent++;
      line();
      if (every > 0) await runtime.sleep(every * 1_000, signal);
    }
  } finally {
    client.close();
  }
  line(true);
  return answers;
}
