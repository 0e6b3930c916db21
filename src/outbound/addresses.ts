/** The network addresses that no outgoing call may reach: everything that is not plainly public. https://www.iana.org/assignments/iana-ipv4-special-registry */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

const v4: readonly (readonly [network: string, bits: number])[] = [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // carrier-grade NAT
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local, cloud metadata
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.31.196.0', 24], // AS112
  ['192.52.193.0', 24], // AMT
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['192.175.48.0', 24], // AS112
  ['198.18.0.0', 15], // benchmarking
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
];

const v6: readonly (readonly [network: string, bits: number])[] = [
  ['::', 96], // unspecified, loopback, IPv4-compatible
  ['::ffff:0:0', 96], // IPv4-mapped
  ['::ffff:0:0:0', 96], // IPv4-translated
  ['64:ff9b::', 96], // NAT64: hides an IPv4 address
  ['64:ff9b:1::', 48], // local NAT64
  ['100::', 64], // discard
  ['2001::', 23], // protocol assignments, Teredo, ORCHID
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4: hides an IPv4 address
  ['3fff::', 20], // documentation
  ['5f00::', 16], // segment routing
  ['fc00::', 7], // unique local
  ['fe80::', 10], // link-local
  ['fec0::', 10], // site-local
  ['ff00::', 8], // multicast
];

// One list per family: a list that holds ::ffff:0:0/96 finds every IPv4 address in it.
const blocked4 = new BlockList();
const blocked6 = new BlockList();
for (const [network, bits] of v4) blocked4.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of v6) blocked6.addSubnet(network, bits, 'ipv6');

/** True for every address that is not plainly public, and for text that is no address at all. A zone (`%eth0`) is refused too. */
export function isBlockedAddress(address: string): boolean {
  if (isIPv4(address)) return blocked4.check(address, 'ipv4');
  return !isIPv6(address) || address.includes('%') || blocked6.check(address, 'ipv6');
}
