/** Every page of the sign-in with example data: what the tests look at, full and empty, as it should be and after a failure. */
import { type AllowedApp, apps } from '../../../src/smart/pages/apps.ts';
import { chooseEncounter, choosePatient, type PatientRow } from '../../../src/smart/pages/choose.ts';
import { type AskedScope, consent } from '../../../src/smart/pages/consent.ts';
import { failed, goingOn, signedOut } from '../../../src/smart/pages/failed.ts';
import { type SecurityPage, security } from '../../../src/smart/pages/security.ts';
import { recoveryCodes, setUpCodes } from '../../../src/smart/pages/set-up.ts';
import { secondFactor, signIn } from '../../../src/smart/pages/sign-in.ts';

export const HOSTILE = '"><img src=x onerror=alert(1)><script>alert(1)</script>\u202Egnp.exe';

const csrf = 'a-token-of-the-form';
const action = '/here';
const app = 'Growth Chart';
const who = 'Dr. Ada Lindqvist (ada)';
const account = { open: 'Security', csrf, who };
const minute = 60_000;
const now = Date.UTC(2026, 10, 28, 21, 30);

const patients: readonly PatientRow[] = [
  {
    id: 'p1',
    name: 'Berg, Elin Margareta',
    birthDate: '1948-03-09',
    gender: 'female',
    identifier: 'MRN 19480309-2384',
  },
  { id: 'p2', name: 'Berg, Elin', birthDate: '2016-11-30', gender: 'female', identifier: 'MRN 20161130-0041' },
  {
    id: 'p3',
    name: 'Müller-Lüdenscheidt, Karl-Friedrich Wolfgang Amadeus',
    birthDate: '',
    gender: 'male',
    identifier: '',
  },
  {
    id: 'p4',
    name: '',
    birthDate: '1999',
    gender: '',
    identifier: 'urn:oid:2.16.840.1.113883.19.5.99999.1.2.3.4.5.6.7.8.9.10-0000000000000012',
  },
];

const scopes: readonly AskedScope[] = [
  { scope: 'patient/Patient.rs', words: 'See the patient’s name, birth date and address', kind: 'read' },
  {
    scope: 'patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs',
    words: 'See the patient’s measurements, only vital signs',
    kind: 'read',
  },
  { scope: 'patient/Condition.rs', words: 'See the patient’s conditions', kind: 'read' },
  {
    scope: 'patient/QuestionnaireResponse.cu',
    words: 'Add and change the patient’s answers to questionnaires',
    kind: 'write',
  },
  { scope: 'openid', words: 'Know that it is you', kind: 'identity' },
  { scope: 'fhirUser', words: 'Know your own record here', kind: 'identity' },
  { scope: 'offline_access', words: 'Keep access for 90 days when you are not there', kind: 'lasting' },
];

const allowed: readonly AllowedApp[] = [
  {
    id: 'g1',
    name: app,
    since: now - 4_000 * minute,
    until: now + 90_000 * minute,
    patients: ['Elin Berg', 'Nils Berg'],
    words: scopes.map(({ words }) => words),
  },
  {
    id: 'g2',
    name: 'Ward round',
    since: now - 90 * minute,
    patients: [],
    words: ['See everything about every patient that you may see'],
  },
];

const settings: SecurityPage = {
  csrf,
  who,
  login: 'ada',
  shortest: 12,
  hasPassword: true,
  hasCodes: true,
  recoveryLeft: 1,
  passkeys: [{ id: 'k1', name: 'Laptop', since: now - 10_000 * minute }],
  sessions: [
    { id: 's1', isThis: true, since: now - 30 * minute, seen: now, from: '10.0.0.7, Firefox' },
    { id: 's2', isThis: false, since: now - 300 * minute, seen: now - 12 * minute, from: '10.0.0.9, Safari' },
  ],
};

const choosing = { action, csrf, app, who, search: '/search', more: '/more' };
const passkey = { options: '/options', action: '/passkey' };
const proving = { action, csrf, app, handle: 'a-handle' };
const nothing = { name: '', birthdate: '', identifier: '' };
const uri = 'otpauth://totp/Watchfire:ada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Watchfire';

