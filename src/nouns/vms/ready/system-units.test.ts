import assert from "node:assert/strict";
import { test } from "node:test";
import { jobsIn, unfinishedWords, type Job } from "./system-units.ts";

test("jobs are read from what systemctl prints, and nothing else is one", () => {
  const printed = [
    "  1 multi-user.target                     start   waiting",
    "217 systemd-networkd-wait-online.service  start   running",
    "No jobs running.",
    "x y.service start running",
    "5 half.service sta",
    "",
  ].join("\n");
  assert.deepEqual(jobsIn(printed), [
    { unit: "systemd-networkd-wait-online.service", type: "start", state: "running" },
    { unit: "multi-user.target", type: "start", state: "waiting" },
  ]);
  assert.deepEqual(jobsIn("No jobs listed.\n"), []);
});

test("of many jobs some are named and the rest counted, and a name is bounded", () => {
  const jobs = Array.from({ length: 300 }, (_each, n): Job => ({ unit: `u${n}`, type: "start", state: "waiting" }));
  const words = unfinishedWords("starting", jobs, []);
  assert.match(
    words,
    /^systemd says "starting"; its jobs: u0 \(start, waiting\), .*u7 \(start, waiting\) and 292 more$/,
  );
  const [long] = jobsIn(`1 ${"x".repeat(60_000)} start running`);
  assert.ok(long !== undefined && unfinishedWords("starting", [long], ["y".repeat(60_000)]).length < 1_000);
});

test("where nothing was found, nothing is said of it", () => {
  assert.equal(unfinishedWords("starting", [], []), 'systemd says "starting"');
  assert.equal(unfinishedWords(undefined, [], ["a.service"]), "systemd has not answered; failed: a.service");
});
