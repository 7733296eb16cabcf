import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { planHostNetwork, type NetworkedVm } from "../../src/net/host/host-networks.ts";
import type { PublishedPort } from "../../src/model/published-port.ts";
import { heardWhile, macAt, probe, shout, type Answer, type Probe } from "../helpers/frames.ts";
import { getFrom } from "../helpers/lab-guest.ts";
import { LAB, NetworkLab, runIn, whyNoLab } from "../helpers/network-lab.ts";
import { TapGuest } from "../helpers/tap-guest.ts";

const INSTANCE = "0badcafe";
const skip = (await whyNoLab()) ?? false;
/** An address of the lab's host on another segment than the one that the frames are sent on. */
const ELSEWHERE = "192.0.2.1";
const ON_LOOPBACK = 18_080;
const ON_ALL = 18_081;
const ON_UPLINK = 18_082;
const ON_ELSEWHERE = 18_083;
/** Led to the outside by somebody else's rule, as Docker leads its published ports to containers. */
const FOREIGN = 18_090;

const publish = (hostAddress: string, hostPort: number): PublishedPort => ({ hostAddress, hostPort, guestPort: 80 });

suite("walls of VMs on the host's network, against raw frames", { skip, timeout: 300_000 }, () => {
  let lab: NetworkLab;
  let folder: string;
  let one: TapGuest;
  let two: TapGuest;
  let asked: TapGuest;
  let vms: NetworkedVm[];
  let uplinkMac: string;

  before(async () => {
    lab = await NetworkLab.make();
    await lab.forward(true);
    await lab.host("ip", ["link", "add", "elsewhere0", "type", "bridge"]);
    await lab.host("ip", ["addr", "add", `${ELSEWHERE}/24`, "dev", "elsewhere0"]);
    await lab.host("ip", ["link", "set", "elsewhere0", "addrgenmode", "none", "up"]);
    await lab.serve(lab.outside, "outside");
    await lab.serve(lab.onHost, "host");
    await lab.serve(lab.onHost, "loopback", "127.0.0.1", 9001);
    const ports = [
      publish("127.0.0.1", ON_LOOPBACK),
      publish("0.0.0.0", ON_ALL),
      publish(LAB.host, ON_UPLINK),
      publish(ELSEWHERE, ON_ELSEWHERE),
    ];
    vms = [];
    for (const [number, published] of [ports, [], []].entries()) {
      const id = `vm-00000000000wall${number}`;
      const facts = { uplink: { name: "up0", mtu: 1400 }, routes: [], links: [], resolvers: ["203.0.113.53"] };
      const taken = vms.map(({ network }) => network.address);
      const network = planHostNetwork(id, facts, taken, {});
      vms.push({ id, spec: { publish: published, allowHost: number === 2, allowVms: false }, network });
    }
    folder = await mkdtemp(join(tmpdir(), "banger-walls-"));
    const file = join(folder, "vms.json");
    await writeFile(file, JSON.stringify(vms));
    await runIn(lab.onHost, process.execPath, [
      join(import.meta.dirname, "../helpers/raise-and-die.ts"),
      INSTANCE,
      file,
    ]);
    [one, two, asked] = await Promise.all([plug(0), plug(1), plug(2)]);
    await lab.serve(one.inside, "guest one", "0.0.0.0", 80);
    await lab.serve(two.inside, "guest two", "0.0.0.0", 80);
    uplinkMac = await macAt(lab.onHost, "up0");
  });

  after(async () => {
    for (const guest of [one, two, asked]) await guest?.[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const network = (number: number): NetworkedVm["network"] => {
    const vm = vms[number];
    assert.ok(vm);
    return vm.network;
  };
  const plug = (number: number): Promise<TapGuest> =>
    TapGuest.plug(lab.hostPid, network(number).device, network(number));
  const addressOf = (number: number): string => network(number).address.split("/")[0] ?? "";
  const tcp = (dst: string, port: number, src = "198.51.100.2"): Probe => ({ kind: "tcp", src, dst, port });
  const fromOutside = <Name extends string>(probes: Record<Name, Probe>): Promise<Record<Name, Answer>> =>
    probe(lab.outside, "out0", uplinkMac, probes);
  const fromGuest = async <Name extends string>(probes: Record<Name, Probe>): Promise<Record<Name, Answer>> =>
    probe(one.inside, "eth0", await macAt(lab.onHost, network(0).device), probes);
  const own = (kind: Probe["kind"], dst: string, port?: number): Probe => ({
    kind,
    src: addressOf(0),
    dst,
    ...(port !== undefined && { port }),
  });

  test("the host itself and guests reach what they may, so that silence means a wall", async () => {
    assert.match(await getFrom(lab.onHost, "127.0.0.1", ON_LOOPBACK), /^guest one /);
    assert.match(await getFrom(lab.onHost, "127.0.0.1", ON_ALL), /^guest one /);
    assert.match(await getFrom(lab.onHost, LAB.host, ON_UPLINK), /^guest one /);
    assert.match(await getFrom(lab.onHost, ELSEWHERE, ON_ELSEWHERE), /^guest one /);
    assert.match(await getFrom(lab.outside, LAB.host, ON_ALL), /^guest one /);
    assert.match(await getFrom(lab.outside, LAB.host, ON_UPLINK), /^guest one /);
    for (const guest of [one, two, asked]) {
      assert.equal(await getFrom(guest.inside, LAB.outside, LAB.port), `outside ${LAB.host}`);
    }
    assert.match(await getFrom(asked.inside, LAB.host, LAB.port), /^host /);
    assert.match(await getFrom(asked.inside, network(2).gateway, 9001), /^loopback /);
  });

  test("a frame from the segment reaches a published port only by an address that it is published on there", async () => {
    const answers = await fromOutside({
      "the uplink's address": tcp(LAB.host, ON_UPLINK),
      "a port of all addresses": tcp(LAB.host, ON_ALL),
      loopback: tcp("127.0.0.1", ON_LOOPBACK),
      "loopback, a port of all": tcp("127.0.0.1", ON_ALL),
      "loopback, from loopback": tcp("127.0.0.1", ON_LOOPBACK, "127.0.0.1"),
      "a loopback port at the uplink": tcp(LAB.host, ON_LOOPBACK),
      "another interface's address": tcp(ELSEWHERE, ON_ELSEWHERE),
      "that port at the uplink": tcp(LAB.host, ON_ELSEWHERE),
      "the guest itself": tcp(addressOf(0), 80),
      "the guest, in fragments": { ...tcp(addressOf(0), 80), fragments: true },
      "the segment's broadcast": tcp("198.51.100.255", ON_ALL),
      "everyone's broadcast": tcp("255.255.255.255", ON_ALL),
      multicast: tcp("224.0.0.1", ON_ALL),
    });
    assert.deepEqual(answers, {
      "the uplink's address": "accepted",
      "a port of all addresses": "accepted",
      loopback: "",
      "loopback, a port of all": "",
      "loopback, from loopback": "",
      "a loopback port at the uplink": "refused",
      "another interface's address": "refused",
      "that port at the uplink": "refused",
      "the guest itself": "",
      "the guest, in fragments": "",
      "the segment's broadcast": "",
      "everyone's broadcast": "",
      multicast: "",
    });
  });

  test("a rule that does not ask by which interface is seen by the same frames", async () => {
    const led = `tcp dport { 7001, 7002 } dnat ip to ${addressOf(0)}:80`;
    await lab.host(
      "nft",
      ["-f", "-"],
      `table inet careless { chain led { type nat hook prerouting priority -120; ${led}; }; }\n`,
    );
    const answers = await fromOutside({ loopback: tcp("127.0.0.1", 7001), elsewhere: tcp(ELSEWHERE, 7002) });
    await lab.host("nft", ["delete", "table", "inet", "careless"]);
    assert.deepEqual(answers, { loopback: "accepted", elsewhere: "accepted" });
  });

  test("where an uplink takes packets to loopback, as Kubernetes sets it, they find no guest either", async () => {
    const path = "/proc/sys/net/ipv4/conf/up0/route_localnet";
    await lab.host("tee", [path], "1");
    const answers = await fromOutside({
      loopback: tcp("127.0.0.1", ON_LOOPBACK),
      "a port of all": tcp("127.0.0.1", ON_ALL),
    });
    await lab.host("tee", [path], "0");
    for (const [name, answer] of Object.entries(answers)) assert.notEqual(answer, "accepted", name);
  });

  test("a frame from the segment that claims to be a guest or the host is not heard by a guest", async () => {
    const claims = [addressOf(1), addressOf(0), network(0).gateway, "127.0.0.1", LAB.host];
    const spoken = {
      "from its own": tcp(LAB.host, ON_ALL),
      ...Object.fromEntries(claims.map((src) => [src, tcp(LAB.host, ON_ALL, src)])),
    };
    const heard = await heardWhile(lab.onHost, ["hear", network(0).device], () => fromOutside(spoken));
    const sources = new Set(heard.filter(({ to }) => to === 80).map(({ src }) => src));
    assert.deepEqual([...sources], ["198.51.100.2"]);
    // Whoever answers to a guest's address would speak for the segment.
    const toHost = await heardWhile(lab.onHost, ["hear", network(1).device], () =>
      fromOutside({ "to the host": tcp(LAB.host, LAB.port, addressOf(1)) }),
    );
    assert.deepEqual(toHost, []);
  });

  test("a guest hears ARP and ping of its gateway, and of no other address of the host", async () => {
    const others = [LAB.host, ELSEWHERE, network(1).gateway, "127.0.0.1"];
    const answers = await fromGuest({
      "arp gateway": own("arp", network(0).gateway),
      "ping gateway": own("ping", network(0).gateway),
      ...Object.fromEntries(
        others.flatMap((dst) => [
          [`arp ${dst}`, own("arp", dst)],
          [`ping ${dst}`, own("ping", dst)],
        ]),
      ),
    });
    const heard = Object.entries(answers).filter(([, answer]) => answer === "is here" || answer === "pong");
    assert.deepEqual(Object.fromEntries(heard), { "arp gateway": "is here", "ping gateway": "pong" });
  });

  test("what it would hear without: the kernel answers for all of the host's addresses", async () => {
    const path = `/proc/sys/net/ipv4/conf/${network(0).device}/arp_ignore`;
    const set = (await lab.host("cat", [path])).trim();
    await lab.host("tee", [path], "0");
    const answers = await fromGuest({ uplink: own("arp", LAB.host), elsewhere: own("arp", ELSEWHERE) });
    await lab.host("tee", [path], set);
    assert.deepEqual(answers, { uplink: "is here", elsewhere: "is here" });
  });

  test("a guest's frames reach neither the host's services, nor metadata, nor other guests", async () => {
    const answers = await fromGuest({
      outside: own("tcp", LAB.outside, LAB.port),
      "outside, in fragments": { ...own("tcp", LAB.outside, LAB.port), fragments: true },
      "the host": own("tcp", LAB.host, LAB.port),
      "the host, in fragments": { ...own("tcp", LAB.host, LAB.port), fragments: true },
      elsewhere: own("tcp", ELSEWHERE, LAB.port),
      gateway: own("tcp", network(0).gateway, LAB.port),
      "another's gateway": own("tcp", network(1).gateway, LAB.port),
      loopback: own("tcp", "127.0.0.1", 9001),
      nowhere: own("tcp", "0.0.0.0", LAB.port),
      broadcast: own("tcp", "255.255.255.255", LAB.port),
      multicast: own("tcp", "224.0.0.1", LAB.port),
      metadata: own("tcp", LAB.metadata, LAB.port),
      "metadata, in fragments": { ...own("tcp", LAB.metadata, LAB.port), fragments: true },
      azure: own("tcp", LAB.azure, LAB.port),
      alibaba: own("tcp", LAB.alibaba, LAB.port),
      "another guest": own("tcp", addressOf(1), 80),
      "its own published port": own("tcp", LAB.host, ON_ALL),
      "link-local IPv6": { kind: "ping6", src: "fe80::2", dst: "ff02::1" },
    });
    const reached = Object.entries(answers).filter(([, answer]) => answer !== "" && answer !== "refused");
    assert.deepEqual(Object.fromEntries(reached), { outside: "accepted", "outside, in fragments": "accepted" });
  });

  test("an address that the host gets later is walled from its first instant", async () => {
    const later = "192.0.2.9";
    await lab.host("ip", ["addr", "add", `${later}/32`, "dev", "elsewhere0"]);
    const answers = await fromGuest({
      tcp: own("tcp", later, LAB.port),
      ping: own("ping", later),
      arp: own("arp", later),
    });
    assert.match(await getFrom(asked.inside, later, LAB.port), /^host /);
    await lab.host("ip", ["addr", "del", `${later}/32`, "dev", "elsewhere0"]);
    assert.deepEqual(answers, { tcp: "refused", ping: "", arp: "" });
  });

  test("a guest's broadcasts and multicasts are no way to the host's services", async () => {
    const shoutAll = async (guest: TapGuest, number: number): Promise<void> => {
      const gateway = await macAt(lab.onHost, network(number).device);
      const subnet = broadcastOf(network(number).address);
      const src = addressOf(number);
      const to = (dst: string): Probe => ({ kind: "udp", src, dst, port: 5353 });
      await probe(guest.inside, "eth0", gateway, {
        all: to("255.255.255.255"),
        subnet: to(subnet),
        host: to(LAB.host),
      });
    };
    const heard = await heardWhile(lab.onHost, ["listen", "5353"], async () => {
      await shoutAll(one, 0);
      await shoutAll(asked, 2);
    });
    assert.deepEqual([...new Set(heard.map(({ src }) => src))], [addressOf(2)], "only who may reach the host");
  });

  test("a guest does not hear what the host tells everyone around it", async () => {
    const hearing = (number: number): Promise<readonly string[]> =>
      heardWhile(lab.onHost, ["hear", network(number).device], async () => {
        await shout(lab.onHost, network(number).gateway, "224.0.0.251");
        await shout(lab.onHost, network(number).gateway, broadcastOf(network(number).address));
        // It comes after the others on the same way.
        await getFrom(lab.onHost, addressOf(number), 80);
      }).then((heard) => heard.filter(({ to }) => to === 5353).map(({ dst }) => dst));
    assert.deepEqual(await hearing(0), []);
    assert.deepEqual(
      await hearing(2),
      ["224.0.0.251", broadcastOf(network(2).address)],
      "who may reach the host hears it",
    );
  });

  test("a guest that speaks as another is not heard outside", async () => {
    const claims = [addressOf(1), network(0).gateway, "127.0.0.1", LAB.host, LAB.outside, "203.0.113.77", "0.0.0.0"];
    const spoken = Object.fromEntries(claims.map((src) => [src, tcp(LAB.outside, 9100, src)]));
    const heard = await heardWhile(lab.outside, ["hear", "out0"], () =>
      fromGuest({ ...spoken, honest: own("tcp", LAB.outside, 9101) }),
    );
    assert.deepEqual([...new Set(heard.filter(({ to }) => to === 9100 || to === 9101).map(({ to }) => to))], [9101]);
  });

  test("no rule of another's leads a guest past the wall from an address of the host", async () => {
    const led = `fib daddr type local tcp dport ${FOREIGN} dnat ip to ${LAB.outside}:${LAB.port}`;
    const table = `table ip foreign { chain led { type nat hook prerouting priority -100; ${led}; }; }\n`;
    await lab.host("nft", ["-f", "-"], table);
    try {
      assert.match(await getFrom(asked.inside, LAB.host, FOREIGN), /^outside /, "the rule leads there");
      for (const address of [LAB.host, network(0).gateway, ELSEWHERE]) {
        assert.equal(await getFrom(one.inside, address, FOREIGN), "", address);
      }
    } finally {
      await lab.host("nft", ["delete", "table", "ip", "foreign"]);
    }
  });
});

/** The last address of a /30: of its guest's address, the next. */
function broadcastOf(address: string): string {
  const [a, b, c, d] = address.split("/")[0]?.split(".").map(Number) ?? [];
  return [a, b, c, (d ?? 0) + 1].join(".");
}
