import assert from "node:assert/strict";
import { test } from "node:test";
import { configSchema } from "./config.ts";

const takes = (config: object): boolean => configSchema.safeParse(config).success;

/** Each line: a key, values that it takes, values that it refuses. */
const KEYS: readonly (readonly [
  make: (value: unknown) => object,
  takes: readonly unknown[],
  refuses: readonly unknown[],
])[] = [
  ...["ssh_key_path", "firecracker_bin", "qemu_bin"].map(
    (key) => [(value: unknown) => ({ [key]: value }), ["/a", "/a/b"], ["a", "a/", "./a", "~/a", ""]] as const,
  ),
  [(value) => ({ registries: { "docker.io": { ca_file: value } } }), ["/etc/ca.pem"], ["ca.pem", "ca/", ""]],
  [
    (value) => ({ nat_range: value }),
    ["10.99.0.0/16", "10.0.0.0/8", "10.0.0.0/30"],
    ["10.0.0.0/31", "10.0.0.0/32", "10.0.0.0", "fd00::/64", "10.0.0.0/33", "a"],
  ],
  [(value) => ({ debian_suite: value }), ["trixie", "a", "bookworm-2"], ["", "a/b", "../a", "a b", "A", "a\n", " a"]],
  [
    (value) => ({ registries: { "docker.io": { mirrors: [value] } } }),
    [
      "https://a",
      "http://a",
      "https://mirror.example:5000",
      "https://a/",
      "https://a/proxy/of/it",
      `https://${"a".repeat(2040)}`,
    ],
    [
      "ftp://a",
      "xhttps://a",
      "a.example",
      "https://",
      "https:///a",
      "https://user@a",
      "https://user:pass@a",
      "https://a?x=1",
      "https://a/b?x",
      "https://a/b#c",
      "https://a b",
      "https://a/b c",
      `https://${"a".repeat(2041)}`,
    ],
  ],
  [
    (value) => ({ kernel_catalogs: [{ url: value, key: "RW" }] }),
    ["https://a/c.json", "http://a/c", "oci://a/b", "file:///a", "oci://a"],
    ["ftp://a/c", "xoci://a", "/a", "https://", "https://a b", "https://a\n", `https://${"a".repeat(2041)}`],
  ],
  [(value) => ({ kernel_catalogs: [{ url: "https://a", key: value }] }), ["RW", "R".repeat(500)], ["R".repeat(501), 1]],
  [(value) => ({ vm: { vcpus: value } }), [1, 2, 64], [0, 65, 1.5, "2"]],
  [(value) => ({ vm: { start_timeout: value } }), [1, 3600], [0, 3601, 0.5]],
  [(value) => ({ vm: { first_boot_timeout: value } }), [1, 86_400], [0, 86_401]],
  [(value) => ({ vm: { host_ca: value } }), [true, false, "/a.pem"], ["a.pem", "a/", ""]],
  [(value) => ({ vm: { host_proxy: value } }), [true, false, "http://a:1"], ["a:1", ""]],
];

test("an empty file is a whole configuration", () => {
  const { vm, ...rest } = configSchema.parse({});
  assert.deepEqual(vm, { vcpus: 2, memory: "1G", start_timeout: 180, first_boot_timeout: 1800 });
  assert.deepEqual([rest.vmm, rest.nat, rest.default_kernel], ["auto", "auto", "debian-cloud"]);
  assert.deepEqual([rest.registries, rest.kernel_catalogs, rest.insecure_registries], [{}, [], []]);
});

test("each key takes what it is for, and nothing beside", () => {
  for (const [make, good, bad] of KEYS) {
    for (const value of good) assert.ok(takes(make(value)), JSON.stringify(make(value)).slice(0, 100));
    for (const value of bad) assert.ok(!takes(make(value)), JSON.stringify(make(value)).slice(0, 100));
  }
});

test("lists have an end, and a key that nobody knows is an error", () => {
  const mirrors = (count: number) => ({ registries: { a: { mirrors: Array<string>(count).fill("https://a") } } });
  assert.ok(takes(mirrors(16)));
  assert.ok(!takes(mirrors(17)));
  const catalogs = (count: number) => ({
    kernel_catalogs: Array.from({ length: count }, () => ({ url: "oci://a/b", key: "RW" })),
  });
  assert.ok(takes(catalogs(32)));
  assert.ok(!takes(catalogs(33)));
  for (const odd of [{ nta: "auto" }, { vm: { vcpu: 2 } }, { registries: { a: { mirror: [] } } }])
    assert.ok(!takes(odd));
});
