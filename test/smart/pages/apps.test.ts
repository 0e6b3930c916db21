/** "Apps that may see my data" has one row for an app, however often it was allowed, and ending it ends all of that. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type AuthorizationHouse, openAuthorizationHouse } from '../authorization/authorization-house.ts';
import { codeFlow, formOf, userAgent } from '../support/user-agent.ts';

let house: AuthorizationHouse;
beforeAll(async () => {
  house = await openAuthorizationHouse();
});
afterAll(() => house.stop());

it('An app that was allowed three times is one row, and is shut out as a whole; no other app is', async () => {
  const [app, other] = [await house.register({ client_name: 'Thrice' }), await house.register({})];
  const agent = userAgent(house.url);
  const granted = async (of: typeof app, words: string) => {
    const scope = `openid launch/patient patient/Patient.rs ${words}`;
    return (await codeFlow(house.url, { ...of, scope }, house.doctor, agent)).body.access_token as string;
  };
  const tokens = [
    await granted(app, 'offline_access'),
    await granted(app, 'patient/Observation.rs'),
    await granted(app, 'online_access'),
    await granted(other, 'offline_access'),
  ];
  const opened = () =>
    Promise.all(
      tokens.map(
        async (token) => (await house.read(`Patient/${house.patientId}`, { authorization: `Bearer ${token}` })).status,
      ),
    );
  expect(await opened()).toEqual([200, 200, 200, 200]);
  const page = await agent.get('/oauth/account/apps');
  expect(page.text.match(/Thrice/g)).toHaveLength(1);
  const card = page.text.slice(page.text.indexOf('Thrice'));
  const { action, fields } = formOf({ ...page, text: card }, '/account/apps');
  fields.set('client', app.clientId);
  const { text } = await agent.post(action, fields);

  expect(text).toContain('Its access has ended.');
  expect(text).not.toContain('Thrice');
  expect(await opened()).toEqual([401, 401, 401, 200]);
});
