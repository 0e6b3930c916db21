/** What the alarms of one patient must do, by the words of docs/alerts.md and not by the code: episodes, the five minutes after them, floods. */

/** Normal, a warning, critical. */
export type Severity = 0 | 1 | 2;

/** So many warnings of one patient are told by themselves; the minutes are longer than any run, so that a flood never ends in one. */
export const FLOOD = { warnings: 5, setting: '5/9999' } as const;
const HELD_OFF = 5 * 60_000;

interface Alarm {
  isOpen: boolean;
  isCritical: boolean;
  /** It stands under the alert of the flood and has no Flag of its own. */
  isUnderFlood: boolean;
  normals: number;
  /** Time of the reading that ended the newest episode. */
  endedAt: number;
}

export interface Alarms {
  /** What one more reading does, later than those before it: how many Flags it opens or raises. */
  follow(vital: string, severity: Severity, at: number): number;
  figures(): {
    /** Flags that were opened, among them that of the flood. */
    readonly flags: number;
    readonly raises: number;
    readonly active: number;
    readonly floods: number;
    /** Warnings that the five minutes kept from opening an episode. */
    readonly heldOff: number;
  };
}

export function openAlarms(): Alarms {
  const alarms = new Map<string, Alarm>();
  let warnings = 0;
  let flags = 0;
  let raises = 0;
  let floods = 0;
  let heldOff = 0;

  const opened = (): number => {
    flags++;
    return 1;
  };

  /** A critical one always has its own; of warnings those after the fifth stand under one, which opens with the first of them. */
  function tell(alarm: Alarm): number {
    alarm.isUnderFlood = !alarm.isCritical && warnings >= FLOOD.warnings;
    if (!alarm.isCritical) warnings++;
    if (!alarm.isUnderFlood) return opened();
    if (floods > 0) return 0;
    floods = 1;
    return opened();
  }

  function followNormal(alarm: Alarm, at: number): number {
    if (alarm.isOpen && ++alarm.normals === 2) Object.assign(alarm, { isOpen: false, endedAt: at });
    return 0;
  }

  function followOutside(alarm: Alarm, isCritical: boolean, at: number): number {
    alarm.normals = 0;
    if (!alarm.isOpen) {
      if (!isCritical && at < alarm.endedAt + HELD_OFF) {
        heldOff++;
        return 0;
      }
      Object.assign(alarm, { isOpen: true, isCritical });
      return tell(alarm);
    }
    if (!isCritical || alarm.isCritical) return 0;
    alarm.isCritical = true;
    if (alarm.isUnderFlood) return tell(alarm);
    raises++;
    return 1;
  }

  return {
    follow(vital, severity, at) {
      let alarm = alarms.get(vital);
      if (!alarm) {
        alarm = {
          isOpen: false,
          isCritical: false,
          isUnderFlood: false,
          normals: 0,
          endedAt: Number.NEGATIVE_INFINITY,
        };
        alarms.set(vital, alarm);
      }
      return severity === 0 ? followNormal(alarm, at) : followOutside(alarm, severity === 2, at);
    },
    figures() {
      const own = [...alarms.values()].filter(({ isOpen, isUnderFlood }) => isOpen && !isUnderFlood).length;
      return { flags, raises, active: own + floods, floods, heldOff };
    },
  };
}
