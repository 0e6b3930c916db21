/** A transmission as the makers really send it: an IHE PCD-09 IDCO message with its report as PDF. domain.md 2.6 */
import type { Cast, Channel, Kind } from './cast.ts';
import type { Dialect } from './dialect.ts';
import type { FaultName } from './faults.ts';
import type { Reply } from './pages.ts';
import type { Row } from './timeline.ts';

/** Numbers of IEEE 11073-10101 (the terms of the IDC nomenclature), with the steps from chamber to chamber. */
const chambers: Readonly<Record<Channel, number>> = { RA: 0, RV: 1, LV: 3, HV: 0 };
const types: Readonly<Record<Kind, readonly [number, string]>> = {
  pacemaker: [753665, 'IPG'],
  icd: [753666, 'ICD'],
  'crt-d': [753667, 'CRT_D'],
  'crt-p': [753668, 'CRT_P'],
  'loop-recorder': [753669, 'Monitor'],
  'remote-monitor': [753670, 'Other'],
};

const stamp = (at: number) => `${new Date(at).toISOString().replace(/[-:T]/g, '').slice(0, 14)}+0000`;
const escaped = (text: string) =>
  text.replace(/[\\|^~&]/g, (one) => ({ '\\': '\\E\\', '|': '\\F\\', '^': '\\S\\', '~': '\\R\\', '&': '\\T\\' })[one]!);

/** Code, name and unit of a reading; undefined for what the message tells otherwise. */
function termOf({ quantity, channel, unit }: Row): readonly [number, string, string] | undefined {
  const step = channel ? chambers[channel] : 0;
  if (quantity === 'heart_rate') return [737651, 'MDC_IDC_STAT_HEART_RATE_VENTRICULAR_MEAN', '{beats}/min'];
  if (quantity === 'battery_voltage') return [721344, 'MDC_IDC_MSMT_BATTERY_VOLTAGE', unit];
  if (quantity === 'battery_level') return [721536, 'MDC_IDC_MSMT_BATTERY_REMAINING_PERCENTAGE', unit];
  if (quantity === 'lead_impedance')
    return channel === 'HV'
      ? [722624, 'MDC_IDC_MSMT_LEADHVCHNL_IMPEDANCE', 'Ohm']
      : [722432 + step, `MDC_IDC_MSMT_LEADCHNL_${channel}_IMPEDANCE_VALUE`, 'Ohm'];
  if (quantity === 'sensing_amplitude')
    return [722048 + 4 * step + 3, `MDC_IDC_MSMT_LEADCHNL_${channel}_SENSING_INTR_AMPL_MEAN`, unit];
  if (quantity === 'pacing_threshold')
    return [722176 + step, `MDC_IDC_MSMT_LEADCHNL_${channel}_PACING_THRESHOLD_AMPLITUDE`, unit];
  if (quantity === 'paced_percent') return [737792, 'MDC_IDC_STAT_CRT_LV_PERCENT_PACED', unit];
  return undefined;
}

