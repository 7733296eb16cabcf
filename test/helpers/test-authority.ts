import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../src/lib/process.ts";

/** A private authority made by openssl, and a certificate of it for `registry.test` and 127.0.0.1. */
export class TestAuthority implements AsyncDisposable {
  readonly folder: string;
  /** The authority's own certificate, in PEM. */
  readonly certificate: string;
  /** Of the server. */
  readonly tls: { readonly key: string; readonly cert: string };

  private constructor(folder: string, tls: { readonly key: string; readonly cert: string }) {
    this.folder = folder;
    this.certificate = join(folder, "ca.crt");
    this.tls = tls;
  }

  static async make(): Promise<TestAuthority> {
    const folder = await mkdtemp(join(tmpdir(), "banger-tls-"));
    const ca = ["-x509", "-subj", "/CN=Private authority", "-keyout", "ca.key", "-out", "ca.crt"];
    const openssl = (args: readonly string[]): Promise<unknown> => run("openssl", args, { cwd: folder });
    await openssl(["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", ...ca]);
    const subject = ["-subj", "/CN=registry.test", "-addext", "subjectAltName=DNS:registry.test,IP:127.0.0.1"];
    const by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-keyout", "own.key", "-out", "own.crt", "-x509", "-days", "2"];
    await openssl(["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", ...subject, ...by]);
    const key = await readFile(join(folder, "own.key"), "utf8");
    return new TestAuthority(folder, { key, cert: await readFile(join(folder, "own.crt"), "utf8") });
  }

  /** A folder that trusts the authority for a host, as Docker is told to: FOLDER/HOST/ca.crt. */
  async trustedFor(host: string): Promise<string> {
    const certificates = await mkdtemp(join(this.folder, "certs.d-"));
    await mkdir(join(certificates, host));
    await writeFile(join(certificates, host, "ca.crt"), await readFile(this.certificate));
    return certificates;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
