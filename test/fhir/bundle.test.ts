import { describe, expect, it } from '@jest/globals';
import { withLinks } from '../../src/fhir/bundle.ts';

const uuid = 'urn:uuid:00000000-0000-4000-8000-000000000001';
const links = new Map([[uuid, 'Patient/1']]);
const relinked = (resource: object) => JSON.parse(withLinks(JSON.stringify(resource), links));
const narrative = (div: string) => relinked({ text: { status: 'additional', div } }).text.div;

describe('links to an entry of the same Bundle', () => {
  it('are replaced in references, uris and canonicals, with their versions kept', () => {
    expect(
      relinked({
        subject: { reference: uuid },
        extension: [{ url: 'urn:x', valueUri: `${uuid}/_history/2` }],
        note: [{ text: uuid }],
        url: 'urn:x:\u2028',
      }),
    ).toEqual({
      subject: { reference: 'Patient/1' },
      extension: [{ url: 'urn:x', valueUri: 'Patient/1/_history/2' }],
      note: [{ text: uuid }],
      url: 'urn:x:\u2028',
    });
  });

  it('are replaced in the links and images of a narrative, however they are quoted and spaced', () => {
    expect(narrative(`<div><a href="${uuid}">a</a> <img alt="x" src='${uuid}'/></div>`)).toBe(
      `<div><a href="Patient/1">a</a> <img alt="x" src='Patient/1'/></div>`,
    );
    expect(narrative(`<div><a\n\ttitle="\u00e9"\n href = "${uuid}/_history/2">a</a></div>`)).toBe(
      `<div><a\n\ttitle="\u00e9"\n href = "Patient/1/_history/2">a</a></div>`,
    );
  });

  it('are left as they are in what a narrative only says, and outside of narratives', () => {
    const said = `<div><p title="${uuid}">href="${uuid}"</p><a href="#x" id="${uuid}">${uuid}</a></div>`;
    expect(narrative(said)).toBe(said);
    const note = { note: [{ text: `"div":"<a href="${uuid}">` }] };
    expect(relinked(note)).toEqual(note);
    const other = `<div><a href="urn:uuid:00000000-0000-4000-8000-000000000002">a</a></div>`;
    expect(narrative(other)).toBe(other);
  });

  it('are found in a narrative of a megabyte, and no narrative takes long', () => {
    const link = `<a href="${uuid}">a</a>`;
    const long = `<div>${link.repeat(16_000)}</div>`;
    expect(narrative(long)).toBe(`<div>${'<a href="Patient/1">a</a>'.repeat(16_000)}</div>`);
    for (const part of ['<a ', ' href="', "<a href='", 'href = ', '<img src']) {
      const started = performance.now();
      narrative(`<div><a ${part.repeat(1_000_000 / part.length)}`);
      expect([part, performance.now() - started < 1_000]).toEqual([part, true]);
    }
  });
});
