/** A refusal in the words that devices know, the same by HTTP, MQTT and file. See mappings/iot-vitals/README.md. */
import { type Problem, problem } from '../fhir/outcome.ts';

export const INVALID_KEY = 'Invalid API key';
// One text for both: a key that was stolen must not tell whose it is.
const FORBIDDEN = "device_id doesn't match authenticated device or API key lacks permission";

const reasons = new WeakMap<object, string>();

/** `reason` goes to the audit row only. */
export function forbidden(reason: 'another device' | 'no permission' | 'no device'): Problem {
  const refused = problem('forbidden', FORBIDDEN);
  reasons.set(refused, reason);
  return refused;
}
export const reasonFor = (refused: object): string | undefined => reasons.get(refused);

export function wordsOf({ status, code, message }: Problem): string {
  if (status === 401) return INVALID_KEY;
  if (status === 403) return FORBIDDEN;
  if (code === 'structure') return 'Invalid JSON format';
  if (status === 500) return 'Internal server error';
  return message;
}
