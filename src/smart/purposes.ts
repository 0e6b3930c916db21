/** What data are used for, as a token says it: by the launch, by the registration of the app, else by the user's role. http://terminology.hl7.org/CodeSystem/v3-ActReason */
import type { Client } from './clients/client.ts';

/** PurposeOfUse of v3-ActReason and what stands below it. */
export const purposesOfUse: readonly string[] = [
  ...['TREAT', 'CAREMGT', 'CLINTRCH', 'COC', 'ETREAT', 'BTG', 'POPHLTH'],
  ...['HPAYMT', 'CLMATTCH', 'COVAUTH', 'COVERAGE', 'ELIGDTRM', 'ELIGVER', 'ENROLLM', 'MILDCRG', 'REMITADV'],
  ...['HOPERAT', 'DONAT', 'FRAUD', 'GOV', 'HACCRED', 'HCOMPL', 'HDECD', 'HDIRECT', 'HDM', 'HLEGAL'],
  ...['HOUTCOMS', 'HPRGRP', 'HQUALIMP', 'HSYSADMIN', 'LABELING', 'MEMADMIN', 'METAMGT', 'MILCDM', 'PATADMIN'],
  ...['PATSFTY', 'PERFMSR', 'RECORDMGT', 'SYSDEV', 'HTEST', 'TRAIN'],
  ...['HRESCH', 'BIORCH', 'CLINTRCHNPC', 'CLINTRCHPC', 'PRECLINTRCH', 'DSRCH', 'POARCH', 'TRANSRCH'],
  ...['HMARKT', 'PATRQT', 'FAMRQT', 'PWATRNY', 'SUPNWK', 'PUBHLTH', 'DISASTER', 'THREAT'],
];

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
