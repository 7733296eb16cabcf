import assert from "node:assert/strict";
import { test } from "node:test";
import { featuresOf, parseVersion, whyNot } from "./version.ts";

const SAID = `Firecracker v1.16.1

2026-08-01T10:00:00.123456789 [anonymous-instance:main] Firecracker exiting successfully. exit_code=0
`;

test("reads what --version prints", () => {
  assert.deepEqual(parseVersion(SAID), { text: "1.16.1", major: 1, minor: 16, patch: 1 });
  assert.equal(parseVersion("Firecracker v1.17.0-dev\n")?.text, "1.17.0-dev");
  for (const other of ["", "QEMU emulator version 7.2.22", "firecracker 1.16.1", "Firecracker v1"]) {
    assert.equal(parseVersion(other), undefined, other);
  }
});

test("1.14 and later 1.x are driven", () => {
  const judged = (version: string) => {
    const parsed = parseVersion(`Firecracker v${version}`);
    assert.ok(parsed);
    return whyNot(parsed);
  };
  assert.equal(judged("1.14.0"), undefined);
  assert.equal(judged("1.20.3"), undefined);
  assert.match(judged("1.13.9") ?? "", /1\.14/);
  assert.match(judged("2.0.0") ?? "", /1\.14/);
});

test("1.16 loses its vsock when it resumes, others do not", () => {
  const resumes = (version: string) => {
    const parsed = parseVersion(`Firecracker v${version}`);
    assert.ok(parsed);
    return featuresOf(parsed).resumesVsock;
  };
  assert.deepEqual(["1.14.2", "1.15.1", "1.16.0", "1.16.1", "1.17.0"].map(resumes), [true, true, false, false, true]);
});
