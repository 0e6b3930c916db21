/** Numbers and their units, digits kept: NM, CQ and the unit of an OBX. https://hl7.org/fhir/R4/datatypes.html#Quantity */
import { ExactNumber } from '../../../fhir/json.ts';
import { canonical as inBase } from '../../../fhir/units.ts';
import { clean } from '../../intake/entries.ts';
import type { Part } from './reading.ts';
import { MDC, systemOf, UCUM, unitOfMdc, unitSpelled } from './tables.ts';

/** NM: `+5`, `.5`, `5.` and `007` as JSON has them, digits kept; undefined where it is no number. */
export function numberOf(value: string): ExactNumber | undefined {
  const parts = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(value.trim());
  if (!parts || (parts[2] === '' && !parts[3]) || value.length > 40) return undefined;
  const whole = parts[2]!.replace(/^0+(?=\d)/, '') || '0';
  return new ExactNumber(`${parts[1] === '-' ? '-' : ''}${whole}${parts[3] ? `.${parts[3]}` : ''}`);
}

/** CWE of a unit. In UCUM where it is that, or is known to mean it; otherwise as it is spelled. */
export function unitOf(part: Part | undefined): any {
  const code = part?.get(1);
  const text = clean(part?.get(2), 100);
  if (code === undefined) return text === undefined ? {} : { unit: text };
  const system = part!.get(3);
  const named = system && systemOf(system);
  const ucum =
    named === MDC
      ? unitOfMdc(code)
      : named === UCUM
        ? isUcum(code)
          ? code
          : unitSpelled(code)
        : (unitSpelled(code) ?? (isUcum(code) ? code : undefined));
  if (ucum !== undefined) return { unit: named === MDC ? ucum : (text ?? code), system: UCUM, code: ucum };
  return named === MDC ? { unit: text ?? code, system: MDC, code } : { unit: clean(text ?? code, 100) };
}

const isUcum = (code: string): boolean => /^[!-~]+$/.test(code) && inBase(1, code) !== undefined;

/** CQ. */
export function quantityOf(part: Part): any {
  const value = numberOf(part.get(1) ?? '');
  if (value === undefined) return undefined;
  const unit = part.part(2);
  return { value, ...unitOf(unit) };
}
