import assert from "node:assert/strict";
import { test } from "node:test";
import { networkInterfaces } from "node:os";
import {
  ForbiddenAddress,
  guardedLookup,
  isLinkLocal,
  isLoopbackHost,
  isThisMachine,
  whyForbidden,
} from "./address-guard.ts";

test("link-local addresses and metadata services, as they stand in URLs", () => {
  for (const url of [
    "http://169.254.169.254/",
    "http://169.254.0.1:80/",
    "http://0xa9fea9fe/",
    "http://2852039166/",
    "http://0251.0376.0251.0376/",
    "http://[fe80::1]/",
    "http://[febf::1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[fd00:ec2::254]/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://[::ffff:168.63.129.16]/",
    "http://192.0.0.192/",
  ]) {
    assert.ok(isLinkLocal(new URL(url).hostname), url);
  }
  for (const url of [
    "http://169.253.1.1/",
    "http://10.0.0.1/",
    "http://[fd00::1]/",
    "http://example.com/",
    "http://127.0.0.1/",
  ]) {
    assert.ok(!isLinkLocal(new URL(url).hostname), url);
  }
});

test("the loopback, by which http may be spoken", () => {
  for (const host of [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "a.localhost.",
    "127.0.0.1",
    "127.255.0.9",
  ])
    assert.ok(isLoopbackHost(host), host);
  for (const host of ["[::1]", "::1", "[::ffff:127.0.0.1]"]) assert.ok(isLoopbackHost(host), host);
  for (const host of ["localhost.example.com", "128.0.0.1", "10.0.0.1", "[::2]", "example", "0.0.0.0"])
    assert.ok(!isLoopbackHost(host), host);
});

test("this machine: all that a connection ends at itself by", () => {
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries?.map(({ address }) => address) ?? []);
  const hosts = ["http://0.0.0.0/", "http://0/", "http://0.1.2.3/", "http://[::]/", "http://[::ffff:0.0.0.0]/"].map(
    (url) => new URL(url).hostname,
  );
  for (const host of [...hosts, "localhost.", "127.0.0.1", "[::ffff:7f00:1]", ...own])
    assert.ok(isThisMachine(host), host);
  const mapped = own.find((address) => address.includes(".") && !address.startsWith("127."));
  if (mapped !== undefined) assert.ok(isThisMachine(`[::ffff:${mapped}]`), mapped);
  for (const host of ["203.0.113.1", "example.com", "1.0.0.0", "[2001:db8::1]"]) assert.ok(!isThisMachine(host), host);
});

test("who may be led to this machine: the user, and who is on it", () => {
  assert.equal(whyForbidden("127.0.0.1", undefined), undefined);
  assert.equal(whyForbidden("127.0.0.1", { isHere: true }), undefined);
  assert.match(whyForbidden("127.0.0.1", { isHere: false }) ?? "", /may not lead to this machine/);
  assert.equal(whyForbidden("203.0.113.1", { isHere: false }), undefined);
  for (const linkedBy of [undefined, { isHere: true }, { isHere: false }])
    assert.match(whyForbidden("169.254.169.254", linkedBy) ?? "", /link-local/);
});

/** What the guard of a host says to a name, in both forms of asking. */
async function ask(target: string, name: string, isHere: boolean | undefined): Promise<readonly unknown[]> {
  const lookup = guardedLookup(target, isHere === undefined ? undefined : { isHere });
  return Promise.all(
    [true, false].map((all) => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      lookup(name, { all }, (error, address) => resolve(error ?? address));
      return promise;
    }),
  );
}

test("a name is judged by what it resolves to", async () => {
  for (const isHere of [undefined, true]) {
    const [all, one] = await ask("localhost", "localhost", isHere);
    assert.ok(Array.isArray(all) && typeof one === "string", String([all, one]));
  }
  for (const found of await ask("localhost", "localhost", false))
    assert.ok(found instanceof ForbiddenAddress, String(found));
  const [all] = await ask("registry.test", "localhost", false);
  assert.ok(Array.isArray(all), "another name than the target's is the proxy's");
});
