import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetworkWays } from "../model/network.ts";
import { describeWay } from "./way-checks.ts";

const ways: NetworkWays = {
  nftables: { usable: false, summary: "eth0 does not forward", fix: "sudo sysctl -w a=1", undo: "sudo sysctl -w a=0" },
  slirp4netns: { usable: false, summary: "slirp4netns is not in PATH", fix: "sudo apt-get install slirp4netns" },
  user: { usable: true, summary: "QEMU translates by itself" },
};

test("what must be set is told with what undoes it", () => {
  const { result, fix } = describeWay("nftables", ways, true);
  assert.equal(result, "warn");
  assert.equal(fix, "sudo sysctl -w a=1   (undone by: sudo sysctl -w a=0)");
  assert.equal(describeWay("slirp4netns", ways, false).fix, "sudo apt-get install slirp4netns");
});

test("only root lacks what is root's, and nobody lacks the second way who has the first", () => {
  assert.equal(describeWay("nftables", ways, false).result, "ok");
  const nftables = { usable: true, summary: "TAP devices and nftables, out by eth0" };
  assert.equal(describeWay("slirp4netns", { ...ways, nftables }, true).result, "ok");
  assert.equal(describeWay("nftables", { ...ways, nftables }, true).result, "ok");
});
