import assert from "node:assert/strict";
import { test } from "node:test";
import { contract } from "./contract.ts";
import { execClientFrameSchema } from "./exec-frames.ts";

type Name = keyof typeof contract;

const takes = (route: Name, input: object): boolean => contract[route].input.safeParse(input).success;
const text = (length: number): string => "a".repeat(length);

/** Each line: routes, what they need besides, a field, values that it takes, values that it refuses. */
const FIELDS: readonly (readonly [readonly Name[], object, string, readonly unknown[], readonly unknown[]])[] = [
  [["vmInspect", "vmStop", "imageInspect", "kernelInspect"], {}, "ref", ["a", text(200)], ["", text(201), 1]],
  [["systemOrphansDelete"], {}, "names", [[], ["a", text(400)]], [[""], [text(401)], Array(10_001).fill("a")]],
  [["imagePull"], {}, "reference", ["a", text(4096)], ["", text(4097)]],
  [["imagePush"], { ref: "i" }, "reference", ["a", text(4096)], ["", text(4097)]],
  [
    ["imageExport"],
    { ref: "i" },
    "target",
    ["oci-archive:/a", "oci-archive:/a.tar:name", `oci-archive:/${text(4083)}`],
    ["oci-archive:a", "xoci-archive:/a", "/a", "oci:/a", "", `oci-archive:/${text(4084)}`],
  ],
  [["imageFiles", "imageFile"], { ref: "i" }, "path", ["/", text(16_384)], ["", text(16_385)]],
  [
    ["vmCreate"],
    {},
    "env",
    [{}, { A: "" }, { _a1: "x" }, { PATH: "/bin" }],
    [{ "": "x" }, { "1a": "x" }, { "a-b": "x" }, { "a b": "x" }, { "a=b": "x" }, { A: 1 }],
  ],
  [
    ["imageBuild"],
    { from: "i", name: "n", script: "/s" },
    "copies",
    [
      [{ source: "/a", target: "/b" }],
      [{ source: `/${text(4095)}`, target: `/${text(4095)}` }],
      Array.from({ length: 100 }, () => ({ source: "/a", target: "/b" })),
    ],
    [
      [{ source: "a/", target: "/b" }],
      [{ source: "/a", target: "b/" }],
      [{ source: `/${text(4096)}`, target: "/b" }],
      [{ source: "/a", target: `/${text(4096)}` }],
      [{ source: "/a" }],
      Array.from({ length: 101 }, () => ({ source: "/a", target: "/b" })),
    ],
  ],
  [
    ["vmForward"],
    { ref: "v" },
    "target",
    ["ssh", "port:1", "port:65535", "tcp:db.lan:5432", "tcp:::1:22", "vsock:1", "vsock:1234567890", "unix:/run/a"],
    [
      "",
      "sshd",
      "port:",
      "port:a",
      "port:123456",
      "xport:1",
      "tcp:22",
      "tcp::1",
      "tcp:a:b",
      "tcp:a:123456",
      "vsock:",
      "vsock:a",
      "vsock:12345678901",
      "unix:a",
      "unix:/",
      "http:a",
    ],
  ],
  [["events", "eventList"], {}, "noun", ["vm", text(40)], [text(41)]],
  [["events", "eventList"], {}, "step", ["started", text(40)], [text(41)]],
  [["events", "eventList"], {}, "after", [0, 1], [-1, 0.5]],
  [["operationCancel", "operationFollow"], {}, "id", ["op-1", text(60)], ["", text(61)]],
  [["vmFileRead", "vmFileStat", "vmFileRemove"], { ref: "v" }, "path", ["/", "a", text(4095)], ["", text(4096)]],
  [["vmFileRead", "vmFileStat"], { ref: "v", path: "/" }, "user", ["", "me:us", text(200)], [text(201)]],
  [["vmFileWrite", "vmFileMkdir"], { ref: "v", path: "/" }, "owner", ["", "me:us", text(200)], [text(201)]],
  [
    ["vmFileWrite", "vmFileMkdir"],
    { ref: "v", path: "/" },
    "mode",
    ["0", "644", "4755", "0000"],
    ["", "8", "64a", "u+x", "07777", " 644", 644],
  ],
  [["vmArchiveRead"], { ref: "v", path: "/" }, "name", ["", text(255)], [text(256)]],
  [
    ["vmFileChange"],
    { ref: "v", path: "/" },
    "attributes",
    [{}, { [text(255)]: "YQ==" }],
    [{ [text(256)]: "YQ==" }, { a: "no base64" }],
  ],
  [
    ["vmFileChange"],
    { ref: "v", path: "/" },
    "removeAttributes",
    [[], [text(255)], Array(100).fill("a")],
    [[text(256)], Array(101).fill("a")],
  ],
  [["vmFileRead"], { ref: "v", path: "/" }, "offset", [0, 1], [-1, 0.5]],
  [["vmFileRead"], { ref: "v", path: "/" }, "length", [0, 1], [-1, 0.5]],
  [["vmFileList"], { ref: "v", path: "/" }, "depth", [1, 2, 64], [0, 65, 1.5]],
  [["vmFileList"], { ref: "v", path: "/" }, "limit", [1, 2, 1000], [0, 1001]],
  [["vmFileList"], { ref: "v", path: "/" }, "after", ["", text(4095)], [text(4096)]],
];

