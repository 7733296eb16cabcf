import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { withFiles } from "../helpers/image-with-files.ts";
import { opencodeProgram } from "../helpers/opencode.ts";
import { debianImage } from "../helpers/test-images.ts";
import { ROOT, TestHost } from "../helpers/test-host.ts";
import { genericKernel } from "../helpers/tiny-guest.ts";

const UNIT = `[Service]
Environment=HOME=/root
ExecStart=/usr/local/bin/opencode serve --hostname 127.0.0.1 --port 4096
`;

interface Readiness {
  readonly name: string;
  readonly kind: string;
  readonly port: number;
  readonly state: string;
  readonly afterMs?: number;
  readonly why?: string;
}

async function patience(host: TestHost, seconds: number): Promise<void> {
  await mkdir(join(host.folder, ".config/banger"), { recursive: true });
  await writeFile(join(host.folder, ".config/banger/config.toml"), `[vm]\nstart_timeout = ${seconds}\n`);
}

/** The real program from npm, in a real image that says what it offers. */
suite("a VM whose image declares opencode", { timeout: 2_400_000, concurrency: 2 }, () => {
  let host: TestHost;
  const resources = new AsyncDisposableStack();

  before(async () => {
    host = resources.use(await TestHost.start());
    // By emulation it needs a minute, and on a busy host many.
    await patience(host, 800);
    const files = {
      "usr/local/bin/opencode": { from: await opencodeProgram() },
      "etc/systemd/system/opencode.service": UNIT,
      "etc/systemd/system/multi-user.target.d/opencode.conf": "[Unit]\nWants=opencode.service\n",
    };
    const command = ["opencode", "serve", "--hostname", "127.0.0.1", "--port", "4096"];
    const image = resources.use(
      await withFiles(await debianImage("bookworm"), files, [
        "--config.label",
        "dev.banger.services=opencode=vsock:4096",
        "--clear=config.cmd",
        ...command.flatMap((word) => ["--config.cmd", word]),
      ]),
    );
    await host.ok(["kernel", "import", "generic-6.12", "--vmlinux", genericKernel()]);
    await host.ok([
      "image",
      "pull",
      `oci:${image.layout}:${image.tag}`,
      "--name",
      "oc",
      "--kernel-ref",
      "generic-6.12",
    ]);
  });
  after(() => resources.disposeAsync());

  async function services(vm: string): Promise<readonly Readiness[] | undefined> {
    return (await host.json<{ services?: readonly Readiness[] }>(["vm", "inspect", vm])).services;
  }

  /**
   * The first line of an answer on the port, from the host, without any network. The request has no Host, so that its
   * server refuses it by itself: what it would do for a right one takes it minutes by emulation. The request's end stays
   * open: a half-closed connection may be taken for one that nobody waits on.
   */
  async function answer(vm: string): Promise<string> {
    const script = `coproc P { exec ${join(ROOT, "build/bin/banger")} vm proxy ${vm} --target vsock:4096; }
printf 'GET / HTTP/1.1\\r\\n\\r\\n' >&"\${P[1]}"
head -n 1 <&"\${P[0]}"; kill "$P_PID"`;
    return (await host.run("bash", ["-c", script])).stdout.toString();
  }

  for (const [init, how] of [
    ["agent", ["--service"]],
    ["systemd", []],
  ] as const) {
    test(`--init ${init}: ready means that it answers`, async () => {
      await host.ok(["vm", "create", "--name", init, "--image", "oc", "--init", init, ...how], { timeoutMs: 900_000 });
      const [opencode, ...others] = (await services(init)) ?? [];
      assert.deepEqual(others, []);
      assert.deepEqual([opencode?.name, opencode?.kind, opencode?.port], ["opencode", "vsock", 4096]);
      assert.equal(opencode?.state, "ready");
      assert.ok((opencode?.afterMs ?? 0) > 0);
      assert.match(await answer(init), /^HTTP\/1\.1 400 /);
      await host.ok(["vm", "delete", "--force", init]);
    });
  }

  test("where nothing starts it, it is not waited for, and the reason is told", async () => {
    await host.ok(["vm", "create", "--name", "idle", "--image", "oc", "--init", "agent"]);
    const [opencode] = (await services("idle")) ?? [];
    assert.equal(opencode?.state, "skipped");
    assert.match(opencode?.why ?? "", /nothing would start it/);
    await host.ok(["vm", "delete", "--force", "idle"]);
  });

  test("an image that declares nothing waits for nothing", async () => {
    await host.ok(["image", "pull", await debianImage("bookworm"), "--name", "plain", "--kernel-ref", "generic-6.12"]);
    await host.ok(["vm", "create", "--name", "plain", "--image", "plain", "--init", "agent"]);
    assert.equal(await services("plain"), undefined);
    await host.ok(["vm", "delete", "--force", "plain"]);
  });

  test("one that is declared and never answers ends the start, by its name", async () => {
    await using impatient = await TestHost.start();
    await patience(impatient, 40);
    const label = ["--config.label", "dev.banger.services=nobody=tcp:4097"];
    await using image = await withFiles(await debianImage("bookworm"), { "etc/asked": "nobody\n" }, label);
    await impatient.ok(["kernel", "import", "generic-6.12", "--vmlinux", genericKernel()]);
    const reference = `oci:${image.layout}:${image.tag}`;
    await impatient.ok(["image", "pull", reference, "--name", "quiet", "--kernel-ref", "generic-6.12"]);
    const result = await impatient.banger(["vm", "create", "--name", "quiet", "--image", "quiet"]);
    assert.equal(result.code, 7);
    assert.match(result.stderr, /nobody \(tcp port 4097\)/);
  });
});
