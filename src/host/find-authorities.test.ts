import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { TestAuthority } from "../../test/helpers/test-authority.ts";
import { beyondDistribution, parseAuthorities, type Authority } from "./authorities.ts";
import { hostCaCheck } from "./checks/host-ca.ts";
import { authoritiesOf, findAuthorities } from "./find-authorities.ts";

const certificates: string[] = [];
let leaf: string;
let root: string;
const held = new AsyncDisposableStack();
before(async () => {
  for (let made = 0; made < 4; made += 1) {
    const authority = held.use(await TestAuthority.make());
    certificates.push(await readFile(authority.certificate, "utf8"));
    leaf = authority.tls.cert;
  }
  root = await mkdtemp(join(tmpdir(), "banger-authorities-"));
});
after(async () => {
  await held.disposeAsync();
  await rm(root, { recursive: true, force: true });
});

async function host(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(root, "host-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

function pems(authorities: readonly Authority[]): readonly string[] {
  return authorities.map(({ pem }) => pem);
}

test("what the host trusts beyond its distribution is what its administrator and the user's variables name", async () => {
  const [mozilla = "", anchor = "", packaged = "", named = ""] = certificates;
  const on = await host({
    "usr/share/ca-certificates/mozilla/M.crt": mozilla,
    "usr/share/ca-certificates/corp/P.crt": packaged,
    "etc/ca-certificates.conf": "# a comment\nmozilla/M.crt\n!corp/not.crt\ncorp/P.crt\n",
    "usr/local/share/ca-certificates/A.crt": anchor,
    // As `SSL_CERT_FILE` often names it: a bundle of all, with words between.
    "bundle.pem": `# Mozilla\n${mozilla}\n# ours\n${anchor}${named}`,
  });
  const found = await findAuthorities([join(on, "bundle.pem"), join(on, "missing.pem")], { root: on });
  assert.deepEqual(pems(found.authorities), [anchor, packaged, named]);
  assert.deepEqual(found.left, []);
});

test("anchors are found where Fedora, Arch and SUSE have them", async () => {
  const [mozilla = "", anchor = ""] = certificates;
  for (const folder of [
    "etc/pki/ca-trust/source/anchors",
    "etc/ca-certificates/trust-source/anchors",
    "etc/pki/trust/anchors",
  ]) {
    const on = await host({
      "usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit": `[p11-kit-object-v1]\nlabel: "M"\n${mozilla}`,
      [`${folder}/A.pem`]: anchor + mozilla,
    });
    const { authorities } = await findAuthorities([], { root: on });
    assert.deepEqual(pems(authorities), [anchor], folder);
  }
});

test("where a distribution's own cannot be told, a user's bundle counts for what the host's has not", async () => {
  const [mozilla = "", , , named = ""] = certificates;
  const on = await host({ "etc/ssl/cert.pem": mozilla, "mine.pem": mozilla + named });
  assert.deepEqual(pems((await findAuthorities([join(on, "mine.pem")], { root: on })).authorities), [named]);
});

test("what is no authority, has expired or is no certificate is left out and said", async () => {
  const [one = ""] = certificates;
  const now = new Date();
  assert.match(
    parseAuthorities(Buffer.from("nonsense"), "x.crt", now).left.join(),
    /x\.crt holds something that is no/,
  );
  const server = await withoutAuthority();
  assert.match(
    parseAuthorities(Buffer.from(server), "x.crt", now).left.join(),
    /CN=server is no certificate authority/,
  );
  const later = new Date(now.getTime() + 10 * 24 * 3600 * 1000);
  assert.match(parseAuthorities(Buffer.from(one), "x.crt", later).left.join(), /has expired/);
  assert.deepEqual(parseAuthorities(Buffer.from(one), "x.crt", later).authorities, []);
  assert.notEqual(leaf, "");
});

/** A server's certificate that says of itself that it is no authority. */
async function withoutAuthority(): Promise<string> {
  const folder = await mkdtemp(join(root, "leaf-"));
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k"];
  const words = [
    "req",
    "-x509",
    ...key,
    "-subj",
    "/CN=server",
    "-addext",
    "basicConstraints=critical,CA:FALSE",
    "-out",
    "c",
  ];
  await promisify(execFile)("openssl", words, { cwd: folder });
  return readFile(join(folder, "c"), "utf8");
}

test("a FIFO or a device in a variable keeps nobody waiting", async () => {
  const on = await host({});
  await promisify(execFile)("mkfifo", [join(on, "fifo")]);
  await symlink("/dev/zero", join(on, "zero"));
  const { authorities, left } = await findAuthorities([join(on, "fifo"), join(on, "zero"), on], { root: on });
  assert.deepEqual(authorities, []);
  assert.equal(left.length, 3);
});

test("no more is given than a guest takes", () => {
  const many = Array.from({ length: 150 }, (_, index) => ({ name: `${index}`, digest: `${index}`, pem: "x" }));
  const { authorities, left } = beyondDistribution([...many, ...many], new Set(["0"]));
  assert.equal(authorities.length, 100);
  assert.deepEqual(left, ["49 are more than a guest can be given"]);
  const large = many.map((one) => ({ ...one, pem: "x".repeat(100_000) }));
  assert.equal(beyondDistribution(large, new Set()).authorities.length, 5);
});

test("doctor says what would be given, and what would not", async () => {
  const [one = ""] = certificates;
  const on = await host({ "a.pem": one, "b.pem": "nonsense" });
  const { signal } = new AbortController();
  const good = await hostCaCheck(() => authoritiesOf(join(on, "a.pem"))).look(signal);
  assert.equal(good.result, "ok");
  assert.match(good.summary, /--host-ca would give CN=Private authority/);
  const bad = await hostCaCheck(() => authoritiesOf(join(on, "b.pem"))).look(signal);
  assert.equal(bad.result, "warn");
  const none = await hostCaCheck(() => findAuthorities([], { root: on })).look(signal);
  assert.match(none.summary, /none beyond the distribution's/);
});
