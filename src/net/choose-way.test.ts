import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetworkWays, WayFound } from "../model/network.ts";
import { chooseWay } from "./choose-way.ts";

const yes = (summary: string): WayFound => ({ usable: true, summary });
const no = (summary: string): WayFound => ({ usable: false, summary, fix: `mend ${summary}` });
const user = yes("QEMU translates by itself");
const all: NetworkWays = { nftables: yes("by eth0"), slirp4netns: yes("in a namespace"), user };
const some: NetworkWays = { ...all, nftables: no("eth0 does not forward") };
const none: NetworkWays = { ...some, slirp4netns: no("slirp4netns is not in PATH") };
const plain = { allowHost: false, allowVms: false };

test("the first way that is usable is taken, and what spoke against the others is told", () => {
  assert.deepEqual(chooseWay("auto", plain, all), { way: "nftables", why: "by eth0" });
  const second = chooseWay("auto", plain, some);
  assert.equal(second.way, "slirp4netns");
  assert.match(second.why, /not by nftables: eth0 does not forward/);
});

test("a VM without a wall is told so, unless it asked for none", () => {
  assert.match(chooseWay("auto", plain, none).why, /no wall .*not by slirp4netns: slirp4netns is not in PATH/);
  assert.doesNotMatch(chooseWay("auto", { ...plain, allowHost: true }, none).why, /no wall/);
  assert.match(chooseWay("user", plain, all).why, /nat = "user"; there is no wall/);
});

test("what the configuration asks for is taken or refused, with what mends it", () => {
  assert.equal(chooseWay("slirp4netns", plain, all).way, "slirp4netns");
  const refused = { code: "NETWORK_UNAVAILABLE", why: "eth0 does not forward", fix: "mend eth0 does not forward" };
  assert.throws(() => chooseWay("nftables", plain, some), refused);
  const doubtful: NetworkWays = { ...all, nftables: { ...no("a firewall drops"), onRequest: true } };
  assert.equal(chooseWay("auto", plain, doubtful).way, "slirp4netns");
  assert.equal(chooseWay("nftables", plain, doubtful).way, "nftables");
});

test("only a network of the host lets VMs reach each other", () => {
  assert.equal(chooseWay("auto", { ...plain, allowVms: true }, all).way, "nftables");
  assert.throws(() => chooseWay("auto", { ...plain, allowVms: true }, some), {
    code: "NETWORK_UNAVAILABLE",
    why: "eth0 does not forward",
  });
});

test("a refusal says what mends it, also where the host knows nothing", () => {
  const bare = (summary: string): WayFound => ({ usable: false, summary });
  const nothing: NetworkWays = { nftables: bare("a"), slirp4netns: bare("b"), user: bare("c") };
  assert.throws(() => chooseWay("auto", plain, nothing), { why: "c", fix: /banger doctor/ });
  const asked = { ...plain, allowVms: true };
  assert.throws(() => chooseWay("slirp4netns", asked, all), { why: 'the configuration says nat = "slirp4netns"' });
  assert.throws(() => chooseWay("auto", asked, { ...all, nftables: bare("a") }), {
    why: "a",
    fix: /^see `banger doctor`/,
  });
  assert.throws(() => chooseWay("auto", asked, some), { fix: /^mend eth0 does not forward; or publish/ });
});

test("why a way was taken is told in full: what was asked, that there is no wall, what was passed over", () => {
  assert.equal(chooseWay("slirp4netns", plain, all).why, 'the configuration says nat = "slirp4netns"');
  assert.equal(chooseWay("auto", plain, some).why, "in a namespace; not by nftables: eth0 does not forward");
  assert.equal(
    chooseWay("auto", { ...plain, allowHost: true }, none).why,
    "QEMU translates by itself; not by nftables: eth0 does not forward; " +
      "not by slirp4netns: slirp4netns is not in PATH",
  );
});
