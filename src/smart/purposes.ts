/** What data are used for, as a token says it: by the launch, by the registration of the app, else by the user's role. http://terminology.hl7.org/CodeSystem/v3-ActReason */
import type { Client } from './clients/client.ts';

/** What stands below PurposeOfUse in R4; CAREMGT, CLINTRCH and HPRGRP below TREAT too, as in later editions. */
const below: Readonly<Record<string, readonly string[]>> = {
  PurposeOfUse: ['TREAT', 'HPAYMT', 'HOPERAT', 'HRESCH', 'HMARKT', 'PATRQT', 'PUBHLTH'],
  TREAT: ['CAREMGT', 'CLINTRCH', 'CLINTRL', 'COC', 'ETREAT', 'HPRGRP', 'POPHLTH'],
  ETREAT: ['BTG', 'ERTREAT'],
  HPAYMT: ['CLMATTCH', 'COVAUTH', 'COVERAGE', 'REMITADV'],
  COVERAGE: ['ELIGDTRM', 'ELIGVER', 'ENROLLM', 'MILDCRG'],
  HOPERAT: [
    ...['CAREMGT', 'DONAT', 'FRAUD', 'GOV', 'HACCRED', 'HCOMPL', 'HDECD', 'HDIRECT', 'HDM', 'HLEGAL', 'HOUTCOMS'],
    ...['HPRGRP', 'HQUALIMP', 'HSYSADMIN', 'MEMADMIN', 'MILCDM', 'PATADMIN', 'PATSFTY', 'PERFMSR', 'RECORDMGT'],
    ...['SYSDEV', 'TRAIN'],
  ],
  HSYSADMIN: ['LABELING', 'METAMGT'],
  SYSDEV: ['HTEST'],
  HRESCH: ['BIORCH', 'CLINTRCH', 'DSRCH', 'POARCH', 'TRANSRCH'],
  CLINTRCH: ['CLINTRCHNPC', 'CLINTRCHPC', 'PRECLINTRCH'],
  PATRQT: ['FAMRQT', 'PWATRNY', 'SUPNWK'],
  PUBHLTH: ['DISASTER', 'THREAT'],
};

/** PurposeOfUse of v3-ActReason and what stands below it. */
export const purposesOfUse: readonly string[] = [...new Set(Object.values(below).flat())];

/** Whether a purpose is the other one, or a kind of it. */
export const isPurposeOf = (purpose: string, other: string): boolean =>
  purpose === other || (below[other] ?? []).some((kind) => isPurposeOf(purpose, kind));

const byRole: readonly (readonly [role: string, purpose: string])[] = [
  ['nurse', 'TREAT'],
  ['physician', 'TREAT'],
  ['cardiologist', 'TREAT'],
  ['patient', 'PATRQT'],
];

/** `named`: by the launch. Of several that are registered the first is meant where nobody says otherwise. */
export const purposeOf = (
  client: Pick<Client, 'purposesOfUse'> | undefined,
  roles: readonly string[],
  named?: string,
): string | undefined => named ?? client?.purposesOfUse?.[0] ?? byRole.find(([role]) => roles.includes(role))?.[1];

/** Whether a launch may say so of the client. */
export const mayBeFor = ({ purposesOfUse: registered }: Pick<Client, 'purposesOfUse'>, purpose: string): boolean =>
  registered?.includes(purpose) === true;
