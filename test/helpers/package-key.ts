import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../src/lib/process.ts";

/** A key that signs packages and their lists, made by GnuPG, without a passphrase. */
export class PackageKey {
  readonly home: string;
  readonly fingerprint: string;

  private constructor(home: string, fingerprint: string) {
    this.home = home;
    this.fingerprint = fingerprint;
  }

  /** @param home a folder that is made, and is GnuPG's own. Its path must be short: a socket lies in it. */
  static async make(home: string): Promise<PackageKey> {
    await mkdir(home, { mode: 0o700 });
    const gpg = gpgIn(home);
    await gpg(
      "--passphrase",
      "",
      "--quick-generate-key",
      "Test packages <packages@example.com>",
      "rsa2048",
      "sign",
      "0",
    );
    const fingerprint = /^fpr:+(\w+):/m.exec(await gpg("--with-colons", "--list-keys"))?.[1] ?? "";
    return new PackageKey(home, fingerprint);
  }

  /** The public key, as distributions lay one into their images. */
  async publicKey(): Promise<string> {
    return gpgIn(this.home)("--armor", "--export", this.fingerprint);
  }

  /** Writes FILE.asc, or FILE.sig in binary form. */
  async sign(file: string, form: "asc" | "sig"): Promise<void> {
    const armor = form === "asc" ? ["--armor"] : [];
    await gpgIn(this.home)(...armor, "--output", `${file}.${form}`, "--detach-sign", file);
  }

  /** A folder for GnuPG that holds the public key and trusts it, as pacman-key(8) makes one. */
  async keyring(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    // pacman asks for the older form by name; GnuPG takes it where it is.
    await writeFile(join(folder, "pubring.gpg"), "");
    const gpg = gpgIn(folder);
    const key = join(this.home, "public.asc");
    await writeFile(key, await this.publicKey());
    await gpg("--import", key);
    const trust = join(this.home, "trust");
    await writeFile(trust, `${this.fingerprint}:6:\n`);
    await gpg("--import-ownertrust", trust);
    await run("gpgconf", ["--homedir", folder, "--kill", "all"]);
    await chmod(folder, 0o755);
  }

  /** Ends the agent that GnuPG leaves running. */
  async [Symbol.asyncDispose](): Promise<void> {
    await run("gpgconf", ["--homedir", this.home, "--kill", "all"]);
  }
}

function gpgIn(home: string) {
  return async (...args: readonly string[]): Promise<string> =>
    (await run("gpg", ["--homedir", home, "--batch", "--quiet", "--yes", ...args])).stdout;
}
