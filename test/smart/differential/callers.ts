/** Those who ask, as the authorization server would grant it to them. */
import type { Grant } from '../../../src/smart/grant.ts';
import { grantOf } from '../policies/world.ts';
import type { Name } from './oracle.ts';
import { A, nurse, physician } from './world.ts';

const vitals = 'http://terminology.hl7.org/CodeSystem/observation-category|vital-signs';

export const grants: Readonly<Record<Name, Grant>> = {
  patient: grantOf(A, ['patient'], 'patient/*.cruds', { patient: A.slice('Patient/'.length) }),
  nurse: grantOf(nurse, ['nurse'], 'user/*.cruds'),
  physician: grantOf(physician, ['physician'], 'user/*.rs'),
  backend: grantOf(
    'Client/backend',
    ['service'],
    `system/Observation.cruds?category=${vitals} system/Patient.rs system/Encounter.rs?status=finished`,
    { client: 'backend' },
  ),
};
