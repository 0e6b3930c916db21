/** What a proxy understands of MongoDB's messages: where one ends, whose answer it is, which command it carries. https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/ */

const OP_MSG = 2013;
const HEADER = 16;

export const idOf = (message: Buffer): number => message.readInt32LE(4);
/** The id of the message that this one answers. */
export const answeredBy = (message: Buffer): number => message.readInt32LE(8);

/** The first name in the document of an OP_MSG. */
export function commandOf(message: Buffer): string | undefined {
  if (message.readInt32LE(12) !== OP_MSG) return undefined;
  // Flags, the kind of the section, the length of the document, the type of its first element.
  const begin = HEADER + 4 + 1 + 4 + 1;
  return message.toString('latin1', begin, message.indexOf(0, begin));
}

/** Members of a set say in their greeting that they are members. */
export const isOfMember = (greeting: Buffer): boolean => greeting.includes('internalClient\0');

/** What one member asks others all the time, with its own address. */
export const isHeartbeatOf = (message: Buffer, host: string): boolean =>
  commandOf(message) === 'replSetHeartbeat' && message.includes(`${host}\0`);

/** Cuts a stream of bytes into whole messages. */
export function framing(take: (message: Buffer) => void): (data: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    while (rest.length >= HEADER && rest.length >= rest.readInt32LE(0)) {
      const message = rest.subarray(0, rest.readInt32LE(0));
      rest = rest.subarray(message.length);
      take(message);
    }
  };
}
