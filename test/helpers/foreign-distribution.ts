import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "../../src/lib/process.ts";
import { fileOfLayout } from "./file-of-layout.ts";
import { FolderServer } from "./folder-server.ts";
import { withLayer } from "./image-with-files.ts";
import { PackageKey } from "./package-key.ts";
import { makePacmanRepository } from "./pacman-repository.ts";
import { repackage, type Names, type Part } from "./repackaged-debian.ts";
import { makeRpmRepository } from "./rpm-repository.ts";
import { lackingPackages } from "./test-apt-repository.ts";
import { debianImage } from "./test-images.ts";
import { ROOT } from "./test-host.ts";

/** How a distribution is stood up: its own package manager as Debian packages it, on Debian's files. */
interface Kind {
  readonly suite: string;
  /** Debian packages of the package manager. */
  readonly programs: readonly string[];
  /** Whose os-release(5) says what it is: of test/fixtures. */
  readonly osRelease: string;
  readonly names: Names;
  readonly make: (folder: string, parts: readonly Part[], key: PackageKey) => Promise<void>;
  /** Writes what names the repository and the key that it is trusted by. */
  readonly configure: (tree: string, url: string, key: PackageKey) => Promise<void>;
  /** Lines that /etc/passwd and /etc/group need besides. */
  readonly accounts?: Readonly<Record<string, string>>;
}

const DBUS_AND_SYSTEMD = { dbus: ["dbus"], systemd: ["systemd", "systemd-sysv"] } as const;
const SERVER = ["openssh-server", "openssh-sftp-server"] as const;

const KINDS = {
  dnf: {
    suite: "bookworm",
    programs: ["dnf", "rpm"],
    osRelease: "fedora-41",
    names: { ...DBUS_AND_SYSTEMD, "openssh-server": SERVER },
    make: makeRpmRepository,
    // Fedora's images have the key as a file, which is taken when the first package wants it.
    configure: async (tree, url, key) => {
      const lines = ["[fedora]", "name=fedora", `baseurl=${url}`, "enabled=1", "gpgcheck=1", "repo_gpgcheck=0"];
      await put(tree, "etc/pki/rpm-gpg/RPM-GPG-KEY-fedora", await key.publicKey());
      await put(
        tree,
        "etc/yum.repos.d/fedora.repo",
        `${lines.join("\n")}\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-fedora\n`,
      );
    },
  },
  zypper: {
    suite: "bookworm",
    programs: ["zypper"],
    osRelease: "opensuse-tumbleweed",
    names: { "dbus-1": ["dbus"], systemd: DBUS_AND_SYSTEMD.systemd, openssh: ["openssh-client", ...SERVER] },
    make: makeRpmRepository,
    // openSUSE's images have the key in the database of rpm.
    configure: async (tree, url, key) => {
      await put(
        tree,
        "etc/zypp/repos.d/oss.repo",
        `[oss]\nname=oss\nenabled=1\nautorefresh=1\nbaseurl=${url}\ntype=rpm-md\n`,
      );
      const file = join(key.home, "packages.asc");
      await writeFile(file, await key.publicKey());
      await run("rpm", ["--dbpath", join(tree, "var/lib/rpm"), "--import", file]);
    },
  },
  pacman: {
    suite: "trixie",
    programs: ["pacman-package-manager"],
    osRelease: "arch",
    names: { systemd: ["systemd"], "systemd-sysvcompat": ["systemd-sysv"], openssh: ["openssh-client", ...SERVER] },
    make: makePacmanRepository,
    // As Arch has it: packages must be signed, lists may be, and a user without rights fetches them.
    configure: async (tree, url, key) => {
      const options = ["HoldPkg = pacman glibc", "Architecture = auto", "CheckSpace", "DownloadUser = alpm"];
      const trust = ["SigLevel = Required DatabaseOptional", "LocalFileSigLevel = Optional"];
      await put(
        tree,
        "etc/pacman.conf",
        `[options]\n${[...options, ...trust].join("\n")}\n\n[core]\nServer = ${url}\n`,
      );
      await key.keyring(join(tree, "etc/pacman.d/gnupg"));
    },
    accounts: { "etc/passwd": "alpm:x:970:970::/:/usr/sbin/nologin\n", "etc/group": "alpm:x:970:\n" },
  },
} as const satisfies Readonly<Record<string, Kind>>;

/** The package managers that there are. */
export type Program = keyof typeof KINDS;

/** Debian's own package managers, which must not be what installs anything. */
const HIDDEN = ["usr/bin/.wh.apt-get", "usr/bin/.wh.apt", "usr/bin/.wh.dpkg", "etc/.wh.apt", "var/lib/.wh.dpkg"];

/**
 * A distribution other than Debian, as far as one can be made of Debian's packages: the real package manager in an image
 * that takes itself for another, and a repository for it, with signed packages that hold Debian's files.
 */
export class ForeignDistribution implements AsyncDisposable {
  readonly #kind: Kind;
  readonly #bare: string;
  readonly #folder: string;
  readonly #parts: readonly Part[];
  readonly #key: PackageKey;
  readonly server: FolderServer;

  private constructor(
    kind: Kind,
    bare: string,
    folder: string,
    parts: readonly Part[],
    key: PackageKey,
    server: FolderServer,
  ) {
    this.#kind = kind;
    this.#bare = bare;
    this.#folder = folder;
    this.#parts = parts;
    this.#key = key;
    this.server = server;
  }

  static async start(name: Program): Promise<ForeignDistribution> {
    const kind: Kind = KINDS[name];
    const bare = await debianImage(kind.suite, kind.programs);
    const wanted = ["systemd", "systemd-sysv", "dbus", "openssh-server"];
    const debs = await lackingPackages(kind.suite, bare.slice("oci:".length), wanted);
    const folder = await mkdtemp(join(tmpdir(), "bh-dist-"));
    const parts = await repackage(debs, join(folder, "parts"), kind.names);
    const key = await PackageKey.make(join(folder, "gpg"));
    const served = join(folder, "served");
    await kind.make(join(served, "all"), parts, key);
    return new ForeignDistribution(kind, bare, folder, parts, key, await FolderServer.start(served));
  }

  /** Publishes another repository that lacks a package, or whose packages are signed by a stranger. */
  async publish(
    name: string,
    { without, stranger }: { readonly without?: string; readonly stranger?: true },
  ): Promise<void> {
    await using other = stranger === true ? await PackageKey.make(join(this.#folder, `gpg-${name}`)) : undefined;
    const parts = this.#parts.filter((part) => part.name !== without);
    await this.#kind.make(join(this.#folder, "served", name), parts, other ?? this.#key);
  }

  /** An image that is told to take its packages from one of the repositories. */
  image(repository = "all"): ReturnType<typeof withLayer> {
    return withLayer(this.#bare, async (tree) => {
      for (const path of HIDDEN) await put(tree, path, "");
      await mkdir(join(tree, "etc"), { recursive: true });
      await copyFile(join(ROOT, "test/fixtures/os-release", this.#kind.osRelease), join(tree, "etc/os-release"));
      for (const [path, line] of Object.entries(this.#kind.accounts ?? {}))
        await put(tree, path, (await fileOfLayout(this.#bare.slice("oci:".length), path)) + line);
      await this.#kind.configure(tree, `http://10.0.2.2:${this.server.port}/${repository}`, this.#key);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.#key[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function put(tree: string, path: string, content: string): Promise<void> {
  await mkdir(dirname(join(tree, path)), { recursive: true });
  await writeFile(join(tree, path), content);
}
