/** Logs say what happened and nothing out of a resource (promise P15). */
import { describe, expect, it } from '@jest/globals';
import { problem } from '../src/fhir/outcome.ts';
import { createLog } from '../src/log.ts';

const noon = Date.parse('2026-01-02T12:00:00.000Z');

function listening(level = 'info') {
  const lines: string[] = [];
  const log = createLog({ level, runtime: { now: () => noon }, stream: { write: (line: string) => lines.push(line) } });
  return { log, lines, last: () => JSON.parse(lines.at(-1)!) };
}

describe('The log', () => {
  it('writes one JSON line per event with the time of the runtime', () => {
    const { log, lines, last } = listening();
    log.info('server started', { port: 8080, version: '0.1.0' });

    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\{.*\}\n$/);
    expect(last()).toEqual({
      level: 'info',
      time: '2026-01-02T12:00:00.000Z',
      event: 'server started',
      port: 8080,
      version: '0.1.0',
    });
  });

  it('drops every field that is not on the list', () => {
    const { log, last } = listening();
    log.access({
      route: '/fhir/:type/:id',
      status: 200,
      ms: 1.5,
      body: '{"family":"Canary"}',
      url: '/x?name=Canary',
    } as any);

    expect(last()).toEqual({
      level: 'info',
      time: '2026-01-02T12:00:00.000Z',
      event: 'request',
      route: '/fhir/:type/:id',
      status: 200,
      ms: 1.5,
    });
  });

  it.each(['Grace Canary', 'a\nb', 'name=x', '\u001b[31m', 'x'.repeat(129), 'Bearer wfk_1', 'a@b'])(
    'withholds a value that looks like no id or code: %j',
    (value) => {
      const { log, last } = listening();
      log.warn('odd', { id: value, who: 'Device/dev001', code: { family: value } as any });

      expect(last()).toMatchObject({ id: '(withheld)', who: 'Device/dev001' });
      expect(last()).not.toHaveProperty('code');
    },
  );

  it('tells of an error its code and where it was thrown, never its message', () => {
    const { log, lines, last } = listening();
    const cause = Object.assign(new Error('E11000 dup key: { name: "Canary" }'), { code: 'ECONFLICT' });
    log.error('write failed', new Error('Canary\n    at Canary (Canary.ts:1:1)', { cause }), { requestId: 'r-1' });

    expect(lines.join('')).not.toContain('Canary');
    expect(last()).toMatchObject({ level: 'error', event: 'write failed', error: 'Error', requestId: 'r-1' });
    expect(last().stack[0]).toContain('log.test.ts');
    expect(last().cause).toMatchObject({ code: 'ECONFLICT' });
  });

  it('takes the code of a Problem and survives what is no error at all', () => {
    const { log, last } = listening();
    log.error('refused', problem('conflict', 'Patient/1 is at another version'));
    expect(last()).toMatchObject({ code: 'conflict' });
    log.error('thrown', 'Canary');
    expect(last()).toMatchObject({ event: 'thrown', error: 'string' });
    expect(JSON.stringify(last())).not.toContain('Canary');
  });

  it('writes nothing below its level', () => {
    const { log, lines } = listening('warn');
    log.info('quiet');
    log.access({ status: 200 });
    expect(lines).toEqual([]);
    log.warn('loud');
    expect(lines).toHaveLength(1);
  });
});
