/** What a user's sign-in and choices add to a grant: who, which patient, how the app was launched. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#launch-context-arrives-with-your-access_token */
import type { Bound } from '../users/sessions.ts';

/** Kept with the grant; carried by each token that comes of it. */
export interface LaunchContext {
  readonly type: 'smart-launch';
  /** Login. */
  readonly user: string;
  /** The user's epoch when it was granted: once it rises, the grant is worth nothing. */
  readonly epoch: number;
  /** `Practitioner/7`. */
  readonly fhirUser: string;
  /** Ids. */
  readonly patient?: string;
  readonly encounter?: string;
  readonly intent?: string;
  /** As the launch said it; where it said none, the token's purpose follows the registration and the roles as they are. */
  readonly purposeOfUse?: string;
  readonly needPatientBanner: boolean;
  /** Of `online_access`: the session that it ends with. */
  readonly session?: string;
}

/** The session that what was granted ends with; undefined where it ends with none. */
export const boundTo = ({ session, user, epoch }: LaunchContext): Bound | undefined =>
  session === undefined ? undefined : { session, user, epoch };

/** Carried in the one member of oidc-provider's grants that is free for what was authorized besides scopes. */
export interface CarriesContext {
  readonly rar?: readonly unknown[];
}

export const contextOf = ({ rar }: CarriesContext): LaunchContext | undefined =>
  rar?.find((detail): detail is LaunchContext => (detail as LaunchContext).type === 'smart-launch');
