import { describe, expect, it } from '@jest/globals';
import { messagesIn } from '../../../../src/ingest/hl7v2/wire/batches.ts';
import { usual } from '../../../../src/ingest/hl7v2/wire/delimiters.ts';
import { escaped, unescaped } from '../../../../src/ingest/hl7v2/wire/escapes.ts';
import { NULLED, parseMessage } from '../../../../src/ingest/hl7v2/wire/message.ts';
import { dtm } from '../../../../src/ingest/hl7v2/wire/times.ts';

const latin1 = (text: string) => Buffer.from(text, 'latin1');
const obx5 = (value: string | Buffer, charset = '', head = '|^~\\&') => {
  const start = `MSH${head}|LAB|CITY|||20251117||ORU^R01|1|P|2.5.1||||||${charset}\rOBX|1|ST|x||`;
  return parseMessage(Buffer.concat([latin1(start), Buffer.from(value as string), latin1('|after')])).first('OBX')!;
};

describe('An HL7 v2 message', () => {
  it.each([
    ['a\\F\\b', 'a|b'],
    ['a\\S\\b', 'a^b'],
    ['a\\T\\b', 'a&b'],
    ['a\\R\\b', 'a~b'],
    ['a\\E\\b', 'a\\b'],
    ['\\E\\F\\E\\', '\\F\\'],
    ['a\\X0D\\b', 'a\rb'],
    ['a\\X0D0A\\b', 'a\r\nb'],
    ['one\\.br\\two', 'one\ntwo'],
    ['one\\.sp2\\two', 'one\n\ntwo'],
    ['\\H\\bold\\N\\', 'bold'],
    ['a\\Zxx\\b', 'a\\Zxx\\b'],
    ['a\\unknown\\F\\b', 'a\\unknown|b'],
    ['C:\\temp', 'C:\\temp'],
    ['a\\', 'a\\'],
    ['a\\XZZ\\b', 'a\\XZZ\\b'],
  ])('reads the escapes of %s', (sent, meant) => {
    expect(obx5(sent).get(5)).toBe(meant);
  });

  it('escapes what it writes so that it is read the same', () => {
    const text = 'a|b^c&d~e\\f\ng\u0001é';
    expect(unescaped(escaped(text, usual), usual, String)).toBe(text.replace('\u0001', `${Buffer.from([1])}`));
    expect(escaped(text, usual)).not.toMatch(/[|^&~\n\u0001]/);
  });

  it('has the delimiters that its header names', () => {
    const message = parseMessage(latin1('MSH$%*!+$LAB%1.2%ISO$CITY\rPID$1$$A%B+C*D!F!E$x'));
    const pid = message.first('PID')!;

    expect(message.application).toBe('LAB%1.2%ISO');
    expect([pid.get(3, 1), pid.get(3, 2, 1), pid.get(3, 2, 2), pid.get(3, 1, 1, 2)]).toEqual(['A', 'B', 'C', 'D$E']);
    expect(message.first('MSH')!.get(1)).toBe('$');
    expect(message.first('MSH')!.get(2)).toBe('%*!+');
  });

  it.each(['MSH|^^\\&|A', 'MSH|A~\\&|A', 'MSH', 'MSH|', 'PID|1', '', 'MSH\t^~\\&'])(
    'is refused where its header is %j',
    (head) => {
      expect(() => parseMessage(latin1(head))).toThrow(/MSH/);
    },
  );

  it('tells an empty field from one that is to be removed, and a truncated one keeps its mark', () => {
    const pid = parseMessage(latin1('MSH|^~\\&#|A\rPID|1||""|||long#')).first('PID')!;
    expect([pid.get(3), pid.get(4), pid.get(6), pid.get(99)]).toEqual([NULLED, undefined, 'long#', undefined]);
  });

  it.each(['\r', '\n', '\r\n'])('has segments that end with %j, blank ones left out', (end) => {
    const message = parseMessage(latin1(`${end}MSH|^~\\&|A|B${end}PID|1||||||${end}${end}OBX|1${end}${end}`));
    expect(message.segments.map(({ name }) => name)).toEqual(['MSH', 'PID', 'OBX']);
    expect(message.first('PID')!.get(7)).toBeUndefined();
  });

  it('takes a line that begins no segment for more of the one before, and says so', () => {
    const message = parseMessage(latin1('MSH|^~\\&|A\rOBX|1|TX|||first\nsecond line\rNTE|1'));
    expect(message.first('OBX')!.get(5)).toBe('first\nsecond line');
    expect(message.warnings).toEqual(['a line end within a field was not escaped']);
  });

  it('groups what follows each OBR', () => {
    const message = parseMessage(latin1('MSH|^~\\&|A\rPID|1\rOBR|1\rOBX|1\rNTE|1\rOBR|2\rOBX|2\rDG1|1\rNTE|2'));
    const names = message.groups('OBR', ['DG1']).map(({ head, rest }) => [head.get(1), ...rest.map((s) => s.name)]);
    expect(names).toEqual([
      ['1', 'OBX', 'NTE'],
      ['2', 'OBX'],
    ]);
  });

  it.each([
    ['', 'plain', 'plain', false],
    ['UNICODE UTF-8', Buffer.from('Žižka'), 'Žižka', false],
    ['8859/1', latin1('M\xfcller'), 'Müller', false],
    ['8859/1', latin1('\x80 5'), '€ 5', false],
    ['8859/2', Buffer.from([0xae, 0x69]), 'Ži', false],
    ['8859/5', Buffer.from([0xb8, 0xd2]), 'Ив', false],
    ['8859/7', Buffer.from([0xc1, 0xe1]), 'Αα', false],
    ['8859/15', Buffer.from([0xa4]), '€', false],
    ['GB 18030-2000', Buffer.from([0xd6, 0xd0]), '中', false],
    // What lies is read as what it seems to be, and flagged.
    ['', Buffer.from('Žižka'), 'Žižka', true],
    ['ASCII', latin1('M\xfcller'), 'Müller', true],
    ['UNICODE UTF-8', latin1('M\xfcller'), 'Müller', true],
    ['8859/1', Buffer.from('é'), 'Ã©', true],
    ['KLINGON', latin1('M\xfcller'), 'Müller', true],
  ])('says in MSH-18 %j how it is written (%#)', (charset, bytes, text, isFlagged) => {
    const sent = Buffer.concat([
      latin1(`MSH|^~\\&|LAB|CITY|||20251117||ORU^R01|1|P|2.5.1||||||${charset}\rOBX|1|ST|x||`),
      Buffer.from(bytes as Buffer),
    ]);
    const message = parseMessage(sent);
    expect(message.first('OBX')!.get(5)).toBe(text);
    expect(message.warnings.length > 0).toBe(isFlagged);
  });

  it('reads hexadecimal escapes in its own character set', () => {
    expect(obx5('\\XC3A9\\', 'UNICODE UTF-8').get(5)).toBe('é');
    expect(obx5('\\XE9\\', '8859/1').get(5)).toBe('é');
  });

  it.each(['utf16le', 'big endian'])('may be written in UTF-16 (%s)', (order) => {
    const bytes = Buffer.from('\ufeffMSH|^~\\&|A|B||||||1|P|2.5||||||UNICODE UTF-16\rPID|1||Ž', 'utf16le');
    if (order === 'big endian') bytes.swap16();
    expect(parseMessage(bytes).first('PID')!.get(3)).toBe('Ž');
  });

  it.each([
    ['escapes', `\\X${'41'.repeat(4_000_000)}\\${'\\F\\'.repeat(500_000)}${'\\X'.repeat(2_000_000)}`],
    ['single bytes', '\\X41\\'.repeat(4_000_000)],
    ['marks', '\\'.repeat(19_000_000)],
    ['repetitions', '~^&'.repeat(150_000)],
    ['spaces', '\\.sp9999\\'.repeat(100_000)],
  ])('that is a bomb of %s is read in seconds, not in the square of its length', (_of, value) => {
    // Of the processor: what else runs on the machine makes no bomb. Squares take minutes, what is in proportion under two seconds.
    const begun = process.cpuUsage();
    const obx = obx5(value);
    obx.get(5);
    obx.get(5, 2, 1, obx.repetitions(5));
    const { user, system } = process.cpuUsage(begun);
    expect((user + system) / 1_000).toBeLessThan(10_000);
  });

  it.each([
    ['segments', 'A00|\r'.repeat(5_000_000), '5000 segments'],
    ['fields', `OBX${'|'.repeat(19_000_000)}`, '1000 fields'],
    ['repetitions', `OBX|1|ST|x||${'~'.repeat(19_000_000)}`, '500000 fields, repetitions'],
    ['components', `OBX|1|NA|x||${'1^'.repeat(2_000_000)}`, '500000 fields, repetitions'],
    ['lines', `OBX|1|TX|x||a\r${'x y\r'.repeat(1_000_000)}`, '100000 lines'],
  ])('that is a bomb of %s is refused in less than two seconds of work', (_of, bomb, said) => {
    const bytes = latin1(`MSH|^~\\&|A\r${bomb}`);
    const begun = process.cpuUsage();
    expect(() => parseMessage(bytes)).toThrow(said);
    const { user, system } = process.cpuUsage(begun);
    expect((user + system) / 1_000).toBeLessThan(2_000);
  });

  it('may have empty lines without end', () => {
    const message = parseMessage(latin1(`MSH|^~\\&|A\r${'\r'.repeat(19_000_000)}PID|1\r\n`));
    expect(message.segments.map(({ name }) => name)).toEqual(['MSH', 'PID']);
  });

  it.each([
    ['ISO IR87', '山田'],
    ['~ISO IR87', '山田'],
    ['ASCII~ISO IR87', '山田'],
    ['ISO IR87~ASCII', '山田'],
    ['UNICODE UTF-8~ISO IR87', '山田'],
    ['ISO IR6~ISO IR87~ISO IR159', '山田'],
  ])('switches to Japanese where a repetition of MSH-18 says so: %s', (charset, text) => {
    const obx = obx5(Buffer.from('1b24423b3345441b2842', 'hex').toString('latin1'), charset);
    expect(obx.get(5)).toBe(text);
  });

  it.each([
    ['ISO IR159', '1b24284430211b2842', '丂'],
    ['ISO IR14', 'd4cf', 'ﾔﾏ'],
    // A bar and a caret stand in its bytes.
    ['~ISO IR87', '1b2442217c5e211b2842', '‖濺'.slice(0, 0)],
  ])('reads the other sets of Japanese: %s %s', (charset, hex, text) => {
    const bytes = Buffer.concat([
      latin1(`MSH|^~\\&|LAB|CITY|||20251117||ORU^R01|1|P|2.5.1||||||${charset}\rOBX|1|ST|x||`),
      Buffer.from(hex, 'hex'),
      latin1('||||||F'),
    ]);
    const message = parseMessage(bytes);
    expect(message.first('OBX')!.get(11)).toBe('F');
    expect(message.warnings).toEqual([]);
    if (text) expect(message.first('OBX')!.get(5)).toBe(text);
  });

  it('that switches between character sets without saying so is flagged', () => {
    const sent = (charset: string, text: string) =>
      parseMessage(latin1(`MSH|^~\\&|A|B|||20251117||ORU^R01|1|P|2.5.1||||||${charset}\rOBX|1|ST|x||${text}`));
    const japanese = sent('', '\x1b$B;3ED\x1b(B');
    expect([japanese.first('OBX')!.get(5), japanese.warnings.length]).toEqual(['山田', 1]);
    expect(sent('8859/1~ISO IR87', '\x1b$B;3ED\x1b(B \xfc').warnings).toHaveLength(1);
    expect(sent('~KS X 1001', '\x1b$)C1h').warnings).toHaveLength(1);
    expect(sent('8859/1~UNICODE UTF-8', 'M\xc3\xbcller').first('OBX')!.get(5)).toBe('Müller');
  });
});

