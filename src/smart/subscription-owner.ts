/** Who owns a Subscription: the server writes it in, whatever a client says there. profiles/StructureDefinition-subscription-owner.json */
import { resourceTypes } from '../fhir/definitions.ts';
import { itemsOf, setMember, textOf } from '../fhir/json.ts';
import { keyOf, type Resource } from '../fhir/references.ts';

/** `http://x/y/StructureDefinition/subscription-owner` of whatever prefix: the SearchParameter `owner` reads the same ones. */
const ENDING = '/StructureDefinition/subscription-owner';

export type OwnerExtension = { readonly url: string; readonly valueReference: object };

const isOwner = (extension: any): boolean => typeof extension?.url === 'string' && extension.url.endsWith(ENDING);

/** A user by reference; a client, which is no resource, by the identifier that AuditEvents know it by. */
export const ownerExtension = (who: string, canonical: string): OwnerExtension => ({
  url: `${canonical}${ENDING}`,
  valueReference: resourceTypes.has(keyOf(who)?.type ?? '')
    ? { reference: who }
    : { identifier: { system: `${canonical}/sid/client`, value: who } },
});

const extensionsOf = ({ extension }: Resource): readonly any[] => (Array.isArray(extension) ? extension : []);

export const ownerIn = (subscription: Resource): OwnerExtension | undefined => extensionsOf(subscription).find(isOwner);

/** The resource with this owner and no other. */
export const withOwner = (subscription: Resource, owner: OwnerExtension | undefined): Resource => ({
  ...subscription,
  extension: [...extensionsOf(subscription).filter((one) => !isOwner(one)), ...(owner ? [owner] : [])],
});

/** The same in its text: where one stood, else behind the other extensions; all else keeps its bytes. */
export function writeOwner(text: string, owner: OwnerExtension | undefined): string {
  const json = owner && JSON.stringify(owner);
  const sent = itemsOf(textOf(text, ['extension']) ?? '');
  const at = sent.findIndex((item) => isOwner(JSON.parse(item)));
  const written = sent.flatMap((item, i) => (i === at ? (json ?? []) : isOwner(JSON.parse(item)) ? [] : item));
  if (at < 0 && json !== undefined) written.push(json);
  return setMember(text, ['extension'], written.length > 0 ? `[${written.join(',')}]` : undefined);
}
