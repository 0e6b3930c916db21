/** Says in the CONNACK of MQTT 5 what is not offered, for which aedes has no setting. https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901080 */
import type { Socket } from 'node:net';

/** Maximum QoS 1, Retain Available 0. */
const LIMITS = Buffer.from([0x24, 1, 0x25, 0]);
const CONNACK = 0x20;
/** Type, length, flags, reason code and the length of the properties: of one byte each as long as the packet is short. */
const HEAD = 5;
const SHORT = 0x80 - LIMITS.length;

/** The packet with the limits; undefined as long as it is not whole, and as it is where it is none of MQTT 5 that lets somebody in. */
function announced(packet: Buffer): Buffer | undefined {
  if (packet[0] !== CONNACK || packet[1]! >= SHORT) return packet;
  if (packet.length < 2 || packet.length < 2 + packet[1]!) return undefined;
  const isLetIn = packet[1]! >= HEAD - 2 && packet[3] === 0;
  if (!isLetIn) return packet;
  const head = Buffer.from(packet.subarray(0, HEAD));
  head[1]! += LIMITS.length;
  head[4]! += LIMITS.length;
  return Buffer.concat([head, LIMITS, packet.subarray(HEAD)]);
}

/** The first packet that a broker writes is the CONNACK, in many small pieces. */
export function announceLimits(socket: Socket): void {
  const write = socket.write;
  let held = Buffer.alloc(0);
  socket.write = (chunk: string | Uint8Array, ...more: any[]): boolean => {
    held = Buffer.concat([held, Buffer.from(chunk as Uint8Array)]);
    const whole = held.length < 2 ? undefined : announced(held);
    if (whole === undefined) return true;
    socket.write = write;
    return socket.write(whole, ...more);
  };
}
