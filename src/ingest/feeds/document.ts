/** What `maker.json` of a folder under mappings/ may say about a maker: where it is asked, how its pages follow, and what its fields mean. docs/add-a-maker.md */
import type { MakerAuth, MakerLimits } from '../../outbound/maker.ts';
import type { ImplantType } from '../implants/told.ts';

/** Members of an object below each other, `.` between them: `device.model`. */
export type Path = string;

/** A field whose words are the maker's. What is not listed is `otherwise`; without one the row is kept aside. */
export interface Words<Ours extends string = string> {
  readonly path: Path;
  readonly values: Readonly<Record<string, Ours>>;
  readonly otherwise?: Ours;
}

export type Paging =
  /** The body holds at `next` what is sent back as `name`; null or nothing at the end. */
  | { readonly style: 'cursor'; readonly next: Path; readonly name: string }
  /** The Link header with rel="next" leads on. https://www.rfc-editor.org/rfc/rfc8288 */
  | { readonly style: 'link' }
  /** `name` counts rows; the end is a page with fewer rows than were asked for. */
  | { readonly style: 'offset'; readonly name: string }
  /** `name` counts pages, beginning with `first`, 1 where left out; the end is as with `offset`. */
  | { readonly style: 'page'; readonly name: string; readonly first?: number }
  | { readonly style: 'none' };

export interface Endpoint {
  /** `{patientId}`, `{deviceId}`, `{alertId}` and `{transmissionId}` are filled in. */
  readonly path: string;
  readonly method?: 'GET' | 'POST' | 'PUT';
  /** Where the rows stand; '' where the body is the list. */
  readonly items?: Path;
  readonly page?: Paging;
  readonly limit?: { readonly name: string; readonly value: number };
  /** Name under which the beginning of the window is asked for, in the date style `dates.ask`. */
  readonly from?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly idempotencyHeader?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

export interface Dates {
  /** `iso`: with `T`; `compact`: 20251117T031000; `epoch-ms` and `epoch-s`: numbers. */
  readonly style: 'iso' | 'compact' | 'epoch-ms' | 'epoch-s';
  /** How the beginning of a window is written; `style` where left out. */
  readonly ask?: Dates['style'];
  /** Times without a zone: kept aside, or of this offset: `Z`, `+01:00`. */
  readonly naive: 'quarantine' | string;
}

export interface Cadence {
  readonly everyMinutes: number;
  /** Two readings further apart than this have a gap between them. */
  readonly missingAfterMinutes: number;
}

export interface MakerDocument {
  /** Name of the folder; settings are called after it: `boston-scientific` is `BOSTON_SCIENTIFIC_BASE_URL`. */
  readonly name: string;
  readonly manufacturer: string;
  /** The first that the stored credential suffices for is used. */
  readonly auth: readonly MakerAuth[];
  readonly limits?: Partial<MakerLimits>;
  /** Readings are asked for again from so long before the newest one that is known. */
  readonly overlapHours: number;
  /** A device of which the maker says nothing new is asked all the same so often, and then looked back on so far. */
  readonly recheck: { readonly everyHours: number; readonly lookBackHours: number };
  readonly dates: Dates;
  /** Numbers that come as text, `"72"`, and with a comma, `"3,02"`. */
  readonly decimals: { readonly text: 'accept' | 'quarantine'; readonly comma: 'accept' | 'quarantine' };
  readonly endpoints: {
    readonly patients: Endpoint;
    readonly devices: Endpoint;
    readonly readings: Endpoint;
    readonly alerts?: Endpoint;
    readonly status?: Endpoint;
    readonly acknowledge?: Endpoint;
    /** The report of a transmission that a reading names (`reading.transmission`). */
    readonly report?: Endpoint;
  };
  readonly patient: {
    readonly id: Path;
    readonly family?: Path;
    readonly given?: readonly Path[];
    readonly birthDate?: Path;
    readonly gender?: Words<'male' | 'female' | 'other' | 'unknown'>;
    readonly identifiers?: readonly { readonly path: Path; readonly system?: string; readonly type?: string }[];
    /** Changes whenever anything about the patient's devices does: while it stays, they are not asked. */
    readonly changed?: Path;
  };
  readonly device: {
    readonly id: Path;
    readonly serial: Path;
    readonly model: Path;
    readonly type: Words<ImplantType>;
    readonly implanted?: Path;
    readonly explanted?: Path;
    readonly status: Words<'active' | 'inactive' | 'unknown'>;
    readonly lastContact?: Path;
    readonly changed?: Path;
    readonly udi?: {
      /** The device identifier (DI), and the whole as it is written on the label. */
      readonly deviceIdentifier?: Path;
      readonly carrier?: Path;
      /** Who issues it: the maker's words to URLs, such as http://hl7.org/fhir/NamingSystem/gs1-di. */
      readonly issuer?: Words;
    };
    /** Of a home monitor: the maker's id of the implant that it speaks for. */
    readonly parent?: Path;
    readonly leads?: {
      readonly path: Path;
      readonly model?: Path;
      readonly serial?: Path;
      readonly manufacturer?: Path;
      readonly chamber?: Words;
      /** `bipolar`, `unipolar`: what is not listed is told as the maker says it. */
      readonly polarity?: Words;
      readonly implanted?: Path;
    };
  };
  readonly status?: {
    readonly status?: Words<'active' | 'inactive' | 'unknown'>;
    readonly lastContact?: Path;
    readonly connected?: Words<'connected' | 'disconnected' | 'not-applicable'>;
  };
  readonly reading: {
    readonly id?: Path;
    readonly device?: Path;
    readonly kind: Path;
    readonly channel?: Words;
    readonly value: Path;
    readonly unit?: Path;
    readonly at: Path;
    /** The maker's id of the transmission that it came with, where that has a report. */
    readonly transmission?: Path;
    /** The maker's word -> ours (kinds.ts), or a kind that we do not have, by its MDC code. */
    readonly kinds: Readonly<Record<string, string | { readonly kind: string; readonly code: string }>>;
    /** By kind: the maker's words for values that are codes -> ours, such as BOS, MOS, RRT, EOS of battery_status. */
    readonly codes?: Readonly<Record<string, Readonly<Record<string, string>>>>;
    /** An electrogram beside the value: numbers, so many a second. */
    readonly strip?: { readonly path: Path; readonly samples: Path; readonly hertz: Path; readonly unit?: Path };
    /** Unit of a kind where the rows name none. */
    readonly unitOf?: Readonly<Record<string, string>>;
  };
  /** The maker's spelling -> UCUM; `shift` moves the decimal point to the right. */
  readonly units: Readonly<Record<string, string | { readonly code: string; readonly shift: number }>>;
  readonly alert?: {
    readonly id: Path;
    readonly device?: Path;
    readonly code: Path;
    readonly severity: Words<'critical' | 'warning' | 'info'>;
    readonly message: Path;
    readonly at: Path;
    /** A boolean, or one of `acknowledgedWords`. */
    readonly acknowledged: Path;
    readonly acknowledgedWords?: readonly string[];
    readonly kinds: Readonly<Record<string, string>>;
    readonly otherwise: string;
  };
  /** Where things stand in the answer of `endpoints.report`. Without it the body is the PDF itself. */
  readonly report?: {
    /** In base64. */
    readonly pdf: Path;
    /** The same transmission as an HL7 message: kept, and held against the device by its PID-3. */
    readonly hl7?: Path;
    /** The maker's id of the device, which must be the one whose reading named it. */
    readonly device?: Path;
    readonly title?: Path;
  };
  readonly cadence?: Readonly<Record<string, Cadence>>;
}
