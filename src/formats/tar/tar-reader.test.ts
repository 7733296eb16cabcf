import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import type { TarEntry } from "./tar-entry.ts";
import { TarReader } from "./tar-reader.ts";

interface Read {
  readonly entry: TarEntry;
  readonly content: string;
}

/** Reads an archive that comes in pieces of these sizes, over and over. */
function read(archive: Buffer, sizes: readonly number[]): Read[] {
  const found: { entry: TarEntry; content: string }[] = [];
  let current: { entry: TarEntry; chunks: Buffer[] } | undefined;
  const reader = new TarReader({
    entry: (entry) => {
      current = { entry, chunks: [] };
    },
    data: (chunk) => {
      current?.chunks.push(Buffer.from(chunk));
      return undefined;
    },
    hole: (bytes) => {
      current?.chunks.push(Buffer.alloc(bytes));
      return undefined;
    },
    endEntry: () => {
      if (current !== undefined)
        found.push({ entry: current.entry, content: Buffer.concat(current.chunks).toString("hex") });
      current = undefined;
    },
  });
  for (let at = 0, i = 0; at < archive.length; i++) {
    const size = sizes[i % sizes.length] ?? 512;
    assert.equal(reader.push(archive.subarray(at, at + size)), undefined);
    at += size;
  }
  reader.end();
  return found;
}

/** Writes members as Python's tarfile does, several archives a run: a writer that shares no code with the reader. */
const PYTHON_WRITER = `
import io, json, sys, tarfile
formats = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
out = []
for case in json.load(sys.stdin):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=formats[case["format"]], encoding="utf-8") as tar:
        for m in case["members"]:
            info = tarfile.TarInfo(m["name"])
            info.mode, info.uid, info.gid, info.mtime = m["mode"], m["uid"], m["gid"], m["mtime"]
            info.type, info.linkname = m["type"].encode(), m["link"]
            content = bytes.fromhex(m["content"]) if m["type"] == "0" else b""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    out.append(buffer.getvalue().hex())
json.dump(out, sys.stdout)
`;

const name = fc
  .array(fc.stringMatching(/^[a-zA-Zäß~ \\-]{1,60}$/), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join("/"))
  .filter((path) => !path.split("/").some((part) => part.startsWith(".")));
const member = fc.record({
  name,
  type: fc.constantFrom("0", "5", "2", "1"),
  link: fc.oneof(name, fc.stringMatching(/^[a-z/]{100,220}$/)),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.constantFrom(0, 1000, 65_536, 2 ** 21 - 1),
  gid: fc.nat(2 ** 21 - 1),
  mtime: fc.nat(2 ** 33 - 1),
  content: fc
    .oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 505, maxLength: 1100 }))
    .map((bytes) => Buffer.from(bytes).toString("hex")),
});
const archive = fc.record({ format: fc.constantFrom("gnu", "pax"), members: fc.array(member, { maxLength: 8 }) });

test("reads what Python's tarfile writes, in pieces of any size", () => {
  fc.assert(
    fc.property(
      fc.array(archive, { minLength: 20, maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1 }),
      (cases, sizes) => {
        const output = execFileSync("python3", ["-c", PYTHON_WRITER], {
          input: JSON.stringify(cases),
          maxBuffer: 2 ** 28,
        });
        const archives = (JSON.parse(output.toString()) as string[]).map((hex) => Buffer.from(hex, "hex"));
        for (const [i, { members }] of cases.entries()) {
          const expected = members.map((m) => ({
            path: m.name,
            type: { "0": "file", "1": "hardlink", "2": "symlink", "5": "directory" }[m.type],
            link: m.type === "1" || m.type === "2" ? m.link : "",
            numbers: [m.mode, m.uid, m.gid, m.mtime],
            content: m.type === "0" ? m.content : "",
          }));
          const found = read(archives[i] ?? Buffer.alloc(0), sizes).map(({ entry, content }) => ({
            path: Buffer.from(entry.path.replace(/\/$/, ""), "latin1").toString("utf8"),
            type: entry.type,
            link:
              entry.type === "hardlink" || entry.type === "symlink"
                ? Buffer.from(entry.linkTarget, "latin1").toString("utf8")
                : "",
            numbers: [entry.mode, entry.uid, entry.gid, entry.mtimeSeconds],
            content,
          }));
          assert.deepEqual(found, expected);
        }
      },
    ),
    { numRuns: 8 },
  );
});
