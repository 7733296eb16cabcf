import assert from "node:assert/strict";
import { test } from "node:test";
import { bootArguments, netmask } from "./boot-arguments.ts";

const machineId = "0123456789abcdef0123456789abcdef";

test("a VM without a network is told of none", () => {
  const words = bootArguments({ hostname: "demo", machineId, init: "auto", network: { mode: "none" } });
  assert.deepEqual(words, [
    "root=/dev/vda",
    "rootfstype=ext4",
    "rw",
    "init=/usr/local/libexec/banger-first-boot",
    `systemd.machine_id=${machineId}`,
    "banger.hostname=demo",
    "banger.init=auto",
  ]);
});

test("a guest is told where its disks beside the root are", () => {
  const disks = { workDevice: "/dev/vdb", modulesDevice: "/dev/vdc" };
  const words = bootArguments({ hostname: "demo", machineId, init: "auto", network: { mode: "none" }, ...disks });
  assert.deepEqual(words.slice(-2), ["banger.work=/dev/vdb", "banger.modules=/dev/vdc"]);
  const volumes = [
    { device: "/dev/vdc", path: "/srv/data", readOnly: false },
    { device: "/dev/vdd", path: "/models", readOnly: true },
  ];
  const more = bootArguments({ hostname: "demo", machineId, init: "auto", network: { mode: "none" }, volumes });
  assert.deepEqual(more.slice(-2), ["banger.volume=/dev/vdc:/srv/data", "banger.volume=/dev/vdd:/models:ro"]);
});

test("an address is given to the kernel and to the agent", () => {
  const words = bootArguments({
    hostname: "demo",
    machineId,
    init: "agent",
    network: {
      mode: "user",
      mac: "52:54:00:00:00:01",
      address: "10.0.2.15/24",
      gateway: "10.0.2.2",
      dns: ["10.0.2.3"],
    },
  });
  assert.ok(words.includes("ip=10.0.2.15::10.0.2.2:255.255.255.0:demo:eth0:off:10.0.2.3:"));
  assert.ok(words.includes("banger.ip=10.0.2.15/24,10.0.2.2"));
  assert.ok(words.includes("banger.dns=10.0.2.3"));
});

test("netmasks of every length", () => {
  assert.equal(netmask(0), "0.0.0.0");
  assert.equal(netmask(1), "128.0.0.0");
  assert.equal(netmask(24), "255.255.255.0");
  assert.equal(netmask(30), "255.255.255.252");
  assert.equal(netmask(32), "255.255.255.255");
});
