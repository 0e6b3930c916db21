/**
 * Who is told of an alert: the CareTeam of its patient, else that of the organization, else the inbox of the clinic; nobody else.
 * https://hl7.org/fhir/R4/careteam.html, docs/escalation.md#who-is-told
 */
import { keyOf, type Resource, referenceTo } from '../../fhir/references.ts';
import { plainQuery } from '../../search/query.ts';
import { isDeleted, type Look } from '../../store/store.ts';
import type { ChannelKind, Contact } from '../channels/channel.ts';
import { pushContacts } from '../channels/push-subscriptions.ts';
import type { Process } from './kept.ts';

export interface Recipient {
  /** `Practitioner/1`; left out for an inbox that is nobody in particular. */
  readonly reference?: string;
  readonly display?: string;
  readonly contacts: readonly Contact[];
}

export interface Group {
  /** Whose Task it becomes. */
  readonly owner: { readonly reference: string } | { readonly display: string };
  readonly recipients: readonly Recipient[];
}

export interface WhoParts {
  readonly look: Pick<Look, 'read' | 'search' | 'list' | 'get'>;
  /** `CareTeam/1` of the organization. */
  readonly team: string | undefined;
  /** Of the clinic. */
  readonly inbox: Contact | undefined;
  /** `HealthcareService/1` or `Organization/1`. */
  readonly emergency: string | undefined;
  readonly kinds: ReadonlySet<ChannelKind>;
  readonly now: number;
  /** Whether consents let somebody know of the alert. */
  readonly mayKnow: (who: string) => Promise<boolean>;
}

const told = new Set(['Practitioner', 'PractitionerRole', 'Organization']);
/** Of people, and of teams. */
const MOST_TOLD = 50;
const inboxOwner = { display: 'Inbox of the clinic' };

export async function readAll(
  references: readonly string[],
  { look }: Pick<WhoParts, 'look'>,
): Promise<readonly Resource[]> {
  const keys = references.flatMap((one) => keyOf(one) ?? []);
  const versions = keys.length === 0 ? [] : await look.read(keys);
  return versions.flatMap((one) => (one && !isDeleted(one) ? [{ ...JSON.parse(one.text), id: one.key.id }] : []));
}

const systems: Readonly<Record<string, ChannelKind>> = { email: 'email', sms: 'sms', phone: 'sms', url: 'webhook' };

/** The first address of each channel that there is; what is old or at home of a colleague is passed over. */
function contactsIn(resource: Resource | undefined, { kinds, now }: Pick<WhoParts, 'kinds' | 'now'>): Contact[] {
  const found = new Map<ChannelKind, Contact>();
  const isPatient = resource?.resourceType === 'Patient' || resource?.resourceType === 'RelatedPerson';
  const telecom: any[] = [...(resource?.['telecom'] ?? [])]
    .filter(({ use, period }: any) => use !== 'old' && (isPatient || use !== 'home') && isNow(period, now))
    .sort(
      (a: any, b: any) => (a.rank ?? 99) - (b.rank ?? 99) || Number(a.system !== 'sms') - Number(b.system !== 'sms'),
    );
  for (const { system, value } of telecom) {
    const kind = systems[system];
    // A patient is written to, never called by a program at an address of the web.
    if (kind === undefined || value === undefined || !kinds.has(kind) || (isPatient && kind === 'webhook')) continue;
    if (!found.has(kind)) found.set(kind, { kind, value });
  }
  return [...found.values()];
}

export const isNow = (period: any, now: number): boolean =>
  (period?.start === undefined || Date.parse(period.start) <= now) &&
  (period?.end === undefined || Date.parse(period.end) >= now);

export async function recipientsOf(references: readonly string[], parts: WhoParts): Promise<readonly Recipient[]> {
  const resources = await readAll(references.slice(0, MOST_TOLD), parts);
  const practitioners = await readAll(
    resources.flatMap((one) => (one.resourceType === 'PractitionerRole' ? (one['practitioner']?.reference ?? []) : [])),
    parts,
  );
  const all = await Promise.all(
    resources.map(async (resource): Promise<Recipient | undefined> => {
      const reference = `${resource.resourceType}/${resource.id}`;
      const person = practitioners.find(({ id }) => resource['practitioner']?.reference === `Practitioner/${id}`);
      if (resource['active'] === false || !(await parts.mayKnow(reference))) return undefined;
      if (person && !(await parts.mayKnow(`Practitioner/${person.id}`))) return undefined;
      const own = contactsIn(resource, parts);
      const contacts = own.length > 0 ? own : contactsIn(person, parts);
      const pushed = await pushContacts(person ? `Practitioner/${person.id}` : reference, parts.look, parts.kinds);
      return { reference, contacts: [...contacts, ...pushed] };
    }),
  );
  return all.flatMap((one) => one ?? []);
}

/** The patient, where there is a way to reach one. */
export async function patientOf({ alert: { patient } }: Process, parts: WhoParts): Promise<Recipient | undefined> {
  if (patient === undefined) return undefined;
  const [resource] = await readAll([patient], parts);
  if (resource === undefined || resource['deceasedDateTime'] || resource['deceasedBoolean']) return undefined;
  const contacts = [...contactsIn(resource, parts), ...(await pushContacts(patient, parts.look, parts.kinds))];
  return contacts.length === 0 ? undefined : { reference: patient, contacts };
}