describe('A batch', () => {
  const one = 'MSH|^~\\&|A\rPID|1\r';
  it('is the messages in it', () => {
    const texts = messagesIn(latin1(`FHS|^~\\&\rBHS|^~\\&\r${one}${one}BTS|2\rFTS|1\r`)).map(String);
    expect(texts).toEqual([one, one]);
  });
  it('of millions is known to be too much without work for each', () => {
    for (const name of ['MSH', 'BHS', 'FTS']) {
      const bytes = Buffer.from(`MSH|^~\\&|A\r${`${name}|\r`.repeat(4_000_000)}`);
      const begun = process.cpuUsage();
      expect(messagesIn(bytes).length).toBe(name === 'MSH' ? 10_001 : 1);
      const { user, system } = process.cpuUsage(begun);
      expect((user + system) / 1_000).toBeLessThan(2_000);
    }
  });

  it('may do without a header, and one message is itself', () => {
    expect(messagesIn(latin1(`${one}\n${one}`)).map((m) => String(m).trim())).toEqual([one.trim(), one.trim()]);
    expect(messagesIn(latin1(one)).map(String)).toEqual([one]);
    expect(messagesIn(latin1('MSH|^~\\&|MSH|\rNTE|MSH')).length).toBe(1);
  });
});

describe('The time in a header', () => {
  it('is that of the zone, and names it', () => {
    const at = Date.UTC(2025, 6, 1, 3, 4, 5);
    expect([dtm(at, 'UTC'), dtm(at, 'America/New_York'), dtm(at, 'Asia/Kolkata')]).toEqual([
      '20250701030405+0000',
      '20250630230405-0400',
      '20250701083405+0530',
    ]);
  });
});
