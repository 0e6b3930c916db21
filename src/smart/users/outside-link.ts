/** Which user somebody is whom an outside OpenID provider knows: by issuer and subject, the one pair that never means another. https://openid.net/specs/openid-connect-core-1_0.html#ClaimStability */
import type { Change, Store } from '../../store/store.ts';
import { hashOf } from '../secrets.ts';

const KIND = 'user-outside';

export interface OutsideName {
  readonly issuer: string;
  readonly subject: string;
}

const keyOf = ({ issuer, subject }: OutsideName): string => hashOf(JSON.stringify([issuer, subject]));

export const outsideKey = (name: OutsideName, login: string): Change => ({
  op: 'put',
  kind: KIND,
  key: keyOf(name),
  value: { login },
  expect: 'absent',
});

export const removedOutside = (name: OutsideName): Change => ({ op: 'drop', kind: KIND, key: keyOf(name) });

export async function loginOfOutside(store: Pick<Store, 'get'>, name: OutsideName): Promise<string | undefined> {
  const [kept] = await store.get(KIND, [keyOf(name)]);
  return kept?.value.login;
}
