/** What came over a wire is kept as it came, and named by what was made of it. https://hl7.org/fhir/R4/documentreference.html */
import { hash } from 'node:crypto';
import type { Entry } from '../../interactions/interaction.ts';
import { asNew, clean, filled, put, stableId } from './entries.ts';

export interface Raw {
  /** `boston-scientific`, `hl7v2`, `iot-files`, `mqtt` */
  readonly feed: string;
  /** Unique within the feed: the same thing sent twice has the same. */
  readonly id: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
  /** When it came, in milliseconds. */
  readonly received: number;
  readonly name?: string;
}

/** MongoDB stores documents of 16 MB at most, and base64 is a third longer: what is larger is kept in parts. */
const PART = 8 * 1024 * 1024;

/** The id of the DocumentReference of what a feed calls so. */
export const rawReference = ({ feed, id }: Pick<Raw, 'feed' | 'id'>): string =>
  `DocumentReference/${stableId(0, 'raw', feed, id)}`;

export interface KeptRaw {
  readonly reference: string;
  /** A DocumentReference with hash and size, and its Binary; of more than 8 MiB one for each part, in order. */
  readonly entries: readonly Entry[];
}

/** Refused with 412 where the feed has brought it before. */
export function rawEntries(
  raw: Raw,
  canonical: string,
  about: { readonly patient?: string; readonly device?: string } = {},
): KeptRaw {
  const reference = rawReference(raw);
  const { feed, bytes, received } = raw;
  const date = new Date(received).toISOString();
  const contentType = clean(raw.contentType, 200) ?? 'application/octet-stream';
  const count = Math.max(1, Math.ceil(bytes.length / PART));
  const parts = Array.from({ length: count }, (_, i) => {
    const part = Buffer.from(bytes.buffer, bytes.byteOffset + i * PART, Math.min(PART, bytes.length - i * PART));
    return { id: stableId(0, 'raw', feed, raw.id, i), part };
  });
  const title = clean(raw.name, 250);
  const document = filled({
    resourceType: 'DocumentReference',
    id: reference.slice('DocumentReference/'.length),
    identifier: [{ system: `${canonical}/sid/raw/${feed}`, value: clean(raw.id, 500) ?? '-' }],
    status: 'current',
    type: { text: 'As received' },
    subject: about.patient === undefined ? undefined : { reference: about.patient },
    date,
    content: parts.map(({ id, part }, i) => ({
      attachment: filled({
        contentType,
        url: `Binary/${id}`,
        size: part.length,
        hash: hash('sha1', part, 'base64'),
        title: count === 1 ? title : `${title ?? 'As received'} (part ${i + 1} of ${count})`,
        creation: date,
      }),
    })),
    context: about.device === undefined ? undefined : { related: [{ reference: about.device }] },
  });
  const binaries = parts.map(({ id, part }) =>
    // Nothing came: R4 has no empty base64.
    put(filled({ resourceType: 'Binary', id, contentType, data: part.toString('base64') || undefined }), asNew),
  );
  return { reference, entries: [...binaries, put(document, asNew)] };
}
