/** SIU: SCH and what is booked with it. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-sch-to-appointment.html */
import { clean, filled } from '../../intake/entries.ts';
import { instantOf } from './datatypes.ts';
import type { Making } from './making.ts';
import { noteOf } from './result.ts';
import { fill } from './rows.ts';
import { inTable } from './tables.ts';

const MINUTES: Readonly<Record<string, number>> = { S: 1 / 60, SEC: 1 / 60, MIN: 1, M: 1, HR: 60, H: 60 };

const minutesOf = (amount: string | undefined, unit: string | undefined): number | undefined => {
  const minutes = Number(amount) * (MINUTES[(unit ?? 'MIN').toUpperCase()] ?? Number.NaN);
  return amount !== undefined && Number.isFinite(minutes) && minutes >= 1 ? Math.round(minutes) : undefined;
};

export function addAppointment(making: Making): void {
  const { message, around, drafts, subject, messageKey } = making;
  const sch = message.first('SCH')!;
  const said: any = {};
  fill(message, sch, around, { into: said });
  const services = message.all('AIS');
  for (const name of ['AIS', 'AIP', 'AIL', 'AIG'])
    for (const segment of message.all(name)) fill(message, segment, around, { into: said });
  const [ais] = services;
  const [timing] = message.parts(sch, 11);
  const from = timing?.get(4) ?? ais?.get(4)?.trim();
  const start = from ? instantOf(from, around) : undefined;
  const minutes =
    minutesOf(sch.get(9)?.trim() || undefined, sch.get(10)?.trim() || undefined) ??
    minutesOf(ais?.get(7)?.trim() || undefined, ais?.get(8)?.trim() || undefined);
  const until = timing?.get(5);
  const end =
    (until ? instantOf(until, around) : undefined) ??
    (start && minutes ? new Date(Date.parse(start) + minutes * 60_000).toISOString() : undefined);
  const told = sch.get(25)?.trim().toUpperCase() || undefined;
  const meant = inTable('appointmentStatus', message.event) ?? 'booked';
  const status = meant === 'booked' ? ((told && inTable('0278', told)) ?? meant) : meant;
  const isWhole = start !== undefined && end !== undefined;
  // R4 lets only what is proposed or cancelled be without a time.
  if (!isWhole && !['proposed', 'cancelled', 'waitlist'].includes(status))
    around.warn('an appointment without a beginning and an end is kept as proposed');
  const [event] = message.parts(sch, 6);
  const why = event && clean(event.get(2) ?? event.get(1));
  const notes = message.all('NTE').flatMap((segment) => noteOf(message, segment, around)?.text ?? []);
  const { participant = [], identifier = [], ...elements } = said;
  const number = identifier.find((i: any) => i.type?.coding?.[0]?.code === 'FILL') ?? identifier[0];
  const reference = drafts.add(
    filled({
      resourceType: 'Appointment',
      ...elements,
      identifier,
      status: isWhole || ['cancelled', 'waitlist'].includes(status) ? status : 'proposed',
      cancelationReason: status === 'cancelled' && why ? { text: why } : undefined,
      description: status === 'cancelled' ? undefined : why,
      start: isWhole ? start : undefined,
      end: isWhole ? end : undefined,
      minutesDuration: minutes,
      comment: notes.length > 0 ? notes.join('\n') : undefined,
      participant: [
        { actor: { reference: subject }, status: 'accepted' },
        ...[...new Map<string, any>(participant.map((p: any) => [JSON.stringify(p), p])).values()],
      ],
    }),
    [number ? `${number.system}|${number.value}` : messageKey],
    (_existing, next) => next,
  );
  making.focus.push(reference);
  making.occurred ??= start;
}
