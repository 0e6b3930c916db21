import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseMessage } from '../../../../src/ingest/hl7v2/wire/message.ts';
import { validate } from '../../../../src/validation/validate.ts';
import { type Maps, openMaps } from './map-room.ts';

const folder = fileURLToPath(new URL('../../../../mappings/hl7v2/samples/', import.meta.url));
const patient =
  'PID|1||1011^^^HOSP^MR~5^^^SSA^SS||With^Kin^Q^^Dr^Jr^L|Mom|19620214073000|F||2106-3^White|1 St^^T^S^Z^C^H||555^PRN^PH';
const header = (type: string) => `MSH|^~\\&|A|HOSP|||20251117120000||${type}|X|P|2.5`;
const whole = [
  ...readdirSync(folder).map((file) => JSON.parse(readFileSync(folder + file, 'utf8')).message),
  [
    header('ADT^A01'),
    'EVN|A01|20251117',
    patient,
    'NK1|1|Kin^Next|SPO^Spouse^HL70063|1 St^^T|555',
    'PV1|1|I|4N^1^A|E|PRE|3N|7^R^A|||MED||||E|||||V1^^^HOSP^VN',
    'AL1|1|DA|70618^Penicillin^RXNORM|SV|Hives|2020',
    'DG1|1||I48.0^AF^I10|text|20250701|A',
    'IN1|1|PPO^Plan|INS1|Insurer|||GRP||||20250101|20251231',
  ],
  [header('ADT^A40'), 'EVN|A40|20251117', patient, 'MRG|2^^^HOSP^MR'],
  [header('MDM^T02'), patient, 'TXA|1|DS^D|TX|20250101|7^R|20250101101010+0000|||7^R^A|||D-1^H', 'OBX|1|TX|D^D||text'],
  [header('SIU^S12'), 'SCH|P1^H|F1^H||||R^Reason|FU^Follow|N|30|MIN|^^^20251201100000', patient, 'AIP|1||7^R^A'],
  [
    header('ORU^R01'),
    'PID|1||model:A1/serial:7^^^MDT^U~1^^^HOSP^MR',
    'OBR|1||G-1|754053^S^MDC|||20251117031000+0000',
    'OBX|1|NM|721344^V^MDC|1|3.02|V^V^UCUM|||||F',
    'OBX|2|ED|1^R^LN||^Application^PDF^Base64^JVBERi0=||||||F',
  ],
].map((lines: readonly string[]) => lines.join('\r'));

const pieces = [
  '|',
  '^',
  '~',
  '&',
  '\\',
  '""',
  '20251399',
  '9'.repeat(20),
  '-',
  '<5',
  ' ',
  '\u0000',
  'é',
  'A'.repeat(300),
];
const others = [
  '1e5',
  '.',
  '|||',
  '^^^',
  '\\.br\\',
  '\\X41\\',
  'http://x y',
  '2.16.1',
  'ED',
  'NA',
  'SN',
  'ISO',
  '&&',
  '~~',
  '\t',
  ' x ',
];
const spoils = [...pieces, ...others];

/** Numbers that look like chance, and are the same every time. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}

function spoilt(text: string, draw: (below: number) => number): string {
  let out = text;
  for (let n = draw(5); n >= 0; n--) {
    const at = 9 + draw(out.length - 9);
    const what = draw(3);
    const piece = spoils[draw(spoils.length)]!;
    const end = out.indexOf('|', out.indexOf('|', at) + 1);
    if (what === 0) out = out.slice(0, at) + piece + out.slice(at);
    else if (what === 1) out = out.slice(0, at) + out.slice(at + 1 + draw(8));
    else if (end > 0) out = out.slice(0, out.indexOf('|', at) + 1) + piece + out.slice(end);
  }
  return out;
}

let maps: Maps;
beforeAll(async () => {
  maps = await openMaps();
});
afterAll(() => maps.close());

describe('A message, whatever is spoilt in it,', () => {
  it('is mapped without a fault of ours, to what is valid, or refused with a reason', async () => {
    const draw = chance(20_251_117);
    for (let n = 0; n < 3_000; n++) {
      const text = spoilt(whole[draw(whole.length)]!, draw);
      const bytes = Buffer.from(text);
      try {
        parseMessage(bytes);
      } catch {
        continue; // no message at all: refused before any map
      }
      const { entries, unmapped } = await maps.map(bytes);
      const faults = entries.flatMap(({ body }) => validate(body!.resource, body!.text));
      expect([text, faults]).toEqual([text, []]);
      expect(unmapped.every(({ reason }) => reason !== '')).toBe(true);
    }
  });
});

describe('A message as long as one may be', () => {
  it('is mapped in proportion to its segments, and others have their turn meanwhile', async () => {
    const shapes: Readonly<Record<string, (i: number) => string>> = {
      numbered: (i) => `OBX|${i}|NM|2345-7^G^LN|${i}|5|mmol/L|||||F`,
      tree: (i) => `OBX|${i}|NM|147842^R^MDC|1.${i % 50}.${i}.1|70|264864^B^MDC|||||F`,
      deep: (i) => `OBX|${i}|NM|2345-7^G^LN|${'1.'.repeat(i % 90)}${i}|5|mmol/L|||||F`,
      devices: (i) => `OBX|${i}|NM|2345-7^G^LN|${i}|5|mmol/L|||||F|||||||D${i}^X`,
      lines: (i) => `OBX|${i}|TX|R^Report^L||line ${i}||||||F`,
      pressures: (i) => `OBX|${i}|NM|${i % 2 ? '8480-6' : '8462-4'}^P^LN|${i >> 1}|${i % 2 ? 120 : 80}|mm[Hg]|||||F`,
    };
    for (const [name, obx] of Object.entries(shapes)) {
      const time = async (count: number) => {
        const segments = [
          header('ORU^R01'),
          patient,
          'OBR|1||O1|1^Panel^L|||20251117',
          ...Array.from({ length: count }, (_, i) => obx(i + 1)),
        ];
        const begun = performance.now();
        let last = begun;
        let held = 0;
        const ticks = setInterval(() => {
          held = Math.max(held, performance.now() - last);
          last = performance.now();
        }, 5);
        await maps.map(Buffer.from(segments.join('\r')));
        clearInterval(ticks);
        return { took: performance.now() - begun, held };
      };
      const isFair = async () => {
        const short = await time(1_200);
        const long = await time(4_800);
        // Four times as much work; sixteen times would be the square.
        return { took: long.took < 10 * short.took + 200, held: long.held < 1_000 };
      };
      await time(400);
      let fair = await isFair();
      // One of three: others use the machine too.
      for (let again = 0; again < 2 && !(fair.took && fair.held); again++) fair = await isFair();
      expect([name, fair]).toEqual([name, { took: true, held: true }]);
    }
  }, 180_000);
});