/** Where the patient lives, in a line; undefined where nobody knows. */
export async function addressOf({ alert: { patient } }: Process, parts: WhoParts): Promise<string | undefined> {
  const [resource] = patient === undefined ? [] : await readAll([patient], parts);
  const address = resource?.['address']?.find((one: any) => one.use !== 'old' && isNow(one.period, parts.now));
  if (!address || !(address.text || address.line?.length > 0)) return undefined;
  return address.text ?? [...address.line, address.postalCode, address.city].filter(Boolean).join(', ');
}

interface Participant {
  readonly team: string;
  readonly member: string;
  readonly roles: readonly string[];
}

/** Those of a team whom a program may tell: families are members of teams too. */
const participantsOf = ({ id, participant }: Resource, now: number): readonly Participant[] =>
  ((participant ?? []) as any[]).flatMap(({ member, role, period }) => {
    const key = keyOf(member?.reference ?? '');
    if (!key || !told.has(key.type) || !isNow(period, now)) return [];
    const roles = (role ?? []).flatMap(({ coding }: any) => (coding ?? []).map(({ code }: any) => code));
    return { team: `CareTeam/${id}`, member: referenceTo(key), roles };
  });

/** Whoever has a role of the plan, and of whom nobody wrote one: that may be the doctor. */
const meantIn = (participants: readonly Participant[], roles: readonly string[]): readonly Participant[] =>
  participants.filter((one) => one.roles.length === 0 || one.roles.some((role) => roles.includes(role)));

/** Those of the teams that are told at a stage; all of them where none is meant. Undefined where there is nobody. */
async function membersOf(
  teams: readonly Resource[],
  roles: readonly string[],
  parts: WhoParts,
): Promise<Group | undefined> {
  const all = teams.map((team) => participantsOf(team, parts.now));
  const meant = roles.length === 0 ? [] : all.flatMap((participants) => meantIn(participants, roles));
  const chosen = meant.length > 0 ? meant : all.flat();
  const recipients = await recipientsOf([...new Set(chosen.map(({ member }) => member))], parts);
  const first = chosen.find(({ member }) => recipients.some(({ reference }) => reference === member));
  return first && { owner: { reference: first.team }, recipients };
}

/** All that are active, the oldest first. */
async function teamsOf(patient: string, { look }: WhoParts): Promise<readonly Resource[]> {
  const of = [
    { is: 'reference', name: 'CareTeam.subject', target: patient } as const,
    { is: 'key', name: 'CareTeam.status', first: 'active', second: '' } as const,
  ];
  const { matches } = await look.search(plainQuery('CareTeam', { is: 'all', of }, MOST_TOLD), undefined);
  const teams = matches.map(({ text, key }): Resource & { id: string } => ({ ...JSON.parse(text), id: key.id }));
  return teams.sort((a, b) => (a.id < b.id ? -1 : 1));
}

const isReachable = ({ contacts }: Recipient): boolean => contacts.length > 0;

/** Where nobody of a group has an address, the next one is told at once; the group stays named, and the Task stays its own. */
async function orNext(group: Group | undefined, next: () => Group | Promise<Group>): Promise<Group> {
  if (group?.recipients.some(isReachable)) return group;
  const { owner, recipients } = await next();
  if (!group) return { owner, recipients };
  const named = new Set(group.recipients.map(({ reference }) => reference));
  return {
    owner: group.owner,
    recipients: [...group.recipients, ...recipients.filter((one) => !named.has(one.reference))],
  };
}

const inboxOf = ({ inbox }: WhoParts): Group => ({
  owner: inboxOwner,
  recipients: inbox ? [{ ...inboxOwner, contacts: [inbox] }] : [],
});

async function organization(roles: readonly string[], parts: WhoParts): Promise<Group> {
  const teams = parts.team === undefined ? [] : await readAll([parts.team], parts);
  return orNext(await membersOf(teams, roles, parts), () => inboxOf(parts));
}

/** Doctor and nurse. */
export async function clinicians(
  { alert: { patient, wearer } }: Process,
  roles: readonly string[],
  parts: WhoParts,
): Promise<Group> {
  const whose = patient ?? wearer;
  const teams = whose === undefined ? [] : await teamsOf(whose, parts);
  return orNext(await membersOf(teams, roles, parts), () => organization(roles, parts));
}

/** All who have not been told: the rest of the patient's teams and that of the organization; the inbox beside them. */
export async function backup(process: Process, roles: readonly string[], parts: WhoParts): Promise<Group> {
  const [own, others] = await Promise.all([clinicians(process, [], parts), organization(roles, parts)]);
  const all = [...own.recipients, ...others.recipients];
  const known = [...new Map(all.map((one) => [one.reference ?? one.display, one])).values()];
  const isTold = ({ reference }: Recipient) => reference !== undefined && process.told.includes(reference);
  const fresh = known.filter((one) => !isTold(one));
  const recipients = fresh.some(isReachable) ? fresh : known;
  const isInboxNamed = recipients.some(({ display }) => display === inboxOwner.display);
  return {
    owner: others.owner,
    recipients: isInboxNamed ? recipients : [...recipients, ...inboxOf(parts).recipients],
  };
}

export async function emergency(parts: WhoParts): Promise<Group | undefined> {
  const [resource] = parts.emergency === undefined ? [] : await readAll([parts.emergency], parts);
  if (!resource) return undefined;
  const contacts = contactsIn(resource, parts);
  if (contacts.length === 0) return undefined;
  return { owner: { reference: parts.emergency! }, recipients: [{ reference: parts.emergency!, contacts }] };
}
