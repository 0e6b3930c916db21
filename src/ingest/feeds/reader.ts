/** Reads a maker's rows by what its document says: one reader for all of them. docs/add-a-maker.md */
import { hash } from 'node:crypto';
import { ExactNumber, writeExact } from '../../fhir/json.ts';
import type { Channel, Implant, Lead, PatientTold, Reading, Strip, Term, Udi } from '../implants/told.ts';
import type { Dates, MakerDocument, Words } from './document.ts';
import { kinds } from './kinds.ts';
import type { DeviceRow, DeviceState, KeptAside, PatientRow, Read, ReadAlert } from './row.ts';
import {
  type Aside,
  dateAt,
  demandPast,
  digitsAt,
  type Moment,
  momentAt,
  neededAt,
  orAside,
  shifted,
  translated,
  translatedOr,
  unmapped,
  unreadable,
  valueAt,
  wordAt,
} from './values.ts';

export interface Reader {
  patient(row: unknown): PatientRow | Aside;
  device(row: unknown): DeviceRow | Aside;
  status(body: unknown): DeviceState;
  /** `asked` is the device whose readings were asked for: a row may name another. */
  reading(row: unknown, asked: string, now: number): Read | KeptAside;
  alert(row: unknown, asked: string, now: number): ReadAlert | KeptAside;
}

/** By how it begins. https://hl7.org/fhir/R4/device.html#udi */
const issuerOf = (carrier: string | undefined): string | undefined =>
  carrier?.startsWith('(01)') ? GS1 : carrier?.startsWith('+') ? HIBCC : undefined;
const GS1 = 'http://hl7.org/fhir/NamingSystem/gs1-di';
const HIBCC = 'http://hl7.org/fhir/NamingSystem/hibcc-dI';

const keyOfRow = (row: unknown): string => hash('sha256', writeExact(row) ?? '', 'hex').slice(0, 24);

