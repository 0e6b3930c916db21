/** The three topics of a device. docs/device-guide.md */

export type Topic = 'vitals' | 'vitals/batch';

const of = (deviceId: string, what: string) => `iot/${deviceId}/${what}`;

/** What may be published; undefined for any other topic. */
export function publishedTo(topic: string, deviceId: string): Topic | undefined {
  return (['vitals', 'vitals/batch'] as const).find((what) => topic === of(deviceId, what));
}

/** The only one that it may subscribe to. */
export const answersOf = (deviceId: string): string => of(deviceId, 'answers');
