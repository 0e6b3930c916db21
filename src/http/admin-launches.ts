/** The administrator's route by which an EHR opens an app with a patient. https://hl7.org/fhir/smart-app-launch/app-launch.html#launch-app-ehr-launch */
import { type RequestHandler, Router } from 'express';
import { problem } from '../fhir/outcome.ts';
import { isId } from '../fhir/references.ts';
import type { Authorization } from '../smart/authorization/authorization.ts';
import type { Clients } from '../smart/clients/clients.ts';
import { type Sees, subjectsFor } from '../smart/pages/routes/subjects.ts';
import { mayBeFor, purposeOf } from '../smart/purposes.ts';
import type { Directory } from '../smart/users/directory.ts';
import { membersOf, reply } from './admin-desk.ts';
import { visitOf } from './app.ts';
import { addressOf } from './incoming.ts';

export interface AdminLaunchesRoom {
  readonly sees: Pick<Sees, 'accessFor' | 'dispatch' | 'base'>;
  readonly authorization: Pick<Authorization, 'launch'>;
  readonly clients: Pick<Clients, 'find'>;
  readonly users: Pick<Directory, 'read'>;
}

const members = ['client_id', 'user', 'patient', 'encounter', 'intent', 'purposeOfUse', 'need_patient_banner'];

function textOf(value: unknown, member: string): string {
  if (typeof value !== 'string' || value === '' || value.length > 200)
    throw problem('value', `${member} must be text of 1 to 200 characters`);
  return value;
}

/** `7` of `7` or `Patient/7`. */
function idOf(value: unknown, type: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  const text = textOf(value, type.toLowerCase());
  const id = text.startsWith(`${type}/`) ? text.slice(type.length + 1) : text;
  if (!isId(id)) throw problem('value', `${type.toLowerCase()} must be an id`);
  return id;
}

/** Below `/admin`, whose router lets the administrator alone through. */
export function adminLaunchesRouter({ authorization, clients, users, sees }: AdminLaunchesRoom): RequestHandler {
  const router = Router({ caseSensitive: true });

  router.post('/launches', async (request, response) => {
    const asked = await membersOf(request);
    const unknown = Object.keys(asked).filter((member) => !members.includes(member));
    if (unknown.length > 0)
      throw problem(
        'value',
        `a launch has no ${unknown.slice(0, 5).join(', ').slice(0, 200)}; it has ${members.join(', ')}`,
      );
    const client = await clients.find(textOf(asked.client_id, 'client_id'));
    if (!client) throw problem('value', 'client_id must be of a client that is active');
    if (!client.metadata.grant_types.includes('authorization_code'))
      throw problem('value', 'client_id must be of an app that users sign in to, by the grant type authorization_code');
    const user = await users.read(textOf(asked.user, 'user'));
    if (user.disabled !== undefined) throw problem('value', 'user must not be disabled');
    const patient = idOf(asked.patient, 'Patient');
    const encounter = idOf(asked.encounter, 'Encounter');
    if (encounter !== undefined && patient === undefined)
      throw problem('value', 'encounter must come with the patient that it is of');
    const purposeOfUse = asked.purposeOfUse == null ? undefined : textOf(asked.purposeOfUse, 'purposeOfUse');
    if (purposeOfUse !== undefined && !mayBeFor(client, purposeOfUse))
      throw problem('value', 'purposeOfUse must be one that the client is registered for, by purpose_of_use');
    const purpose = purposeOf(client, user.roles, purposeOfUse);
    const subjects = subjectsFor({ ...sees, visitOf, addressOf }, user, request, response, purpose);
    if (patient !== undefined && !(await subjects.patient(patient)))
      throw problem('value', `patient must be one whom ${user.login} may see`);
    if (encounter !== undefined && !(await subjects.encounter(patient!, encounter)))
      throw problem('value', `encounter must be one of this patient that ${user.login} may see`);
    const banner = asked.need_patient_banner ?? true;
    if (typeof banner !== 'boolean') throw problem('value', 'need_patient_banner must be true or false');
    const deed = {
      interaction: 'admin-launch-create',
      action: 'C',
      status: 201,
      target: `Client/${client.clientId}`,
      ...(patient !== undefined && { patients: `Patient/${patient}` }),
    };
    const launch = await authorization.launch(
      {
        client: client.clientId,
        user: user.login,
        patient,
        encounter,
        ...(asked.intent != null && { intent: textOf(asked.intent, 'intent') }),
        purposeOfUse,
        needPatientBanner: banner,
      },
      [visitOf(response).row(deed)],
    );
    reply(request, response, 201, { launch });
  });
  return router;
}
