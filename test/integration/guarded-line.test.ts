import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { connectAgent } from "../../src/guest/agent-client.ts";
import { authenticate, SECRET_BYTES } from "../../src/guest/agent-secret.ts";
import { dialFirecrackerVsock } from "../../src/guest/vsock-line.ts";
import { readAgentSecret, renewAgentSecret } from "../../src/nouns/vms/guest/agent-secret.ts";
import { hostTscKhz } from "../../src/vmm/qemu/host-tsc.ts";
import { planMachine, qemuStart } from "../../src/vmm/qemu/machine-plan.ts";
import { optionString } from "../../src/vmm/qemu/option-string.ts";
import { findQemu } from "../../src/vmm/qemu/qemu-binary.ts";
import { launchVmm } from "../../src/vmm/start-vmm.ts";
import { prepareStandIn } from "../helpers/stand-in.ts";
import { consoleShows, TinyGuest } from "../helpers/tiny-guest.ts";
import { appears, vhostDeviceVsock } from "../stand-in/firecracker/vsock-front.ts";

const CID = 4242;
const isProtocol = { code: "AGENT_PROTOCOL" };

/**
 * The machine that QEMU gives where the host has vhost-vsock, with a vsock in its place whose host's end is a unix socket:
 * whoever connects to that is any user of the host.
 */
test(
  "a vsock that anybody can reach obeys only who knows the secret, which comes by the serial port",
  { skip: prepareStandIn() ?? false },
  async () => {
    await using guest = await TinyGuest.make();
    const plain = await guest.agentSpec();
    const spec = { ...plain, kernel: { ...plain.kernel, vsock: true } };
    const tscKhz = await hostTscKhz();
    const plan = planMachine(spec, { accel: "tcg", vsockCid: CID, ...(tscKhz !== undefined && { tscKhz }) });
    const [hostSocket, vmmSocket] = [join(spec.runDir, "v"), join(spec.runDir, "q")];
    await renewAgentSecret(spec.consoleLog);
    const device = spawn(
      vhostDeviceVsock(process.env),
      ["--guest-cid", String(CID), "--uds-path", hostSocket, "--socket", vmmSocket],
      { stdio: "ignore" },
    );
    const qemu = await appears(vmmSocket).then(async () =>
      launchVmm(
        qemuStart(await findQemu(undefined), {
          ...plan,
          argv: withUserVsock(plan.argv, spec.memoryBytes, vmmSocket),
        }),
      ),
    );
    try {
      await consoleShows(spec.consoleLog, /banger: stage agent/, 120_000);
      const signal = AbortSignal.timeout(60_000);
      const dial = (within: AbortSignal) => dialFirecrackerVsock(hostSocket, 1024, within);
      const strangersFail = async (): Promise<void> => {
        const stranger = await connectAgent({ dial, signal });
        await assert.rejects(stranger.stats(signal), isProtocol);
        const own = { value: randomBytes(SECRET_BYTES), isKnown: false, noteKnown: () => Promise.resolve() };
        await assert.rejects(authenticate(stranger, await stranger.info(signal), own, signal), isProtocol);
        stranger.close();
      };
      await strangersFail();
      const secret = await readAgentSecret({
        vmm: "qemu",
        version: "",
        accel: "tcg",
        machine: plan.machine,
        pid: qemu.pid,
        startTicks: 0,
        controlSocket: plan.controlSocket,
        consoleLog: spec.consoleLog,
        line: plan.line,
        own: {},
      });
      const agent = await connectAgent({ dial, secret, signal });
      assert.ok((await agent.stats(signal)).memoryTotalBytes > 0);
      await strangersFail();
      assert.ok((await agent.stats(signal)).memoryTotalBytes > 0);
      agent.close();
    } finally {
      qemu.kill();
      await qemu.ended;
      if (device.exitCode === null && device.kill("SIGKILL")) await once(device, "exit");
    }
  },
);

/** The arguments with a vsock that a program of ours serves; it shares the guest's memory. */
function withUserVsock(argv: readonly string[], memoryBytes: number, socket: string): readonly string[] {
  const memory = `memory-backend-memfd,id=memory,size=${memoryBytes / 1024 ** 2}M,share=on`;
  const changed = argv.map((word, index) => {
    if (argv[index - 1] === "-machine") return `${word},memory-backend=memory`;
    return word.replace(/^vhost-vsock-device,guest-cid=\d+/, "vhost-user-vsock-device,chardev=vsock");
  });
  return [...changed, "-object", memory, "-chardev", optionString("socket", { id: "vsock", path: socket })];
}
