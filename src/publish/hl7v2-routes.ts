/** The door for HL7 v2 as an OpenAPI route: a message is posted, its acknowledgement is the answer. */
import { type Content, outcome, type Route } from './routes.ts';

const message = [
  'MSH|^~\\&|LAB|CITY|WATCHFIRE|CLINIC|20251117101500-0500||ORU^R01^ORU_R01|LAB-1|P|2.5.1',
  'PID|1||44871^^^CLINIC^MR||DOE^JOHN||19620214|M',
  'OBR|1||F-1|2345-7^Glucose^LN|||20251117100000-0500||||||||||||||||||F',
  'OBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L^^UCUM|||||F',
].join('\r');
const answer =
  'MSH|^~\\&|WATCHFIRE|CLINIC|LAB|CITY|20251117151501+0000||ACK^R01^ACK|6f1d0c7e5b2a49380d1e|P|2.5.1\rMSA|AA|LAB-1\r';

const er7 = (value?: string): readonly Content[] =>
  ['application/hl7-v2', 'text/plain'].map((mediaType) => ({
    mediaType,
    schema: { type: 'string' },
    ...(value && { examples: { message: { summary: 'ER7, segments ended by a carriage return', value } } }),
  }));

export const hl7v2Routes: readonly Route[] = [
  {
    method: 'post',
    path: '/hl7v2',
    tag: 'Feeds',
    operationId: 'sendHl7v2',
    summary: 'Hand in an HL7 v2 message, or a batch of them',
    description:
      'The answer is the acknowledgement. The message is stored with all that follows from it before AA is said. The same MSH-3, MSH-4 and MSH-10 get the same answer again. Needs the administrator’s token, or one with the right to create a MessageHeader (`system/MessageHeader.c`).',
    security: ['accessToken', 'adminToken'],
    request: { required: true, content: er7(message) },
    answers: {
      200: { description: 'AA: stored.', content: er7(answer) },
      400: { description: 'AE: this is no message. It is kept in the quarantine.', content: er7() },
      401: outcome('The token is missing or wrong.'),
      403: outcome('The token does not open this.'),
      413: outcome('The message has more than 20 MiB.'),
      415: outcome('The media type is not one of HL7 v2.'),
      422: { description: 'AE: kept in the quarantine, but not taken in.', content: er7() },
      503: { description: 'AR: not stored; send it again.', content: er7() },
    },
  },
];
