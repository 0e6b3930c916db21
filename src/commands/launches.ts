/** `watchfire launches`: what an EHR does when it opens an app, from the command line. */
import type { Config } from '../config.ts';
import { ask, withServer } from './running.ts';

export interface LaunchOptions {
  readonly client: string;
  readonly user: string;
  readonly patient?: string;
  readonly encounter?: string;
  readonly intent?: string;
  /** Code of v3-ActReason. */
  readonly purpose?: string;
}

/** Prints the handle that belongs into the launch URL of the app. */
export async function createLaunch(config: Config, options: LaunchOptions, print: (line: string) => void) {
  const { client, user, patient, encounter, intent, purpose } = options;
  const asked = { client_id: client, user, patient, encounter, intent, purposeOfUse: purpose };
  const { launch } = await withServer(config, (reached) => ask(reached, 'POST', '/admin/launches', asked));
  print(launch);
}
