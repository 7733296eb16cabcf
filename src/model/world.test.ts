import assert from "node:assert/strict";
import { test } from "node:test";
import { localeOf, proxiesOf } from "./user-environment.ts";
import {
  localeSchema,
  proxiesSchema,
  timeZoneSchema,
  wishesOf,
  withoutSecrets,
  withoutUser,
  worldSchema,
  type WorldWishes,
} from "./world.ts";

test("proxies are read as programs read them: small letters first, a scheme where none is written", () => {
  assert.equal(proxiesOf({ PATH: "/bin", no_proxy: "x" }), undefined);
  assert.deepEqual(
    proxiesOf({ http_proxy: "a:1", HTTP_PROXY: "http://b:2", HTTPS_PROXY: "https://c:3", NO_PROXY: ".d" }),
    {
      http: "http://a:1",
      https: "https://c:3",
      noneFor: ".d",
    },
  );
  assert.deepEqual(proxiesOf({ ALL_PROXY: "socks5h://a:1", http_proxy: "" }), {
    http: "socks5h://a:1",
    https: "socks5h://a:1",
    noneFor: "",
  });
});

test("what is shown of a proxy names no user and no password", () => {
  const world = {
    hostCa: true,
    hostProxy: { http: "http://me:s3cret@proxy:3128/x?s3cret", https: "http://s3cret@b", noneFor: "" },
  };
  const { world: shown } = withoutSecrets({ world });
  assert.deepEqual(shown, {
    hostCa: true,
    hostProxy: { http: "http://***@proxy:3128", https: "http://***@b", noneFor: "" },
  });
  assert.doesNotMatch(JSON.stringify(shown), /s3cret|me:/);
  for (const same of [{}, { world: { hostProxy: false as const } }, { world: { locale: "C" } }]) {
    assert.deepEqual(withoutSecrets(same), same);
  }
});

test("nothing that could leave a shell's or apt's quotes is a proxy", () => {
  for (const http of [
    "http://a'b",
    'http://a"b',
    "http://a b",
    "ftp://a",
    "http://",
    "a:1",
    "http://a\n",
    "http://a\\",
  ]) {
    assert.equal(proxiesSchema.safeParse({ http }).success, false, http);
  }
  for (const http of ["http://u:p%40ss@proxy.corp:3128", "https://[::1]:8080/", "socks5h://a:1"]) {
    assert.equal(proxiesSchema.safeParse({ http }).success, true, http);
  }
  assert.equal(proxiesSchema.safeParse({ http: "http://a", noneFor: "a'b" }).success, false);
});

test("time zones and locales are names, and no paths", () => {
  for (const good of ["Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+5", "host", "none"]) {
    assert.equal(timeZoneSchema.safeParse(good).success, true, good);
  }
  for (const bad of ["", "../x", "/etc/passwd", "A//B", "a/b/c/d", "x\n"]) {
    assert.equal(timeZoneSchema.safeParse(bad).success, false, bad);
  }
  for (const good of ["de_DE.UTF-8", "C", "C.UTF-8", "sr_RS@latin", "host"]) {
    assert.equal(localeSchema.safeParse(good).success, true, good);
  }
  for (const bad of ["", "de DE", "../x", "de_DE.UTF-8\n", "a=b"])
    assert.equal(localeSchema.safeParse(bad).success, false, bad);
});

test("LC_ALL wins over LANG, and an empty one is none", () => {
  assert.equal(localeOf({ LANG: "a", LC_ALL: "b" }), "b");
  assert.equal(localeOf({ LANG: "a", LC_ALL: "" }), "a");
  assert.equal(localeOf({}), undefined);
});

test("a VM that was asked nothing keeps no wishes", () => {
  assert.equal(wishesOf({}), undefined);
  assert.deepEqual(wishesOf({ hostCa: false }), { hostCa: false });
});

test("each wish is kept by itself, also one that says no", () => {
  const all: WorldWishes = { hostCa: false, hostCaFiles: [], hostProxy: false, timeZone: "UTC", locale: "C" };
  assert.deepEqual(wishesOf(all), all);
  for (const [name, value] of Object.entries(all)) assert.deepEqual(wishesOf({ [name]: value }), { [name]: value });
});

test("a proxy for one of the two is shown for that one; who names only a password is hidden too", () => {
  const shown = (hostProxy: object) => withoutSecrets({ world: { hostProxy: { noneFor: "a", ...hostProxy } } }).world;
  assert.deepEqual(shown({ http: "http://a:1" }), { hostProxy: { http: "http://a:1", noneFor: "a" } });
  assert.deepEqual(shown({ https: "http://u@a:1" }), { hostProxy: { https: "http://***@a:1", noneFor: "a" } });
  assert.equal(withoutUser("http://:p@a:1/"), "http://***@a:1");
  assert.equal(withoutUser("http://u@a"), "http://***@a");
});

test("what a guest is given of the host is bounded, and its files are named by whole paths", () => {
  const takes = (world: object): boolean => worldSchema.safeParse(world).success;
  const files = (...hostCaFiles: readonly string[]): boolean => takes({ hostCaFiles });
  assert.ok(files(...Array<string>(16).fill("/a")));
  assert.ok(files(`/${"a".repeat(4095)}`));
  for (const refused of [Array<string>(17).fill("/a"), [`/${"a".repeat(4096)}`], ["a/"], [""]])
    assert.ok(!files(...refused), String(refused).slice(0, 40));
  const proxy = (url: string): boolean => takes({ hostProxy: { http: url } });
  for (const url of ["socks4://a", "socks4a://a", "socks5://a", "socks5h://a", "http://a", `http://${"a".repeat(200)}`])
    assert.ok(proxy(url), url);
  for (const url of ["socks6://a", "socks5x://a", "xhttp://a", `http://a/${"a".repeat(2048)}`, "http://[", "http://é"])
    assert.ok(!proxy(url), url.slice(0, 40));
  const without = (noneFor: string): boolean => takes({ hostProxy: { http: "http://a", noneFor } });
  for (const hosts of ["", ".a, b", "a".repeat(4096)]) assert.ok(without(hosts), hosts.slice(0, 40));
  for (const hosts of ['a"b', "a\nb", "\na", "a\n", "a;b\\", "a".repeat(4097)])
    assert.ok(!without(hosts), hosts.slice(0, 40));
});

test("an upper-case variable stands where the lower-case one is empty, and one for all where there is none", () => {
  assert.deepEqual(proxiesOf({ https_proxy: "", HTTPS_PROXY: "b:2", no_proxy: "", NO_PROXY: "x" }), {
    https: "http://b:2",
    noneFor: "x",
  });
  assert.deepEqual(proxiesOf({ all_proxy: "c:3", http_proxy: "a:1" }), {
    http: "http://a:1",
    https: "http://c:3",
    noneFor: "",
  });
});
