import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Namespace } from "../../src/net/namespace/namespace.ts";
import { VM_DEVICE } from "../../src/net/namespace/namespace-plan.ts";
import { probe, macAt, type Probe } from "../helpers/frames.ts";
import { getFrom } from "../helpers/lab-guest.ts";
import { LAB, NetworkLab, runIn, whyNoLab } from "../helpers/network-lab.ts";
import { TapGuest } from "../helpers/tap-guest.ts";

const skip = (await whyNoLab()) ?? false;
const GUEST = { address: "10.0.2.15/24", gateway: "10.0.2.2", mac: "02:00:00:00:00:01" };
/** Addresses that the lab's host gets later, as from a VPN. */
const LATER = ["192.0.2.1", "192.0.2.2"] as const;

suite("the wall of a namespace, and addresses that the host gets later", { skip, timeout: 120_000 }, () => {
  let lab: NetworkLab;
  let folder: string;
  let opener: ChildProcess;
  let namespace: Namespace;
  let guest: TapGuest;

  before(async () => {
    lab = await NetworkLab.make();
    await lab.host("ip", ["link", "add", "later0", "type", "bridge"]);
    await lab.host("ip", ["link", "set", "later0", "addrgenmode", "none", "up"]);
    await lab.serve(lab.onHost, "host");
    await lab.serve(lab.outside, "outside");
    folder = await mkdtemp(join(tmpdir(), "banger-wall-"));
    [opener, namespace] = await open();
    const [holder] = namespace.processes;
    assert.ok(holder);
    guest = await TapGuest.plug(holder.pid, VM_DEVICE, GUEST);
  });

  after(async () => {
    await guest?.[Symbol.asyncDispose]();
    await close(opener);
    await lab[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(...wishes: readonly string[]): Promise<[ChildProcess, Namespace]> {
    const [program = "", ...words] = lab.onHost;
    const script = join(import.meta.dirname, "../helpers/open-namespace.ts");
    const child = spawn(program, [...words, process.execPath, script, folder, "vm-00000000000wall0", ...wishes], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, OUR_TOKEN: "of-the-daemon" },
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    return [child, JSON.parse(line.toString()) as Namespace];
  }

  async function mend(): Promise<Namespace> {
    const { stdin, stdout } = opener;
    assert.ok(stdin && stdout);
    stdin.write("mend\n");
    const [line] = (await once(stdout, "data")) as [Buffer];
    return JSON.parse(line.toString()) as Namespace;
  }

  async function close(child: ChildProcess | undefined): Promise<void> {
    if (child === undefined || child.exitCode !== null) return;
    const exit = once(child, "exit");
    child.stdin?.end();
    await exit;
  }

  const give = (address: string): Promise<string> => lab.host("ip", ["addr", "add", `${address}/32`, "dev", "later0"]);
  const take = (address: string): Promise<string> => lab.host("ip", ["addr", "del", `${address}/32`, "dev", "later0"]);
  /** Words that enter the namespace as root does, whoever made it. */
  const within = (): readonly string[] => ["nsenter", `--target=${namespace.processes[0]?.pid}`, "--net", "--"];
  const held = async (): Promise<string> => runIn(within(), "nft", ["list", "chain", "inet", "banger", "host_wall"]);
  async function handleOf(rule: string): Promise<string> {
    const listed = await runIn(within(), "nft", ["-a", "list", "table", "inet", "banger"]);
    return new RegExp(`${rule} # handle (\\d+)`).exec(listed)?.[1] ?? assert.fail(listed);
  }
  /** Waits for the wall to hold, or to have let go of, an address; milliseconds that took. */
  async function until(holds: boolean, address: string): Promise<number> {
    const start = performance.now();
    while ((await held()).includes(`ip daddr ${address} `) !== holds) {
      assert.ok(performance.now() - start < 10_000, `the wall ${holds ? "lacks" : "keeps"} ${address} after 10 s`);
    }
    return performance.now() - start;
  }

  test("the guest reaches the outside, and is reached; the host's addresses at the start are walled", async () => {
    assert.equal(await getFrom(guest.inside, LAB.outside, LAB.port), `outside ${LAB.host}`);
    assert.equal(await getFrom(guest.inside, LAB.host, LAB.port), "");
    await lab.serve(guest.inside, "guest", "0.0.0.0", 80);
    assert.match(await getFrom(lab.onHost, "127.0.0.1", 18_080), /^guest /);
    assert.match(await getFrom(lab.onHost, LAB.host, 18_080), /^guest /, "answers go to a walled address");
    assert.match(await getFrom(lab.outside, LAB.host, 18_080), /^guest /);
    assert.match(await held(), new RegExp(LAB.host.replaceAll(".", "\\.")));
  });

  test("none of the processes that keep it can gain privileges, or knows what its maker was told", async () => {
    assert.equal(namespace.processes.length, 4);
    for (const { pid } of namespace.processes) {
      const [status, environment, command] = await Promise.all(
        ["status", "environ", "cmdline"].map((name) => readFile(`/proc/${pid}/${name}`, "latin1")),
      );
      assert.match(status ?? "", /^NoNewPrivs:\t1$/m, command);
      assert.match(environment ?? "", /BANGER_NETWORK_OF=/, command);
      assert.doesNotMatch(environment ?? "", /of-the-daemon/, command);
    }
  });

  test("a frame from the segment reaches no port that is published on loopback", async () => {
    assert.match(await getFrom(lab.onHost, "127.0.0.1", 18_081), /^guest /);
    const tcp = (dst: string, port: number, src = "198.51.100.2"): Probe => ({ kind: "tcp", src, dst, port });
    const answers = await probe(lab.outside, "out0", await macAt(lab.onHost, "up0"), {
      "of all addresses": tcp(LAB.host, 18_080),
      loopback: tcp("127.0.0.1", 18_081),
      "loopback, of all": tcp("127.0.0.1", 18_080),
      "loopback, from loopback": tcp("127.0.0.1", 18_081, "127.0.0.1"),
      "at the uplink": tcp(LAB.host, 18_081),
      "the guest": tcp("10.0.2.15", 80),
    });
    const reached = Object.entries(answers).filter(([, answer]) => answer !== "" && answer !== "refused");
    assert.deepEqual(Object.fromEntries(reached), { "of all addresses": "accepted" });
  });

  test("an address that the host gets later is closed, and opened when it goes", async () => {
    const [address] = LATER;
    await give(address);
    await until(true, address);
    assert.match(await getFrom(lab.onHost, address, LAB.port), /^host /, "it is the host's");
    assert.equal(await getFrom(guest.inside, address, LAB.port), "");
    await take(address);
    await until(false, address);
    assert.match(await held(), new RegExp(LAB.host.replaceAll(".", "\\.")), "the others stay");
  });

  test("without what follows, such an address is open", async () => {
    const [, address] = LATER;
    const [keeper] = namespace.processes.slice(-1);
    assert.ok(keeper);
    process.kill(keeper.pid, "SIGSTOP");
    await give(address);
    assert.match(await getFrom(guest.inside, address, LAB.port), /^host /);
    process.kill(keeper.pid, "SIGCONT");
    await until(true, address);
    assert.equal(await getFrom(guest.inside, address, LAB.port), "");
    await take(address);
  });

  test("what a guest began before is closed with the address", async () => {
    const [address] = LATER;
    const talk = `const s = require("net").connect(${LAB.port}, "${address}", () => { console.log("open");
      process.stdin.once("data", () => s.write("GET / HTTP/1.0\\r\\n\\r\\n")); });
      s.on("error", (e) => { console.log(e.code); process.exit(); });
      s.on("data", (d) => { console.log(String(d)); process.exit(); }); setTimeout(() => process.exit(), 3000);`;
    const [keeper] = namespace.processes.slice(-1);
    assert.ok(keeper);
    process.kill(keeper.pid, "SIGSTOP");
    await give(address);
    const [program = "", ...words] = guest.inside;
    const child = spawn(program, [...words, process.execPath, "-e", talk], { stdio: ["pipe", "pipe", "inherit"] });
    let said = "";
    child.stdout.on("data", (chunk) => (said += String(chunk)));
    await once(child.stdout, "data");
    process.kill(keeper.pid, "SIGCONT");
    await until(true, address);
    child.stdin.write("go\n");
    await once(child, "exit");
    assert.doesNotMatch(said, /host /, "the connection was open, and is no more");
    await take(address);
  });

  test("the instant in between is short", async (context) => {
    const [address] = LATER;
    const times: number[] = [];
    for (let turn = 0; turn < 10; turn++) {
      await give(address);
      times.push(await until(true, address));
      await take(address);
      await until(false, address);
    }
    const sorted = times.toSorted((a, b) => a - b);
    context.diagnostic(`closed after ${sorted.map((ms) => ms.toFixed(0)).join(", ")} ms, each with a look's own time`);
    assert.ok((sorted[5] ?? 0) < 1000, `median ${sorted[5]} ms`);
  });

  test("a guest's frames reach neither walled addresses nor the host by others", async () => {
    await give(LATER[0]);
    await until(true, LATER[0]);
    const own = (dst: string, port: number = LAB.port): Probe => ({ kind: "tcp", src: "10.0.2.15", dst, port });
    const answers = await probe(guest.inside, "eth0", await macAt(within(), VM_DEVICE), {
      outside: own(LAB.outside),
      "the host": own(LAB.host),
      "the host, in fragments": { ...own(LAB.host), fragments: true },
      later: own(LATER[0]),
      gateway: own("10.0.2.2"),
      resolver: own("10.0.2.3"),
      "the namespace": own("10.0.2.100"),
      loopback: own("127.0.0.1"),
      nowhere: own("0.0.0.0"),
      "the host's broadcast": own("198.51.100.255"),
      broadcast: own("255.255.255.255"),
      multicast: own("224.0.0.1"),
      metadata: own(LAB.metadata),
      "metadata, in fragments": { ...own(LAB.metadata), fragments: true },
      "as another": { ...own(LAB.outside), src: "10.0.2.16" },
      "link-local IPv6": { kind: "ping6", src: "fe80::2", dst: "ff02::1" },
    });
    const reached = Object.entries(answers).filter(([, answer]) => answer !== "" && answer !== "refused");
    assert.deepEqual(Object.fromEntries(reached), { outside: "accepted" });
    await take(LATER[0]);
  });

  test("when the host's addresses can no longer be heard of, all is closed but published ports", async () => {
    const monitor = namespace.processes.at(-2);
    assert.ok(monitor);
    process.kill(monitor.pid, "SIGKILL");
    while (!/^\t+reject /m.test(await held())) await setImmediate();
    assert.equal(await getFrom(guest.inside, LAB.outside, LAB.port), "");
    assert.match(await getFrom(lab.onHost, LAB.host, 18_080), /^guest /);
  });

  test("it is mended, and left alone where nothing is amiss", async () => {
    const pids = (): readonly number[] => namespace.processes.map(({ pid }) => pid);
    const before = pids();
    // As an older banger walled the host's addresses.
    await runIn(within(), "nft", ["add set inet banger host_addresses { type ipv4_addr; flags interval; }"]);
    await runIn(within(), "nft", ["delete rule inet banger passing handle", await handleOf("jump host_wall")]);
    await runIn(within(), "nft", ["delete chain inet banger host_wall"]);
    namespace = await mend();
    assert.doesNotMatch(await runIn(within(), "nft", ["list", "table", "inet", "banger"]), /host_addresses/);
    assert.deepEqual(pids().slice(0, 2), before.slice(0, 2), "the guest keeps its namespace");
    assert.ok(pids().length === 4 && pids().every((pid, index) => index < 2 || !before.includes(pid)));
    assert.equal(await getFrom(guest.inside, LAB.outside, LAB.port), `outside ${LAB.host}`);
    await give(LATER[0]);
    await until(true, LATER[0]);
    assert.equal(await getFrom(guest.inside, LATER[0], LAB.port), "");
    await take(LATER[0]);
    const mended = pids();
    namespace = await mend();
    assert.deepEqual(pids(), mended);
  });

  test("who may reach the host has no wall, and nothing that follows", async () => {
    await guest[Symbol.asyncDispose]();
    await close(opener);
    [opener, namespace] = await open("allow-host");
    const [holder] = namespace.processes;
    assert.ok(holder);
    assert.equal(namespace.processes.length, 2);
    guest = await TapGuest.plug(holder.pid, VM_DEVICE, GUEST);
    await give(LATER[0]);
    assert.match(await getFrom(guest.inside, LATER[0], LAB.port), /^host /);
  });
});
