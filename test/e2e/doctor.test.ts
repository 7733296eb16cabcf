import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { TestHost } from "../helpers/test-host.ts";

interface Report {
  readonly canRunVms: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly result: string;
    readonly summary: string;
    readonly why: string;
  }[];
}

suite("doctor", { timeout: 120_000 }, () => {
  test("says what this host can do, and agrees with what a VM then uses", async () => {
    await using host = await TestHost.start();
    const report = await host.json<Report>(["doctor"]);
    assert.equal(report.canRunVms, true);
    const names = report.checks.map((check) => check.name);
    for (const name of [
      "cpu",
      "kvm",
      "qemu",
      "vmm",
      "disk-space",
      "ssh",
      "logout",
      "config",
      "daemon",
      "state",
      "orphans",
    ]) {
      assert.ok(names.includes(name), `there is no check "${name}" among ${names.join(", ")}`);
    }
    for (const check of report.checks) assert.notEqual(check.why, "", check.name);
    const text = await host.ok(["doctor"]);
    const kvm = report.checks.find((check) => check.name === "kvm");
    // Whichever it is here, it must be said in words: a guest ran, or TCG will be used.
    assert.match(text, kvm?.result === "ok" ? /guest/ : /TCG/);
  });
});
