import assert from "node:assert/strict";
import { test } from "node:test";
import { tscKhzIn } from "./host-tsc.ts";

const cpuinfo = (flags: string, mhz = "2596.096"): string =>
  `processor\t: 0\ncpu MHz\t\t: ${mhz}\nflags\t\t: fpu ${flags} sse\n\nprocessor\t: 1\ncpu MHz\t\t: 1.000\n`;

test("the rate of a virtual machine's processor is known, that of real hardware is not", () => {
  assert.equal(tscKhzIn(cpuinfo("constant_tsc hypervisor")), 2_596_096);
  assert.equal(tscKhzIn(cpuinfo("constant_tsc")), undefined);
  assert.equal(tscKhzIn(cpuinfo("hypervisor")), undefined);
  assert.equal(tscKhzIn(cpuinfo("constant_tsc hypervisor aperfmperf")), undefined);
  assert.equal(tscKhzIn(cpuinfo("constant_tsc hypervisor", "unknown")), undefined);
  assert.equal(tscKhzIn(""), undefined);
});
