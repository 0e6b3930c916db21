/** Reads a Consent: whose record it is about, and its rules as a tree of exceptions. What it says that we do not understand is marked. https://hl7.org/fhir/R4/consent.html */
import { isPlainReference } from '../../fhir/references.ts';
import { type Interval, intervalOf, intervalOfPeriod } from '../../search/instants.ts';

export type Effect = 'deny' | 'permit';

/** A code as it is written; '' where a part is left out. */
export type Code = readonly [system: string, code: string];

/** Who is meant: what is here, by reference or by identifier. */
export interface Actor {
  readonly role: string;
  readonly reference?: string;
  readonly identifier?: Code;
}

/** All that is given must be so. A list that is there and empty had nothing in it that we understand. */
export interface Rule {
  /** Left out: it has no effect of its own, its exceptions have. */
  readonly effect?: Effect;
  /** It says something that we do not understand, so that nobody can tell whether it is meant. */
  readonly isUnclear?: true;
  readonly period?: Interval;
  readonly actors?: readonly Actor[];
  readonly purposes?: readonly Code[];
  readonly about: About;
  readonly except: readonly Rule[];
}

/** Which data, and what is done with it. */
export interface About {
  readonly actions?: readonly string[];
  /** Types of resources; '' is a class that is none. */
  readonly classes?: readonly string[];
  readonly codes?: readonly Code[];
  readonly labels?: readonly Code[];
  readonly dataPeriod?: Interval;
  readonly data?: readonly { readonly meaning: string; readonly reference: string }[];
}

export interface Paper {
  /** `Patient/1` */
  readonly patient: string;
  readonly rule: Rule;
}

/** Undefined for one that says nothing here: it is not active, not about privacy, about nobody of this server, or has no rule. */
export function paperOf(consent: any): Paper | undefined {
  if (consent.status !== 'active') return undefined;
  if (!codesIn(consent.scope?.coding).some(([, code]) => code === 'patient-privacy')) return undefined;
  const patient = plainReference(consent.patient?.reference);
  if (patient === undefined || !patient.startsWith('Patient/')) return undefined;
  const rule = ruleOfConsent(consent);
  return rule && { patient, rule };
}

const bases: Readonly<Record<string, Effect>> = { OPTIN: 'permit', OPTINR: 'permit', OPTOUT: 'deny', OPTOUTE: 'deny' };

/** `provision` is an exception to the base policy; where it has an effect and there is none, it is the policy itself. */
function ruleOfConsent({ policyRule, provision, modifierExtension, implicitRules }: any): Rule | undefined {
  const named = codesIn(policyRule?.coding).flatMap(([, code]) => bases[code] ?? []);
  const base = named.includes('deny') ? 'deny' : named[0];
  const isUnclear = modifierExtension !== undefined || implicitRules !== undefined;
  const marked = (rule: Rule): Rule => (isUnclear ? { ...rule, isUnclear } : rule);
  if (provision === undefined) return base && marked({ effect: base, about: {}, except: [] });
  const own = ruleOf(provision, effectOf(provision) ?? base);
  if (own.effect === undefined && own.except.length === 0) return undefined;
  if (base === undefined || own.effect === base) return marked(own);
  return marked({ effect: base, about: {}, except: [own] });
}

const effectOf = ({ type }: any): Effect | undefined => (type === 'deny' || type === 'permit' ? type : undefined);

function ruleOf(provision: any, effect: Effect | undefined): Rule {
  const { period, actor, purpose, action, class: classes, code, securityLabel, dataPeriod, data } = provision;
  const [during, ofData] = [intervalIn(period), intervalIn(dataPeriod)];
  const isUnclear = provision.modifierExtension !== undefined || during === 'unclear' || ofData === 'unclear';
  return {
    ...(effect && { effect }),
    ...(isUnclear && { isUnclear }),
    ...(typeof during === 'object' && { period: during }),
    ...(actor && { actors: listOf(actor).map(actorOf) }),
    ...(purpose && { purposes: listOf(purpose).map(codeOf) }),
    about: {
      ...(action && { actions: listOf(action).flatMap(({ coding }) => codesOrNone(coding).map(([, code]) => code)) }),
      ...(classes && { classes: listOf(classes).map(classOf) }),
      ...(code && { codes: listOf(code).flatMap(({ coding }) => codesOrNone(coding)) }),
      ...(securityLabel && { labels: listOf(securityLabel).map(codeOf) }),
      ...(typeof ofData === 'object' && { dataPeriod: ofData }),
      ...(data && {
        data: listOf(data).map(({ meaning, reference }) => ({
          meaning: String(meaning),
          reference: plainReference(reference?.reference) ?? '',
        })),
      }),
    },
    // An exception must say what it is; one that does not closes.
    except: listOf(provision.provision).map((one) => ruleOf(one, effectOf(one) ?? 'deny')),
  };
}

const listOf = (value: unknown): any[] => (Array.isArray(value) ? value : []);
const codeOf = ({ system = '', code = '' }: any): Code => [system, code];
const codesIn = (coding: unknown): readonly Code[] => listOf(coding).map(codeOf);
/** A concept without a code is one that we do not understand. */
const codesOrNone = (coding: unknown): readonly Code[] => {
  const codes = codesIn(coding);
  return codes.length > 0 ? codes : [['', '']];
};

const classOf = ({ system = 'http://hl7.org/fhir/resource-types', code = '' }: any): string =>
  system === 'http://hl7.org/fhir/resource-types' ? code : '';

function actorOf({ role, reference }: any): Actor {
  const [, code] = codesIn(role?.coding)[0] ?? ['', ''];
  const literal = plainReference(reference?.reference);
  const { identifier } = reference ?? {};
  return {
    role: code,
    ...(literal && { reference: literal }),
    ...(!literal && identifier?.value && { identifier: [identifier.system ?? '', identifier.value] }),
  };
}

/** `Type/id`, whatever version it names; undefined for what is not a resource of this server. Takes relative references. */
function plainReference(reference: unknown): string | undefined {
  if (typeof reference !== 'string') return undefined;
  const plain = reference.replace(/\/_history\/[^/]*$/, '');
  return isPlainReference(plain) ? plain : undefined;
}

/** One that begins or ends at what is no date is not understood. */
function intervalIn(period: any): Interval | 'unclear' | undefined {
  if (period === undefined) return undefined;
  const ends = [period.start, period.end].filter((end) => end !== undefined);
  if (ends.some((end) => intervalOf(end) === undefined)) return 'unclear';
  return intervalOfPeriod(period);
}