test("each field of a request has its bounds, and takes what lies at them", () => {
  for (const [routes, besides, field, good, bad] of FIELDS) {
    for (const route of routes) {
      const told = (value: unknown): string => `${route} ${field}=${JSON.stringify(value).slice(0, 80)}`;
      for (const value of good) assert.ok(takes(route, { ...besides, [field]: value }), told(value));
      for (const value of bad) assert.ok(!takes(route, { ...besides, [field]: value }), told(value));
      assert.ok(!takes(route, { ...besides, [field]: good[0], unknown: 1 }), `${route} takes what nobody knows`);
    }
  }
});

test("what destroys, replaces or reaches further than asked must be asked for; a VM that is made is started", () => {
  const yes: string[] = [];
  const needed = { ref: "a", path: "/", name: "n", reference: "r", to: "/", from: "i", script: "/s", target: "ssh" };
  for (const [name, { input }] of Object.entries(contract)) {
    const keys = Object.keys(input.shape);
    const given = Object.entries(needed).filter(([key]) => keys.includes(key));
    const asked = input.safeParse(Object.fromEntries(given));
    if (!asked.success) continue;
    for (const [field, value] of Object.entries(asked.data)) if (value === true) yes.push(`${name}.${field}`);
  }
  assert.deepEqual(yes, ["vmCreate.start"]);
});

test("the daemon answers for itself and for its host even where its state cannot be used", () => {
  const always = Object.entries(contract).filter(([, definition]) => "always" in definition && definition.always);
  assert.deepEqual(always.map(([name]) => name).toSorted(), ["daemonRecover", "daemonStatus", "daemonStop", "doctor"]);
});

test("a terminal has a size and a name, a command has words, and a signal is one", () => {
  const frame = (input: object): boolean => execClientFrameSchema.safeParse(input).success;
  const tty = (part: object): boolean => frame({ type: "start", tty: { rows: 24, cols: 80, ...part } });
  for (const size of [1, 24, 65_535]) {
    assert.ok(tty({ rows: size }) && tty({ cols: size }), String(size));
    assert.ok(frame({ type: "resize", rows: size, cols: size }), String(size));
  }
  for (const size of [0, 65_536, 1.5]) {
    assert.ok(!tty({ rows: size }) && !tty({ cols: size }), String(size));
    assert.ok(!frame({ type: "resize", rows: size, cols: 1 }) && !frame({ type: "resize", rows: 1, cols: size }));
  }
  assert.ok(tty({ term: text(64) }) && !tty({ term: text(65) }));
  assert.ok(frame({ type: "start", argv: ["sh", "-c"] }) && !frame({ type: "start", argv: [] }));
  assert.ok(frame({ type: "start", command: [] }), "the image's own command");
  for (const signal of ["SIGINT", "SIGHUP", "SIGUSR1", "SIGVTALRM"])
    assert.ok(frame({ type: "signal", signal }), signal);
  for (const signal of ["", "INT", "SIG", "SIGX", "xSIGINT", "SIGint", "SIGINT ", `SIG${"A".repeat(11)}`, 9])
    assert.ok(!frame({ type: "signal", signal }), String(signal));
});