/** One page of plain text as PDF 1.4, with a right table of offsets. Lines must be of ASCII without brackets. */
function plainPdf(lines: readonly string[]): Buffer {
  const stream = `BT /F1 11 Tf 50 780 Td 16 TL ${lines.map((line) => `(${line}) Tj T*`).join(' ')} ET`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ];
  let text = '%PDF-1.4\n';
  const offsets = objects.map((object, at) => {
    const offset = text.length;
    text += `${at + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}`;
  text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${text.indexOf('xref\n0')}\n%%EOF\n`;
  return Buffer.from(text, 'latin1');
}

export interface Transmission {
  readonly hl7: string;
  readonly pdf: Buffer;
}

/** The rows are those of one transmission; `authority` is whose number the patient's is, the maker's where left out. */
export function idcoOf(rows: readonly Row[], dialect: Dialect, cast: Cast, authority?: string): Transmission {
  const { device, transmission, at } = rows[0]!;
  const patient = cast.patientOf(device.patient)!;
  const name = `${patient.family.toUpperCase()}^${patient.given.toUpperCase()}`;
  const maker = dialect.house.devicePrefix;
  const results: string[] = [];
  const result = (type: string, code: string, value: string, { unit = '', instance = '', when = '' } = {}) =>
    results.push(
      `OBX|${results.length + 1}|${type}|${code}|${instance}|${value}|${unit && `${unit}^${unit}^UCUM`}|||||F|||${when}`,
    );
  const term = (code: number, words: string) => `${code}^${words}^MDC`;
  const [kind, word] = types[device.kind];
  result('CWE', term(720897, 'MDC_IDC_DEV_TYPE'), term(kind, `MDC_IDC_ENUM_DEV_TYPE_${word}`));
  result('ST', term(720898, 'MDC_IDC_DEV_MODEL'), escaped(device.model));
  result('ST', term(720899, 'MDC_IDC_DEV_SERIAL'), device.serial);
  result('CWE', term(720900, 'MDC_IDC_DEV_MFG'), `${maker}^${escaped(dialect.manufacturer)}^L`);
  if (device.implanted) result('DTM', term(720901, 'MDC_IDC_DEV_IMPLANT_DT'), device.implanted.replaceAll('-', ''));
  for (const [index, lead] of device.leads.entries()) {
    const instance = String(index + 1);
    result('ST', term(720961, 'MDC_IDC_LEAD_MODEL'), lead.model, { instance });
    result('ST', term(720962, 'MDC_IDC_LEAD_SERIAL'), lead.serial, { instance });
    result('CWE', term(720966, 'MDC_IDC_LEAD_LOCATION'), `${lead.channel}^^L`, { instance });
  }
  const session = term(754053, 'MDC_IDC_ENUM_SESS_TYPE_RemoteScheduled');
  result('CWE', term(721026, 'MDC_IDC_SESS_TYPE'), session);
  for (const row of rows) {
    const known = termOf(row);
    if (known) {
      const [code, words, unit] = known;
      const instance = row.channel === 'HV' || row.quantity.startsWith('battery') ? '1' : '';
      result('NM', term(code, words), row.value, { unit, instance, when: stamp(row.at) });
    } else {
      result('ST', term(739536, 'MDC_IDC_EPISODE_ID'), row.id, { instance: '1' });
      result('DTM', term(739552, 'MDC_IDC_EPISODE_DTM'), stamp(row.at), { instance: '1' });
      result('NM', term(739712, 'MDC_IDC_EPISODE_DURATION'), row.value, { unit: 's', instance: '1' });
    }
  }
  const pdf = plainPdf([
    `${dialect.manufacturer}: remote follow-up, simulated`,
    `${patient.family}, ${patient.given}   born ${patient.birthDate}`,
    `${device.model}, serial ${device.serial}   ${new Date(at).toISOString()}`,
    ...rows.map(({ quantity, channel, value, unit }) => `${quantity} ${channel ?? ''} ${value} ${unit}`),
  ]);
  const report = `SIM^Application^PDF^Base64^${pdf.toString('base64')}`;
  result('ED', '18750-0^Cardiac electrophysiology report^LN', report);
  const hl7 = [
    `MSH|^~\\&|${maker}SIM|REMOTEMON|WATCHFIRE|HOSP|${stamp(at)}||ORU^R01^ORU_R01|${transmission}|P|2.6|||NE|AL|||||IHE_PCD_ORU_R01^IHE PCD^1.3.6.1.4.1.19376.1.6.1.9.1^ISO`,
    `PID|1||model:${escaped(device.model)}/serial:${device.serial}^^^${maker}^U~${patient.id}^^^${authority ?? maker}^MR||${name}||${patient.birthDate.replaceAll('-', '')}|${patient.gender === 'male' ? 'M' : 'F'}`,
    'PV1|1|O',
    `OBR|1||${transmission}|${session}|||${stamp(at)}||||||||||||||||||F`,
    ...results,
    '',
  ].join('\r');
  return { hl7, pdf };
}

const HUGE = 21 * 1024 * 1024;

/** The report as it is handed out: whole, or as a fault has it. */
function reportIn({ pdf }: Transmission, fault: FaultName | undefined): Buffer {
  if (fault === 'broken-reports') return pdf.subarray(0, pdf.length / 2);
  return fault === 'huge-reports' ? Buffer.concat([pdf, Buffer.alloc(HUGE, ' ')]) : pdf;
}

/** `hl7` where no other format is asked for, `pdf` for the report alone, `json` for both. */
export function tellTransmission(
  rows: readonly Row[],
  dialect: Dialect,
  cast: Cast,
  format: string,
  now: number,
): Reply | undefined {
  const [first] = rows;
  if (!first) return undefined;
  const { device, transmission: id, at, report } = first;
  const all = idcoOf(rows, dialect, cast);
  if (format !== 'pdf' && format !== 'json')
    return { status: 200, body: all.hl7, contentType: 'application/hl7-v2; charset=utf-8' };
  if (report && report.from > now) return undefined;
  const pdf = reportIn(all, report?.fault);
  if (format === 'pdf') return { status: 200, body: pdf, contentType: 'application/pdf' };
  const hl7 = all.hl7
    .split('\r')
    .filter((line) => !line.includes('|ED|'))
    .join('\r');
  const base64 = report?.fault === 'broken-reports' ? `${pdf.toString('base64')}*` : pdf.toString('base64');
  const told = { id, device: device.id, at: dialect.date(at), hl7, pdf: base64 };
  return dialect.transmission && { status: 200, body: dialect.transmission(told) };
}
