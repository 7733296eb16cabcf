import assert from "node:assert/strict";
import { test } from "node:test";
import { guardedLookup, isLinkLocal, isLoopbackHost } from "./address-guard.ts";

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

test("this machine", () => {
  for (const host of ["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.255.0.9", "[::1]", "::1"])
    assert.ok(isLoopbackHost(host), host);
  for (const host of ["localhost.example.com", "128.0.0.1", "10.0.0.1", "[::2]", "example"])
    assert.ok(!isLoopbackHost(host), host);
});

test("a name that resolves to an address of this machine is found, in both forms of asking", async () => {
  for (const all of [true, false]) {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    guardedLookup("localhost", { all }, (error, address) => resolve(error ?? address));
    const found = await promise;
    assert.ok(all ? Array.isArray(found) : typeof found === "string", String(found));
  }
});
