/** Renders a row of the trail as AuditEvent, in the shape of IHE BALP. https://profiles.ihe.net/ITI/BALP */
import type { Resource } from '../fhir/references.ts';
import type { StoredAuditRow } from '../store/store.ts';

const DCM = 'http://dicom.nema.org/resources/ontology/DCM';
const source = { system: DCM, code: '110153', display: 'Source Role ID' };
const destination = { system: DCM, code: '110152', display: 'Destination Role ID' };
const application = { system: DCM, code: '110150', display: 'Application' };
const custodian = {
  system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type',
  code: 'custodian',
  display: 'Custodian',
};
const entityType = (code: string) => ({ system: 'http://terminology.hl7.org/CodeSystem/audit-entity-type', code });
const entityRole = (code: string) => ({ system: 'http://terminology.hl7.org/CodeSystem/object-role', code });
const rest = {
  system: 'http://terminology.hl7.org/CodeSystem/audit-event-type',
  code: 'rest',
  display: 'RESTful Operation',
};

/** Ids of the server's own AuditEvents begin with it. */
export const ownPrefix = 'trail-';
const trailId = (sequence: number): string => `${ownPrefix}${sequence}`;
/** The row that an id names, or undefined when it is the id of a stored AuditEvent. */
export const sequenceOf = (id: string): number | undefined =>
  /^trail-[1-9]\d{0,15}$/.test(id) ? Number(id.slice(ownPrefix.length)) : undefined;

function roles(action: string) {
  if (action === 'R') return [destination, source];
  return action === 'D' ? [application, custodian] : [source, destination];
}

function outcomeOf(status: number): string {
  if (status < 400) return '0';
  return status < 500 ? '4' : '8';
}

const profileOf: Readonly<Record<string, string>> = { C: 'Create', R: 'Read', U: 'Update', D: 'Delete' };

/** BALP's profile, where the event has the entity that it demands: what was queried, or what else was done to which resource. */
function kindOf(action: string, hasPatient: boolean, isQuery: boolean, hasTarget: boolean): string | undefined {
  const kind = action === 'E' ? (isQuery ? 'Query' : undefined) : hasTarget ? profileOf[action] : undefined;
  return kind && `${hasPatient ? 'Patient' : ''}${kind}`;
}

const isReference = (text: string) => /^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/.test(text);

/** A client of the authorization server, which is no resource. */
const isOurs = (target: string) => target.startsWith('Client/');

/** What a caller is in a resource: a reference where it names one, else a name that can be searched; with its key or identifier. */
function callerIs({ who, key }: StoredAuditRow, canonical: string) {
  const identifier = key !== '' && { system: `${canonical}/sid/api-key`, value: key };
  if (/^(Device|Practitioner|PractitionerRole|Patient|RelatedPerson|Organization)\//.test(who))
    return { who: { reference: who, ...(identifier && { identifier }) } };
  return { who: { identifier: identifier || { system: `${canonical}/sid/client`, value: who } }, name: who };
}

/** https://hl7.org/fhir/R4/codesystem-restful-interaction.html */
const restful = new Set(
  (
    'read vread update patch delete history history-instance history-type history-system create search search-type ' +
    'search-system capabilities transaction batch operation'
  ).split(' '),
);
/** Doors other than FHIR's have codes of our own. */
const codingOf = (interaction: string, canonical: string) =>
  restful.has(interaction)
    ? { system: 'http://hl7.org/fhir/restful-interaction', code: interaction }
    : { system: `${canonical}/CodeSystem/audit-interaction`, code: interaction };

/** `server` names this server to those who read the trail. */
export function auditEvent(row: StoredAuditRow, canonical: string, server: string): Resource {
  const [client, own] = roles(row.action);
  const patients = row.patients.split(' ').filter(Boolean);
  const targets = row.target.split(' ').filter(isReference);
  const isQuery = row.interaction.startsWith('search-') || row.query !== '';
  const kind = kindOf(row.action, patients.length > 0, isQuery, targets.length > 0);
  const recorded = new Date(row.at).toISOString();
  return {
    resourceType: 'AuditEvent',
    id: trailId(row.sequence),
    meta: {
      versionId: '1',
      lastUpdated: recorded,
      ...(kind && { profile: [`https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.${kind}`] }),
    },
    type: rest,
    subtype: [codingOf(row.interaction, canonical)],
    action: row.action,
    recorded,
    outcome: outcomeOf(row.status),
    outcomeDesc: row.reason ? `${row.status} ${row.reason}` : String(row.status),
    agent: [
      {
        type: { coding: [client] },
        ...callerIs(row, canonical),
        requestor: true,
        network: { address: row.address || 'unknown', type: '2' },
      },
      {
        type: { coding: [own] },
        who: { identifier: { value: server } },
        requestor: false,
        network: { address: server, type: '1' },
      },
    ],
    source: {
      observer: { identifier: { value: server } },
      type: [{ system: 'http://terminology.hl7.org/CodeSystem/security-source-type', code: '4' }],
    },
    entity: [
      {
        what: { identifier: { value: row.requestId } },
        type: { system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType', code: 'XrequestId' },
      },
      ...targets.map((target) => ({
        what: isOurs(target)
          ? { identifier: { system: `${canonical}/sid/client`, value: target } }
          : { reference: target },
        type: entityType('2'),
        role: entityRole(row.action === 'C' ? '4' : '3'),
      })),
      ...(isQuery
        ? [
            {
              type: entityType('2'),
              role: entityRole('24'),
              query: Buffer.from(row.query === '' ? row.target : `${row.target}?${row.query}`).toString('base64'),
            },
          ]
        : []),
      ...patients.map((reference) => ({ what: { reference }, type: entityType('1'), role: entityRole('1') })),
    ],
  };
}
