import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { hostTimeZone, ruleOf, timeZoneRule } from "./time-zone.ts";

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "banger-zone-"));
  await mkdir(join(root, "etc"));
});
after(() => rm(root, { recursive: true, force: true }));

test("a host's zone is where its /etc/localtime leads, or what its /etc/timezone says", async () => {
  assert.equal(await hostTimeZone(root), undefined);
  await writeFile(join(root, "etc/timezone"), "Europe/Paris\n");
  assert.equal(await hostTimeZone(root), "Europe/Paris");
  await symlink("../usr/share/zoneinfo/America/Argentina/Buenos_Aires", join(root, "etc/localtime"));
  assert.equal(await hostTimeZone(root), "America/Argentina/Buenos_Aires");
});

test("the rule of a zone is the last line of its file", async () => {
  assert.equal(ruleOf(Buffer.from("TZif2....\nCET-1CEST,M3.5.0,M10.5.0/3\n")), "CET-1CEST,M3.5.0,M10.5.0/3");
  assert.equal(ruleOf(Buffer.from("TZif2....\n<+03>-3\n")), "<+03>-3");
  assert.equal(ruleOf(Buffer.from("TZif2....\n'; rm x\n")), "");
  assert.equal(ruleOf(Buffer.from("no zone\nCET-1\n")), "");
  assert.equal(await timeZoneRule("Mars/Olympus", root), "");
});