/** By name; each the whole text of a page. */
export const examples: Readonly<Record<string, string>> = {
  'sign-in': signIn({ action, csrf, app, passkey, providers: [{ name: 'St. Anna Hospital', href: '/provider' }] }),
  'sign-in-failed': signIn({
    action,
    csrf,
    app,
    login: 'ada',
    failed: { password: 'User name or password is not right.' },
  }),
  'sign-in-held': signIn({
    action,
    csrf,
    login: 'ada',
    failed: { whole: 'Too many attempts from here. Try again in 40 seconds.' },
  }),
  'second-factor': secondFactor({ ...proving, offers: { codes: true, recovery: true, passkey } }),
  'second-factor-passkey': secondFactor({ ...proving, offers: { codes: false, recovery: true, passkey } }),
  'second-factor-failed': secondFactor({
    ...proving,
    offers: { codes: true, recovery: false },
    fault: 'That code is not right, or no longer.',
  }),
  'recovery-code': secondFactor({ ...proving, offers: { codes: true, recovery: true }, isRecovery: true }),
  'choose-patient': choosePatient({ ...choosing, asked: nothing, rows: patients, next: 'a-token' }),
  'choose-patient-none': choosePatient({
    ...choosing,
    asked: { ...nothing, name: 'Nobody', birthdate: '1900-01-01' },
    rows: [],
    faults: { birthdate: 'Give the date as year, month and day.' },
  }),
  'choose-encounter': chooseEncounter({
    ...choosing,
    patient: 'Elin Berg',
    rows: [
      { id: 'e1', kind: 'Inpatient stay', status: 'in progress', period: 'since 2026-11-20' },
      { id: 'e2', kind: '', status: 'finished', period: '2026-02-11' },
    ],
    isLater: true,
  }),
  'choose-encounter-none': chooseEncounter({ ...choosing, patient: 'Elin Berg', rows: [] }),
  consent: consent({ action, csrf, app, returnsTo: 'https://growth.example', who, patient: 'Elin Berg', scopes }),
  'consent-encounter': consent({
    action,
    csrf,
    app,
    returnsTo: 'com.example.growth:',
    who,
    patient: 'Elin Berg',
    encounter: 'Inpatient stay, since 2026-11-20',
    scopes: scopes.slice(0, 1),
    failed: 'Nothing was ticked. Tick what you allow, or deny.',
  }),
  'consent-hostile': consent({
    action,
    csrf,
    app: HOSTILE,
    returnsTo: 'https://evil.example',
    who: HOSTILE,
    patient: HOSTILE,
    scopes: [{ scope: HOSTILE, words: HOSTILE, kind: 'read' }],
  }),
  apps: apps({ csrf, who, apps: allowed, done: 'Ward round is shut out.' }),
  'apps-none': apps({ csrf, who, apps: [] }),
  security: security(settings),
  'security-bare': security({
    ...settings,
    hasCodes: false,
    passkeys: undefined,
    faults: { current: 'That is not your password.' },
    done: 'Everything else is as it was.',
  }),
  'set-up-codes': setUpCodes({
    action,
    csrf,
    account,
    key: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
    uri,
    fault: 'That code is not right.',
  }),
  'set-up-codes-first': setUpCodes({ action, csrf, app, handle: 'a-handle', key: 'JBSWY3DPEHPK3PXP', uri }),
  'recovery-codes': recoveryCodes({
    account,
    onward: '/onward',
    codes: Array.from({ length: 10 }, (_, i) => `k7qd-${1000 + 37 * i}-m2xw-9abc-defg-hjkm`),
  }),
  failed: failed({
    words: 'The app asked to be answered at an address that is not registered for it. You are not sent there.',
    code: 'invalid_redirect_uri',
    requestId: '0199-7c1e',
  }),
  'signed-out': signedOut(),
};
/** Left out above, as it leaves at once. */
export const leaving = goingOn('/elsewhere', app);
