import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { LAB, NetworkLab, runIn, whyNoLab } from "../helpers/network-lab.ts";

const skip = (await whyNoLab()) ?? false;
const LEADER = `${LAB.outside}:9300`;
/** A server of this machine's, by every way to name it. */
const HERE = [
  `http://127.0.0.1:${LAB.port}/`,
  `http://0.0.0.0:${LAB.port}/`,
  `http://0:${LAB.port}/`,
  `http://localhost.:${LAB.port}/`,
  `http://[::ffff:127.0.0.1]:${LAB.port}/`,
  `http://${LAB.host}:${LAB.port}/`,
  `http://loop.test:${LAB.port}/`,
  `http://lan.test:${LAB.port}/`,
] as const;
const CLOUDS = [LAB.metadata, LAB.azure, LAB.alibaba, "192.0.0.192", "cloud.test"].map(
  (host) => `http://${host}:9000/`,
);

suite("servers that lead to this machine, or to clouds' credentials", { skip, timeout: 120_000 }, () => {
  let lab: NetworkLab;
  let folder: string;

  before(async () => {
    lab = await NetworkLab.make();
    folder = await mkdtemp(join(tmpdir(), "banger-links-"));
    await lab.host(
      "tee",
      ["/mnt/hosts"],
      `127.0.0.1 localhost loop.test\n${LAB.host} lan.test\n${LAB.metadata} cloud.test\n`,
    );
    await lab.host("mount", ["--bind", "/mnt/hosts", "/etc/hosts"]);
    await lab.serve(lab.onHost, "host");
    await lab.serve(lab.outside, "outside");
    const auths = { [LEADER]: { auth: Buffer.from("me:secret").toString("base64") } };
    await writeFile(join(folder, "config.json"), JSON.stringify({ auths }));
    for (const where of [lab.outside, lab.onHost]) await lead(where);
  });

  after(async () => {
    await lab[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  /** Starts the server that leads elsewhere; it ends with the lab's namespaces. */
  async function lead(where: readonly string[]): Promise<void> {
    const script = join(import.meta.dirname, "../helpers/leading-server.ts");
    const [program = "", ...words] = where;
    const server = spawn(program, [...words, process.execPath, script, "0.0.0.0", "9300"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    servers.push(server);
    await once(server.stdout, "data");
  }
  const servers: ReturnType<typeof spawn>[] = [];
  after(() => servers.forEach((server) => server.kill("SIGKILL")));

  async function follow(lines: readonly string[]): Promise<readonly string[]> {
    const script = join(import.meta.dirname, "../helpers/follow-links.ts");
    const said = await runIn(lab.onHost, process.execPath, [script, folder], JSON.stringify(lines));
    return JSON.parse(said) as string[];
  }
  const redirect = (leader: string, url: string): string => `http://${leader}/to?${encodeURIComponent(url)}`;
  const realm = (leader: string, url: string): string => `${leader}/${Buffer.from(url).toString("hex")}/image:1`;

  test("what the user names is asked, wherever it is", async () => {
    const [loopback, lan] = await follow([`web ${HERE[0]}`, `debian ${HERE[7]}`]);
    assert.match(loopback ?? "", /^host 127/);
    assert.match(lan ?? "", /^host /);
  });

  for (const how of ["web", "debian"] as const) {
    test(`redirects of a server elsewhere do not arrive here (${how})`, async () => {
      const said = await follow([...HERE, ...CLOUDS].map((url) => `${how} ${redirect(LEADER, url)}`));
      for (const [index, answer] of said.entries()) {
        assert.match(answer, /may not lead to this machine|credentials/, [...HERE, ...CLOUDS][index]);
        assert.match(answer, how === "web" ? /^REGISTRY_FAILED/ : /^MIRROR_FAILED/);
      }
    });

    test(`redirects elsewhere, and those of a server on this machine, do (${how})`, async () => {
      const outside = await follow([`${how} ${redirect(LEADER, `http://${LAB.outside}:${LAB.port}/`)}`]);
      assert.match(outside[0] ?? "", /^outside /);
      const leaders = ["127.0.0.1:9300", "lan.test:9300", "loop.test:9300"];
      for (const answer of await follow(leaders.map((leader) => `${how} ${redirect(leader, HERE[6])}`))) {
        assert.match(answer, /^host /);
      }
    });
  }

  test("a realm on this machine gets no login, unless the registry is on it too", async () => {
    const said = await follow([...HERE, ...CLOUDS].map((url) => `image ${realm(LEADER, url)}`));
    for (const [index, answer] of said.entries()) {
      assert.match(
        answer,
        /^REGISTRY_FAILED: .*(may not lead to this machine|credentials)/,
        [...HERE, ...CLOUDS][index],
      );
    }
    const [asked, outside] = await follow([
      `image ${realm("127.0.0.1:9300", HERE[0])}`,
      `image ${realm(LEADER, `http://${LAB.outside}:${LAB.port}/`)}`,
    ]);
    assert.match(asked ?? "", /holds no token/, "it was asked");
    assert.match(outside ?? "", /holds no token/, "it was asked");
  });
});
