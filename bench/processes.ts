/** What processes and the machine have used so far, from Linux's /proc; zero elsewhere. https://man7.org/linux/man-pages/man5/proc.5.html */
import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

function text(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** CPU seconds, user and system, of these processes with all their threads and of their living descendants. */
export function processSeconds(pids: readonly number[]): number {
  if (pids.length === 0) return 0;
  const parents = new Map<number, number>();
  const used = new Map<number, number>();
  for (const name of listed('/proc')) {
    const stat = text(`/proc/${name}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    parents.set(Number(name), Number(fields[1]));
    used.set(Number(name), (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND);
  }
  const belongs = (pid: number): boolean =>
    pids.includes(pid) || ((p) => p !== undefined && p > 0 && belongs(p))(parents.get(pid));
  let sum = 0;
  for (const [pid, seconds] of used) if (belongs(pid)) sum += seconds || 0;
  return sum;
}

/** Seconds that any core was not idle or waiting for a disk. */
export function busySeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = text('/proc/stat')
    .split('\n', 1)[0]!
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softIrq) / TICKS_PER_SECOND;
}

/** Resident memory of one process in MB: all of it, and without the pages of mapped files. */
export function residentMegabytes(pid: number): { readonly all: number; readonly anonymous: number } {
  const status = text(`/proc/${pid}/status`);
  const megabytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return { all: Math.round(megabytes('VmRSS')), anonymous: Math.round(megabytes('RssAnon')) };
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}
