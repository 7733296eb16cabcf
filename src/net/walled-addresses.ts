/**
 * Where clouds tell a machine who it is, often with credentials. Guests are kept from them unless they may reach the host.
 * - 169.254.0.0/16 is link-local, which no router forwards (RFC 3927); 169.254.169.254 in it is the metadata service of
 *   AWS, Azure, Google, Oracle, OpenStack and most others, 169.254.170.2 gives credentials to AWS containers
 * - 168.63.129.16 is Azure's platform (Microsoft Learn, "What is IP address 168.63.129.16?")
 * - 100.100.100.200 is Alibaba Cloud's metadata service
 * - 192.0.0.192 was Oracle Cloud's
 * What clouds offer by IPv6 (fd00:ec2::254) no guest reaches: it has no IPv6 at all.
 */
export const WALLED_ADDRESSES = ["169.254.0.0/16", "168.63.129.16", "100.100.100.200", "192.0.0.192"] as const;
