type Change = (body: Readonly<Record<string, unknown>>) => unknown;

/** One request of the plan, changed: which, how, what is said of it, and whether only the description tells. */
export const MUTATIONS: readonly (readonly [
  name: string,
  path: string,
  change: Change,
  said: RegExp,
  described?: "described",
])[] = [
  [
    "a field misspelt",
    "/machine-config",
    (body) => renamed(body, "vcpu_count", "vcpus_count"),
    /vcpus_count|vcpu_count|additional/,
    "described",
  ],
  [
    "a field of the wrong type",
    "/machine-config",
    (body) => ({ ...body, mem_size_mib: "128" }),
    /integer/,
    "described",
  ],
  ["a required field left out", "/boot-source", (body) => without(body, "kernel_image_path"), /required/, "described"],
  [
    "a field nobody knows, deep inside",
    "/drives/root",
    (body) => ({ ...body, rate_limiter: { bandwidth: { size: 1, refill_time: 1, rate: 2 } } }),
    /additional/,
    "described",
  ],
  [
    "a value that is not among those allowed",
    "/drives/root",
    (body) => ({ ...body, cache_type: "writeback" }),
    /allowed values/,
    "described",
  ],
  ["a number that its field cannot hold", "/vsock", (body) => ({ ...body, guest_cid: 2 ** 32 }), /expected u32/],
  ["a negative balloon", "/balloon", (body) => ({ ...body, amount_mib: -1 }), /expected u32/],
  [
    "odd memory of huge pages",
    "/machine-config",
    (body) => ({ ...body, huge_pages: "2M", mem_size_mib: 129 }),
    /memory size/,
  ],
  [
    "huge pages of a later release",
    "/machine-config",
    (body) => ({ ...body, huge_pages: "Transparent" }),
    /Transparent/,
  ],
  [
    "a command line that is too long",
    "/boot-source",
    (body) => ({ ...body, boot_args: "x".repeat(2048) }),
    /overflows/,
  ],
  ["a folder as a disk", "/drives/work", (body) => ({ ...body, path_on_host: "/tmp" }), /Is a directory/],
  [
    "a disk by file and socket at once",
    "/drives/work",
    (body) => ({ ...body, socket: "/tmp/s" }),
    /Invalid block device/,
  ],
  [
    "a TAP's name that is too long",
    "/network-interfaces/eth0",
    (body) => ({ ...body, host_dev_name: "x".repeat(16) }),
    /Invalid TUN/,
  ],
  ["an address that no card has", "/network-interfaces/eth0", (body) => ({ ...body, guest_mac: "02:00" }), /MAC/],
  [
    "metadata at an address that leads elsewhere",
    "/mmds/config",
    (body) => ({ ...body, ipv4_address: "10.0.0.1" }),
    /link local/,
  ],
  ["an id with a dash", "/drives/root", (body) => ({ ...body, drive_id: "root-1" }), /alphanumeric|does not match/],
  [
    "another id in the body than in the path",
    "/drives/work",
    (body) => ({ ...body, drive_id: "other" }),
    /does not match/,
  ],
  ["a second root", "/drives/work", (body) => ({ ...body, is_root_device: true }), /root block device already exists/],
  ["a disk that is not there", "/drives/work", (body) => ({ ...body, path_on_host: "/nowhere" }), /No such file/],
  ["more processors than there can be", "/machine-config", (body) => ({ ...body, vcpu_count: 33 }), /32|vCPU/],
  ["a body over the limit", "/mmds", () => ({ latest: "x".repeat(60_000) }), /larger than the limit of 51200/],
];

function renamed(body: Readonly<Record<string, unknown>>, from: string, to: string): unknown {
  return Object.fromEntries(Object.entries(body).map(([key, value]) => [key === from ? to : key, value]));
}

function without(body: Readonly<Record<string, unknown>>, field: string): unknown {
  return Object.fromEntries(Object.entries(body).filter(([key]) => key !== field));
}
