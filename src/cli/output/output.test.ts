import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "../../lib/errors.ts";
import { createCli } from "../cli.ts";
import { testIo } from "../testing/test-io.ts";
import { doctorText } from "./doctor-text.ts";
import { errorText } from "./error-text.ts";
import { logText } from "./log-text.ts";
import { facts, table } from "./table.ts";
import { ago, duration } from "./times.ts";

test("an error has its code, why and fix; further lines stand under the first", () => {
  const error = new BangerError("IMAGE_NOT_FOUND", { what: 'there is no image "foo"', why: "a\nb", fix: "run it" });
  assert.equal(
    errorText(error, false),
    'error[IMAGE_NOT_FOUND]: there is no image "foo"\n  why: a\n       b\n  fix: run it',
  );
  assert.ok(errorText(error, true).startsWith("\u001B[1;31merror[IMAGE_NOT_FOUND]:\u001B[0m there"));
});

test("text from elsewhere cannot drive the terminal", () => {
  const error = new BangerError("REGISTRY_FAILED", { what: "\u001B]0;owned\u0007\r", fix: "\u009B2J" });
  assert.equal(errorText(error, false), "error[REGISTRY_FAILED]: \\x1b]0;owned\\x07\n  fix: \\x9b2J");
  assert.equal(table(["A"], [["x\u001B[2Jy\nz"]]), "A\nx\\x1b[2Jy z");
});

test("nor can what a command says of an image, as text or as JSON", () => {
  const osName = "Evil \u001B]0;owned\u0007 \u009B2J";
  for (const json of [false, true]) {
    const io = testIo();
    const cli = createCli(io, [], { json, detach: false });
    cli.print(`Image x is here: ${osName}.`);
    cli.printJson({ osName });
    cli.note(osName);
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    assert.doesNotMatch(io.out() + io.err(), /[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
  }
  const io = testIo();
  createCli(io, [], { json: true, detach: false }).printJson({ osName });
  assert.deepEqual(JSON.parse(io.out()), { osName });
});

test("columns are as wide as what stands in them", () => {
  assert.equal(
    table(
      ["NAME", "STATE"],
      [
        ["a", "running"],
        ["longer-name", ""],
      ],
    ),
    "NAME         STATE\na            running\nlonger-name  -",
  );
  assert.equal(
    facts([
      ["Pid", "7"],
      ["Socket", "/x"],
    ]),
    "Pid:     7\nSocket:  /x",
  );
});

test("times are told in the unit that says most", () => {
  const now = Date.parse("2026-01-02T00:00:00Z");
  assert.equal(ago("2026-01-01T23:59:59.500Z", now), "just now");
  assert.equal(ago("2026-01-01T23:59:00Z", now), "1 minute ago");
  assert.equal(ago("2025-12-30T00:00:00Z", now), "3 days ago");
  assert.equal(ago("nonsense", now), "unknown");
  assert.deepEqual([840, 2_500, 200_000, 7_500_000].map(duration), ["840 ms", "2.5 s", "3 min 20 s", "2 h 5 min"]);
});

test("doctor says why and how only of what is not well", () => {
  const text = doctorText(
    {
      canRunVms: true,
      accel: "tcg",
      checks: [
        { name: "qemu", result: "ok", summary: "QEMU 7.2", why: "it runs VMs" },
        { name: "kvm", result: "warn", summary: "opens, runs nothing", why: "it is faster", fix: "turn it on" },
      ],
    },
    false,
  );
  assert.equal(
    text,
    `ok    qemu  QEMU 7.2
warn  kvm   opens, runs nothing
            why: it is faster
            fix: turn it on

VMs can run on this host, by TCG: the processor is emulated, which is slower.`,
  );
});

test("the daemon's log is shown for people, and what is no entry as it is", () => {
  const entry = JSON.stringify({ level: 30, time: 0, pid: 7, err: { code: "X" }, msg: "ready\u001B" });
  assert.equal(
    logText(`${entry}\nplain \u0007\n{"level":1}\n{"half`),
    '1970-01-01T00:00:00.000Z info  ready\\x1b pid=7 err={"code":"X"}\nplain \\x07\n{"level":1}\n{"half',
  );
});
