/** Logs: one JSON line per event on stdout, built from an allow-list of fields, so that no word out of a resource can reach it. */
import { type DestinationStream, destination, type LevelWithSilent, pino } from 'pino';
import type { Runtime } from './runtime.ts';

/** All that a line may say. Whatever else is handed over is dropped. */
export interface LogFields {
  /** The route's template, such as `/fhir/:type/:id`; never the path that was asked. */
  readonly route?: string;
  readonly method?: string;
  readonly interaction?: string;
  readonly type?: string;
  readonly id?: string;
  readonly versionId?: number;
  readonly status?: number;
  readonly ms?: number;
  readonly requestId?: string;
  readonly who?: string;
  readonly code?: string;
  readonly subscription?: string;
  readonly attempt?: number;
  readonly count?: number;
  readonly port?: number;
  readonly version?: string;
}

const allowed = [
  'route',
  'method',
  'interaction',
  'type',
  'id',
  'versionId',
  'status',
  'ms',
  'requestId',
  'who',
  'code',
  'subscription',
  'attempt',
  'count',
  'port',
  'version',
] as const satisfies readonly (keyof LogFields)[];

/** Ids, codes, route templates and references look like this; names, notes, tokens with odd letters and query strings do not. */
const plain = /^[\w.\-/:{}$*]{0,128}$/;

export interface Log {
  /** Something that went as it should. `event` is a fixed phrase of ours: `server started`. */
  info(event: string, fields?: LogFields): void;
  /** Something that an operator should look at. */
  warn(event: string, fields?: LogFields): void;
  /** Something that should not happen. Of the error only its code and where it was thrown are written, never its message. */
  error(event: string, error: unknown, fields?: LogFields): void;
  /** The one line of a request. */
  access(fields: LogFields): void;
  /** Writes what is still buffered; for the end of the process. */
  flush(): void;
}

export interface LogSettings {
  readonly level: string;
  readonly runtime: Pick<Runtime, 'now'>;
  /** Where lines go; stdout when left out. */
  readonly stream?: DestinationStream;
}

function admit(fields: LogFields | undefined): Record<string, string | number> {
  const line: Record<string, string | number> = {};
  if (!fields) return line;
  for (const name of allowed) {
    const value: unknown = fields[name];
    if (typeof value === 'number') line[name] = value;
    else if (typeof value === 'string') line[name] = plain.test(value) ? value : '(withheld)';
  }
  return line;
}

/** Where an error was thrown: the frames of its stack without the message, which may quote what a client sent. */
function framesOf(error: Error): readonly string[] {
  const stack = error.stack ?? '';
  const afterMessage = error.message === '' ? stack : (stack.split(error.message).at(-1) ?? '');
  return afterMessage
    .split('\n')
    .filter((line) => /^ {4}at .*[:)]/.test(line))
    .slice(0, 12)
    .map((line) => line.trim().slice(3));
}

function describe(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: typeof error };
  const { code, cause } = error as Error & { readonly code?: unknown };
  return {
    error: plain.test(error.name) ? error.name : 'Error',
    ...(typeof code === 'string' && plain.test(code) ? { code } : {}),
    stack: framesOf(error),
    ...(cause instanceof Error ? { cause: describe(cause) } : {}),
  };
}

/** Opens the log. Lines of a lower level than `level` are not written. */
export function createLog({ level, runtime, stream }: LogSettings): Log {
  const out = stream ?? destination({ fd: 1, sync: false });
  const logger = pino(
    {
      level: level as LevelWithSilent,
      base: null,
      timestamp: () => `,"time":"${new Date(runtime.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'event',
    },
    out,
  );
  return {
    info: (event, fields) => logger.info(admit(fields), event),
    warn: (event, fields) => logger.warn(admit(fields), event),
    error: (event, error, fields) => logger.error({ ...describe(error), ...admit(fields) }, event),
    access: (fields) => logger.info(admit(fields), 'request'),
    flush: () => {
      if ('flushSync' in out && typeof out.flushSync === 'function') out.flushSync();
    },
  };
}
