/** Which episodes readings make, by the words of docs/alerts.md and not by the code. */

export interface Told {
  readonly vital: string;
  readonly at: number;
  /** As the limits have it: `near` is normal within the dead band. */
  readonly severity: 'normal' | 'near' | 'warning' | 'critical';
  /** A signal that was good enough to open, raise or end something. */
  readonly isTrusted: boolean;
}

export interface Episode {
  readonly vital: string;
  readonly begin: number;
  end: number | undefined;
  isCritical: boolean;
  /** It opened as a warning and became critical. */
  wasRaised: boolean;
  /** Times of all readings that it was seen in. */
  readonly evidence: number[];
  /** Times of the trusted ones among them. */
  readonly relied: number[];
  /** Time of the one normal reading since the newest of them. */
  calm: number | undefined;
}

const FIVE_MINUTES = 5 * 60_000;

/** Episodes of one patient and device, by readings in the order in which they came in. */
export function episodesOf(readings: readonly Told[]): readonly Episode[] {
  const all: Episode[] = [];
  const newest = new Map<string, Episode>();
  for (const reading of readings) {
    const episode = newest.get(reading.vital);
    const isOutside = reading.severity === 'warning' || reading.severity === 'critical';
    if (!isOutside) calmDown(episode, reading);
    else if (!isOf(episode, reading)) {
      if (!opens(episode, reading)) continue;
      const { vital, at, severity } = reading;
      const opened: Episode = {
        vital,
        begin: at,
        end: undefined,
        isCritical: severity === 'critical',
        wasRaised: false,
        evidence: [at],
        relied: [at],
        calm: undefined,
      };
      all.push(opened);
      newest.set(vital, opened);
    } else goOn(episode!, reading);
  }
  return all;
}

/** Two normal readings in a row, by their own times, end it. */
function calmDown(episode: Episode | undefined, { at, severity, isTrusted }: Told): void {
  if (!episode || episode.end !== undefined || severity === 'near' || !isTrusted) return;
  if (at < Math.max(...episode.relied)) return;
  if (episode.calm === undefined) episode.calm = at;
  else episode.end = Math.max(episode.calm, at);
}

/** What is outside while an episode is open belongs to it, and what comes late of one that is over; but not what is critical where nobody was told of anything critical. */
function isOf(episode: Episode | undefined, { at, severity, isTrusted }: Told): boolean {
  if (!episode) return false;
  if (episode.end === undefined) return true;
  if (severity === 'critical' && isTrusted && !episode.isCritical) return false;
  return at >= Math.min(...episode.relied) && at < episode.end;
}

function opens(before: Episode | undefined, { at, severity, isTrusted }: Told): boolean {
  if (!isTrusted) return false;
  const isHeldOff = before?.end !== undefined && at >= before.end && at < before.end + FIVE_MINUTES;
  return severity === 'critical' || !isHeldOff;
}

function goOn(episode: Episode, { at, severity, isTrusted }: Told): void {
  episode.evidence.push(at);
  if (!isTrusted || episode.end !== undefined) return;
  episode.relied.push(at);
  if (episode.calm !== undefined && at > episode.calm) episode.calm = undefined;
  if (severity === 'critical' && !episode.isCritical) Object.assign(episode, { isCritical: true, wasRaised: true });
}
