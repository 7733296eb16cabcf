import assert from "node:assert/strict";
import { test } from "node:test";
import { configSchema } from "../../../model/config.ts";
import type { VmNetwork } from "../../../model/vm.ts";
import type { WorldWishes } from "../../../model/world.ts";
import { planUserNetwork } from "../../../net/user-network.ts";
import { planWorld, type WorldPlan } from "./plan-world.ts";

const network = planUserNetwork("vm-0123456789abcdef");
const nothing: WorldPlan = { warnings: [] };

function plan(
  world: WorldWishes | undefined,
  {
    config = {},
    env = {},
    on = network,
    allowHost = false,
  }: {
    readonly config?: object;
    readonly env?: Record<string, string>;
    readonly on?: VmNetwork;
    readonly allowHost?: boolean;
  } = {},
): WorldPlan {
  const spec = { allowHost, ...(world !== undefined && { world }) };
  return planWorld(spec, on, configSchema.parse({ vm: config }).vm, env);
}

test("nothing of the host's world is given that nobody asked for", () => {
  const env = { http_proxy: "http://a:1", LANG: "de_DE.UTF-8", TZ: "Asia/Tokyo", SSL_CERT_FILE: "/x" };
  assert.deepEqual(plan(undefined, { env }), nothing);
});

test("the configuration gives it to every VM, and a VM may be without", () => {
  const config = { host_ca: true, host_proxy: "http://p:1", time_zone: "host", locale: "host" };
  const env = { LANG: "de_DE.UTF-8" };
  assert.deepEqual(plan(undefined, { config, env }), {
    authorities: { kind: "host", files: [] },
    proxies: { http: "http://p:1", https: "http://p:1", noneFor: "localhost,127.0.0.1" },
    timeZone: "host",
    locale: "de_DE.UTF-8",
    warnings: [],
  });
  assert.deepEqual(
    plan({ hostCa: false, hostProxy: false, timeZone: "none", locale: "none" }, { config, env }),
    nothing,
  );
  assert.deepEqual(plan({ hostCa: true, hostCaFiles: ["/a"] }).authorities, { kind: "host", files: ["/a"] });
  assert.deepEqual(plan({ hostCa: true }, { config: { host_ca: "/b" } }).authorities, { kind: "file", path: "/b" });
});

test("the daemon's own proxies are given where the configuration says so, unless they are none", () => {
  const config = { host_proxy: true };
  assert.equal(plan(undefined, { config, env: { http_proxy: "p:1" } }).proxies?.http, "http://p:1");
  assert.deepEqual(plan(undefined, { config, env: { http_proxy: "http://a'b" } }), nothing);
});

test("a proxy on the host's loopback is had by the gateway, by who may reach the host", () => {
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"]) {
    const wishes = { hostProxy: { http: `http://u:p@${host}:3128/`, https: "http://proxy.corp", noneFor: ".corp" } };
    const walled = plan(wishes);
    assert.deepEqual(walled.proxies, { https: "http://proxy.corp", noneFor: ".corp,localhost,127.0.0.1" });
    assert.match(walled.warnings.join(), /--allow-host/);
    assert.doesNotMatch(walled.warnings.join(), /u:p/);
    const free = plan(wishes, { allowHost: true });
    assert.equal(free.proxies?.http, "http://u:p@10.0.2.2:3128/");
    assert.deepEqual(free.warnings, []);
  }
});

test("without a network there is no proxy to reach", () => {
  const on: VmNetwork = { mode: "none" };
  assert.deepEqual(plan(undefined, { config: { host_proxy: "http://p:1" }, on }), nothing);
});
