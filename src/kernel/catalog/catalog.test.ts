import assert from "node:assert/strict";
import { test } from "node:test";
import { MinisignTestKey } from "../../../test/helpers/minisign-key.ts";
import { checkCatalogSignature, parseCatalog, refuseDowngrade, requireKey } from "./catalog.ts";

const from = "https://a.example/catalog.json";
const empty = { version: 1, serial: 3, issuedAt: "2026-01-01T00:00:00Z", kernels: [] };
const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

test("a catalog is read, and what is none says where it is wrong", () => {
  assert.equal(parseCatalog(bytes(empty), from).serial, 3);
  const refused = (data: Uint8Array, why: RegExp): void =>
    assert.throws(() => parseCatalog(data, from), {
      code: "CATALOG_INVALID",
      what: `the catalog ${from} cannot be read`,
      why,
    });
  refused(Buffer.from("{"), /JSON/);
  refused(Buffer.concat([bytes(empty).subarray(0, -1), Buffer.from([0xff, 0x7d])]), /not valid|encoded/);
  refused(bytes({ ...empty, serial: -1 }), /^serial: /);
  refused(bytes({ ...empty, version: 0 }), /^version: /);
  refused(bytes({ ...empty, version: "2" }), /^version: /);
  refused(bytes({ ...empty, kernels: [{}] }), /^kernels\.0\.name: /);
  for (const none of [null, 1, "a", []]) refused(bytes(none), /^: /);
});

test("a catalog of a newer format asks for a newer banger", () => {
  assert.throws(() => parseCatalog(bytes({ version: 2, all: "else" }), from), {
    code: "CATALOG_INVALID",
    what: /newer format/,
    fix: "upgrade banger",
  });
});

test("a key is one of minisign's", () => {
  const key = new MinisignTestKey();
  assert.ok(requireKey(key.publicKey, from));
  for (const text of ["", "RW", key.publicKey.slice(1), "ssh-ed25519 AAAA"])
    assert.throws(() => requireKey(text, from), { code: "CONFIG_INVALID", what: new RegExp(from) }, text);
});

test("a catalog counts with the signature of its key alone", () => {
  const key = new MinisignTestKey();
  const data = bytes(empty);
  const check = (signature: string, of = data): void =>
    checkCatalogSignature(of, signature, requireKey(key.publicKey, from), from);
  check(key.sign(data));
  for (const signature of ["", "none", new MinisignTestKey().sign(data), key.sign(Buffer.from("other"))])
    assert.throws(() => check(signature), { code: "CATALOG_UNTRUSTED" }, signature);
  assert.throws(() => check(key.sign(data), bytes({ ...empty, serial: 4 })), { code: "CATALOG_UNTRUSTED" });
});

test("a catalog never goes back, and never says two things under one number", () => {
  const edition = (serial: number, sha256 = "a") => ({ serial, sha256 });
  for (const [found, seen] of [
    [edition(0), undefined],
    [edition(2), edition(1)],
    [edition(2), edition(2)],
    [edition(2, "b"), edition(1, "a")],
  ] as const) {
    refuseDowngrade(found, seen, from);
  }
  const went = { code: "CATALOG_DOWNGRADED" };
  assert.throws(() => refuseDowngrade(edition(1), edition(2), from), { ...went, why: /edition 1, and edition 2/ });
  assert.throws(() => refuseDowngrade(edition(1, "b"), edition(2, "a"), from), { ...went, why: /edition 1, and/ });
  assert.throws(() => refuseDowngrade(edition(2, "b"), edition(2, "a"), from), { ...went, why: /another content/ });
});
