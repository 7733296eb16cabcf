import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_VOLUMES, mountPathSchema, volumeMountsSchema } from "./volume.ts";

const isPath = (path: string): boolean => mountPathSchema.safeParse(path).success;

test("a volume is mounted on a folder of its own, by a path that a kernel's command line can hold", () => {
  const some = [
    "/data",
    "/srv/data",
    "/var/lib/x",
    "/usr/local/share/x",
    "/etc/letsencrypt",
    "/home/me/.cache",
    "/work/x",
  ];
  for (const path of [...some, "/a..b", "/...", "/lib/x", `/${"a".repeat(99)}`]) assert.ok(isPath(path), path);
  const system = ["/", "/usr", "/etc", "/var", "/proc", "/proc/x", "/dev/shm", "/run/x", "/sys/x", "/lib/modules/6.1"];
  const odd = [
    "",
    "data",
    "/a/",
    "//a",
    "/a//b",
    "/a/../b",
    "/..",
    "/.",
    "/a/.",
    "/a b",
    "/a\n",
    '/a"',
    "/a:b",
    "/a,b",
    "/é",
  ];
  const others = ["/work", "/usr/local/libexec", "/usr/local/libexec/x", `/${"a".repeat(100)}`];
  for (const path of [...system, ...odd, ...others]) assert.ok(!isPath(path), JSON.stringify(path));
});

test("a VM has as many volumes as it has devices for", () => {
  const many = (n: number) => Array.from({ length: n }, (_, i) => ({ volume: `v${i}`, path: `/v${i}` }));
  assert.deepEqual(volumeMountsSchema.parse(many(1)), [{ volume: "v0", path: "/v0", readOnly: false }]);
  assert.ok(volumeMountsSchema.safeParse(many(MAX_VOLUMES)).success);
  assert.ok(!volumeMountsSchema.safeParse(many(MAX_VOLUMES + 1)).success);
});