export function createReader(document: MakerDocument, systemOfPatients: string): Reader {
  const { dates, decimals, patient, device, status, reading, alert, units } = document;

  /** A time that matters to nobody but people: left out where it cannot be read. */
  function contactAt(row: unknown, path: string | undefined): string | undefined {
    if (path === undefined || valueAt(row, path) === undefined) return undefined;
    const moment = orAside(() => momentAt(row, path, dates));
    return 'text' in moment ? moment.text : undefined;
  }

  function leadsOf(row: unknown): readonly Lead[] | undefined {
    const { leads } = device;
    const rows = leads && valueAt(row, leads.path);
    if (!leads || !Array.isArray(rows)) return undefined;
    return rows.map((lead) => ({
      manufacturer: wordAt(lead, leads.manufacturer) ?? document.manufacturer,
      model: wordAt(lead, leads.model),
      serial: wordAt(lead, leads.serial),
      location:
        leads.chamber && translated(lead, { ...leads.chamber, otherwise: leads.chamber.otherwise ?? 'unknown' }),
      polarity: leads.polarity && (optional(lead, leads.polarity) ?? wordIn(lead, leads.polarity.path)),
      implanted: dateAt(lead, leads.implanted),
    }));
  }

  /** What a device can go without: undefined also for what cannot be read. */
  function wordIn(row: unknown, path: string | undefined): string | undefined {
    const read = orAside(() => ({ word: wordAt(row, path) }));
    return 'word' in read ? read.word : undefined;
  }

  /** Undefined also for what is not listed. */
  function optional(row: unknown, words: Words | undefined): string | undefined {
    const read = orAside(() => ({ word: translated(row, words) }));
    return 'word' in read ? read.word : undefined;
  }

  function udiOf(row: unknown): Udi | undefined {
    const { udi } = device;
    if (!udi) return undefined;
    const [deviceIdentifier, carrier] = [wordIn(row, udi.deviceIdentifier), wordIn(row, udi.carrier)];
    if (deviceIdentifier === undefined && carrier === undefined) return undefined;
    return { deviceIdentifier, carrier, issuer: optional(row, udi.issuer) ?? issuerOf(carrier) };
  }

  /** The term of a kind of ours, with the digits as they came, in a unit of UCUM. */
  function measured(kindName: string, channel: Channel | undefined, digits: string, unitWord: string | undefined) {
    const kind = kinds[kindName];
    if (!kind) throw unmapped(`maker.json names the kind ${kindName}, which is none`);
    if (unitWord === undefined) throw unreadable('the unit is missing');
    const unit = Object.hasOwn(units, unitWord) ? units[unitWord] : undefined;
    if (unit === undefined) throw unmapped('the unit is none that maker.json lists');
    const { code, shift } = typeof unit === 'string' ? { code: unit, shift: 0 } : unit;
    if (!kind.units.includes(code)) throw unreadable(`the unit does not fit the kind ${kindName}`);
    return { code: termCode(kindName, channel), quantity: { value: shifted(digits, shift), unit: code } };
  }

  function termCode(kindName: string, channel: Channel | undefined): string {
    const { code } = kinds[kindName]!;
    if (typeof code === 'string') return code;
    if (channel === undefined) throw unreadable(`a reading of the kind ${kindName} names no channel`);
    const ofChannel = code[channel];
    if (ofChannel === undefined) throw unmapped(`there is no term for the kind ${kindName} of this channel`);
    return ofChannel;
  }

  function ownTerm(row: unknown, word: string, code: string, isVendors: boolean): Term {
    const unitWord = wordAt(row, reading.unit);
    const unit = unitWord !== undefined && Object.hasOwn(units, unitWord) ? units[unitWord] : undefined;
    const name = isVendors ? { name: word, vendor: true as const } : {};
    const number = orAside(() => digitsAt(row, reading.value, decimals));
    if (!('text' in number)) {
      const text = neededAt(row, reading.value);
      if (isVendors) return { code, ...name, text };
      throw unreadable(number.reason);
    }
    if (unitWord !== undefined && unit === undefined) throw unmapped('the unit is none that maker.json lists');
    const { code: ucum, shift } = typeof unit === 'object' ? unit : { code: unit ?? '1', shift: 0 };
    return { code, ...name, quantity: { value: shifted(number.text, shift), unit: ucum } };
  }

  function termOf(row: unknown, word: string): { kind: string; channel?: Channel; term: Term; assumption?: string } {
    const channel = translated(row, reading.channel);
    const mapped = Object.hasOwn(reading.kinds, word) ? reading.kinds[word] : undefined;
    // What the maker calls by a word that nobody mapped yet is stored under that word, not dropped.
    if (mapped === undefined) return { kind: word.toLowerCase(), channel, term: ownTerm(row, word, word, true) };
    if (typeof mapped === 'object' && !Object.hasOwn(kinds, mapped.kind))
      return { kind: mapped.kind, channel, term: ownTerm(row, word, mapped.code, false) };
    const kind = typeof mapped === 'string' ? mapped : mapped.kind;
    const { codes } = kinds[kind] ?? {};
    if (codes) {
      const said = neededAt(row, reading.value);
      const own = reading.codes?.[kind];
      const ours = own && Object.hasOwn(own, said) ? own[said]! : said;
      if (!Object.hasOwn(codes, ours)) throw unmapped(`${reading.value} has a value that maker.json does not list`);
      return { kind, channel, term: { code: termCode(kind, channel), coded: { code: codes[ours]!, display: ours } } };
    }
    const { text, assumption } = digitsAt(row, reading.value, decimals);
    const unitWord = wordAt(row, reading.unit) ?? reading.unitOf?.[kind];
    return { kind, channel, term: measured(kind, channel, text, unitWord), assumption };
  }

  function markOf(row: unknown): KeptAside['mark'] {
    const naive = dates.naive === 'quarantine' ? 'Z' : dates.naive;
    const read = orAside(() => {
      const mapped = reading.kinds[neededAt(row, reading.kind)];
      const kind = typeof mapped === 'object' ? mapped.kind : (mapped ?? '');
      const at = (style: Dates['style']) => orAside(() => momentAt(row, reading.at, { style, naive }));
      const moment = [at(dates.style), at('iso')].find((one) => 'instant' in one);
      return { mark: moment && 'instant' in moment ? { kind, instant: moment.instant } : undefined };
    });
    return 'mark' in read ? read.mark : undefined;
  }

  /** Left out where it cannot be read: the value beside it counts. */
  function stripOf(row: unknown, id: string, at: Moment, channel: Channel | undefined): Strip | undefined {
    const { strip } = reading;
    const body = strip && valueAt(row, strip.path);
    const samples = strip && valueAt(body, strip.samples);
    const hertz = strip && Number(valueAt(body, strip.hertz));
    if (!strip || !Array.isArray(samples) || !(hertz! > 0)) return undefined;
    if (!samples.every((sample) => sample instanceof ExactNumber)) return undefined;
    const unit = wordAt(body, strip.unit);
    const known = unit !== undefined && Object.hasOwn(units, unit) ? units[unit] : undefined;
    const { code, shift } = typeof known === 'object' ? known : { code: known ?? 'mV', shift: 0 };
    return {
      id,
      at: at.text,
      instant: at.instant,
      period: `${Number((1_000 / hertz!).toFixed(6))}`,
      samples: samples.map(({ text }) => text),
      unit: code,
      ...(shift === 0 ? {} : { factor: shifted('1', shift) }),
      channel,
    };
  }

  const aside = (row: unknown, asked: string, key: string, why: Aside): KeptAside => ({
    ...why,
    key,
    device: asked,
    row,
  });

  /** The row's own id where it has one that can be read. */
  const keyIn = (row: unknown, path: string | undefined): string => wordIn(row, path) ?? keyOfRow(row);

  return {
    patient: (row) =>
      orAside(() => {
        const id = neededAt(row, patient.id);
        const given = (patient.given ?? []).flatMap((path) => wordAt(row, path) ?? []);
        const others = (patient.identifiers ?? []).flatMap(({ path, ...of }) => {
          const value = wordAt(row, path);
          return value === undefined ? [] : [{ ...of, value }];
        });
        const told: PatientTold = {
          identifiers: [{ system: systemOfPatients, value: id }, ...others],
          family: wordAt(row, patient.family),
          given,
          birthDate: dateAt(row, patient.birthDate),
          gender: patient.gender && translatedOr(row, patient.gender, 'unknown'),
        };
        return { id, told, changed: wordAt(row, patient.changed) };
      }),

    device: (row) =>
      orAside(() => {
        const id = neededAt(row, device.id);
        const implant: Implant = {
          maker: document.name,
          manufacturer: document.manufacturer,
          model: neededAt(row, device.model),
          serial: neededAt(row, device.serial),
          deviceId: id,
          type: translatedOr(row, device.type, 'other'),
          implanted: dateAt(row, device.implanted),
          explanted: dateAt(row, device.explanted),
          status: translatedOr(row, device.status, 'unknown'),
          leads: leadsOf(row),
          udi: udiOf(row),
          parent: wordIn(row, device.parent),
          lastContact: contactAt(row, device.lastContact),
        };
        return { id, implant, changed: wordAt(row, device.changed) };
      }),

    status(body) {
      if (!status) return {};
      const lastContact = contactAt(body, status.lastContact);
      const connected = status.connected && orAside(() => ({ said: translated(body, status.connected) }));
      const said = connected && 'said' in connected ? connected.said : undefined;
      return {
        status: status.status && translatedOr(body, status.status, 'unknown'),
        lastContact,
        connectivity: said && { status: said, last: lastContact },
      };
    },

    reading(row, asked, now) {
      const key = keyIn(row, reading.id);
      const read = orAside((): Read => {
        const named = wordAt(row, reading.device) ?? asked;
        const word = neededAt(row, reading.kind);
        const moment = demandPast(momentAt(row, reading.at, dates), reading.at, now);
        const { kind, channel, term, assumption } = termOf(row, word);
        const told: Reading = {
          id: wordAt(row, reading.id),
          kind,
          channel,
          term,
          timestamp: moment.text,
          instant: moment.instant,
        };
        const assumptions = [moment.assumption, assumption].flatMap((one) => one ?? []);
        const strip = stripOf(row, key, moment, channel);
        return {
          key,
          device: named,
          reading: told,
          strip,
          transmission: wordIn(row, reading.transmission),
          assumptions,
        };
      });
      return 'reading' in read ? read : { ...aside(row, asked, key, read), mark: markOf(row) };
    },

    alert(row, asked, now) {
      const key = keyOfRow(row);
      if (!alert) return aside(row, asked, key, { code: 'unmapped', reason: 'maker.json says nothing about alerts' });
      const read = orAside((): ReadAlert => {
        const code = neededAt(row, alert.code);
        const moment = demandPast(momentAt(row, alert.at, dates), alert.at, now);
        const said = valueAt(row, alert.acknowledged);
        const severity = translated(row, alert.severity);
        if (severity === undefined) throw unreadable(`${alert.severity.path} is missing`);
        return {
          device: wordAt(row, alert.device) ?? asked,
          alert: {
            id: neededAt(row, alert.id),
            code,
            severity,
            message: wordAt(row, alert.message) ?? code,
            at: moment.text,
            acknowledged: said === true || alert.acknowledgedWords?.includes(`${said}`) === true,
            kind: Object.hasOwn(alert.kinds, code) ? alert.kinds[code]! : alert.otherwise,
          },
        };
      });
      return 'alert' in read ? read : aside(row, asked, key, read);
    },
  };
}
