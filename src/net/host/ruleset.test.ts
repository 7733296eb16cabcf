import assert from "node:assert/strict";
import { test } from "node:test";
import { deviceAlias, aliasOwner, deviceName } from "./device.ts";
import { planDown, planUp } from "./host-plan.ts";
import { ruleset, type RuledVm } from "./ruleset.ts";

const vm: RuledVm = {
  vmId: "vm-0123456789abcdef",
  device: "bgr-56789abcdef",
  address: "10.213.0.2",
  gateway: "10.213.0.1",
  dns: ["192.0.2.53"],
  publish: [
    { hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80 },
    { hostAddress: "0.0.0.0", hostPort: 2222, guestPort: 22 },
  ],
  allowHost: false,
  allowVms: false,
};
const other: RuledVm = { ...vm, vmId: "vm-other", device: "bgr-other", address: "10.213.0.6", publish: [] };

/** What a set of the table holds. */
function elements(text: string, set: string): string | undefined {
  return new RegExp(`set ${set} \\{ [^;]*;(?: flags interval;)? elements = \\{ (.*) \\}; \\}`).exec(text)?.[1];
}

test("for no VMs there is no table, and nothing else is named", () => {
  assert.equal(ruleset("i", []), "table inet banger-i {}\ndelete table inet banger-i\n");
  assert.deepEqual(new Set(ruleset("i", [vm, other]).match(/table inet \S+/g)), new Set(["table inet banger-i"]));
});

test("each VM is held to its own address, and only who asked is in the sets of who may", () => {
  const text = ruleset("i", [vm, { ...other, allowHost: true, allowVms: true }]);
  assert.equal(elements(text, "vm_senders"), '"bgr-56789abcdef" . 10.213.0.2, "bgr-other" . 10.213.0.6');
  assert.equal(elements(text, "may_reach_host"), '"bgr-other"');
  assert.equal(elements(text, "may_reach_vms"), '"bgr-other"');
  assert.equal(elements(ruleset("i", [vm]), "may_reach_host"), undefined);
  assert.equal(elements(text, "name_servers"), "192.0.2.53");
  assert.equal(elements(text, "vm_addresses"), "10.213.0.2, 10.213.0.6");
});

test("ports are published for who comes from outside and for the host itself", () => {
  const text = ruleset("i", [
    { ...vm, publish: [...vm.publish, { hostAddress: "192.0.2.1", hostPort: 443, guestPort: 443 }] },
  ]);
  const chain = (name: string): readonly string[] =>
    (new RegExp(`chain ${name} \\{([^}]*)\\}`).exec(text)?.[1] ?? "")
      .split("\n")
      .filter((rule) => rule.includes("dnat"));
  const here = chain("published_here").join("\n");
  assert.match(here, /ip daddr 127\.0\.0\.1 tcp dport 8080 dnat ip to 10\.213\.0\.2:80/);
  assert.match(here, /fib daddr type local meta nfproto ipv4 tcp dport 2222 /);
  assert.match(here, /ip daddr 192\.0\.2\.1 tcp dport 443 /);
  const outside = chain("published");
  assert.equal(outside.length, 2, "none of the loopback's");
  for (const rule of outside)
    assert.match(rule, /fib daddr( \. iif)? type local tcp dport/, "each asks whose address it is");
  assert.match(outside[1] ?? "", /ip daddr 192\.0\.2\.1 fib daddr \. iif type local tcp dport 443 /);
});

test("rules come before the device, the device is named as ours before it is up, and goes before its rules", () => {
  const steps = planUp("i", { ...vm, prefixLength: 30, mtu: 1400 }, [other]);
  const words = steps.map((step) => (step.do === "run" ? `${step.program}: ${step.input}` : step.path));
  assert.match(words[0] ?? "", /^nft: [^]*bgr-other[^]*/);
  assert.equal(
    words[1],
    `ip: tuntap add dev ${vm.device} mode tap\nlink set dev ${vm.device} alias banger/i/${vm.vmId}\n`,
  );
  for (const path of words.slice(2, -1)) assert.ok(path.includes(`/conf/${vm.device}/`), "only settings of its own");
  assert.match(words.at(-1) ?? "", /addr add 10\.213\.0\.1\/30[^]*mtu 1400[^]*up\n$/);
  const down = planDown("i", [vm.device, "bgr-x"], []);
  assert.match(
    down[0]?.do === "run" ? (down[0].input ?? "") : "",
    /^link delete dev bgr-56789abcdef\nlink delete dev bgr-x\n$/,
  );
  assert.deepEqual(
    down.map((step) => (step.do === "run" ? step.program : "")),
    ["ip", "nft"],
  );
  assert.deepEqual(planDown("i", [], []).length, 1);
});

test("a device sends to a group only where it may reach the host, and IPv6 is off where the kernel has it", () => {
  const up = (allowHost: boolean): string =>
    planUp("i", { ...vm, allowHost, prefixLength: 30, mtu: 1400 }, [])
      .map((step) =>
        step.do === "run" ? step.input : `${step.path}=${step.value} ${"ifThere" in step && step.ifThere}`,
      )
      .join("\n");
  assert.match(up(false), /multicast off/);
  assert.doesNotMatch(up(true), /multicast off/);
  assert.match(up(true), /ipv6\/conf\/bgr-56789abcdef\/disable_ipv6=1 true/, "no failure where there is no IPv6");
});

test("a port of all addresses is led nowhere from the loopback, one of a single address only from its interface", () => {
  const lines = ruleset("i", [{ ...vm, publish: [{ hostAddress: "0.0.0.0", hostPort: 2222, guestPort: 22 }] }]).split(
    "\n",
  );
  const led = lines.filter((line) => line.includes("dport 2222")).map((line) => line.trim());
  const to = 'tcp dport 2222 dnat ip to 10.213.0.2:22 comment "vm-0123456789abcdef"';
  assert.deepEqual(led.toSorted(), [
    `fib daddr type local meta nfproto ipv4 ${to}`,
    `ip daddr != 127.0.0.0/8 fib daddr type local ${to}`,
  ]);
});

test("a device's name fits, and its alias names its owner to nobody else", () => {
  assert.equal(deviceName("vm-0123456789abcdef"), "bgr-56789abcdef");
  assert.ok(deviceName("vm-0123456789abcdef").length <= 15);
  assert.equal(aliasOwner("i", deviceAlias("i", vm.vmId)), vm.vmId);
  assert.equal(aliasOwner("j", deviceAlias("i", vm.vmId)), undefined);
  assert.equal(aliasOwner("i", "somebody's uplink"), undefined);
});
