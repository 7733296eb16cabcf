import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Accel } from "../../../src/model/vm.ts";
import { TestHost } from "../../helpers/test-host.ts";
import { busyboxImage } from "../../helpers/test-images.ts";
import { genericKernel } from "../../helpers/tiny-guest.ts";
import { BareGuest } from "../bare-guest.ts";
import type { Comparison } from "../comparison.ts";

const UPLOAD_BYTES = 32 * 1024 ** 2;
const ROUND_TRIPS = 200;

/** What a guest does with its network, as it connects to a port; the figures are taken at the host's end. */
interface Traffic {
  /** For busybox's shell, with `$HOST` and `$PORT`. */
  readonly script: string;
  /** Milliseconds that count. */
  measure(connection: Socket): Promise<number>;
}

const upload: Traffic = {
  script: `dd if=/dev/zero bs=65536 count=${UPLOAD_BYTES / 65536} 2>/dev/null | nc $HOST $PORT`,
  async measure(connection) {
    let seen = 0;
    let started: number | undefined;
    for await (const chunk of connection as AsyncIterable<Buffer>) {
      started ??= performance.now();
      seen += chunk.length;
      if (seen >= UPLOAD_BYTES) break;
    }
    if (seen < UPLOAD_BYTES) throw new Error(`only ${seen} bytes came`);
    return performance.now() - (started ?? 0);
  },
};

/** One byte there and back, through busybox's nc and cat in the guest. */
const roundTrip: Traffic = {
  script: "nc $HOST $PORT -e /bin/cat",
  async measure(connection) {
    connection.setNoDelay(true);
    const times: number[] = [];
    for (let i = 0; i < ROUND_TRIPS; i += 1) {
      const started = performance.now();
      connection.write("x");
      await once(connection, "data");
      times.push(performance.now() - started);
    }
    connection.destroy();
    times.sort((a, b) => a - b);
    return times[times.length >> 1] ?? 0;
  },
};

/** A server on an address of this host, for one guest after another. */
class Meter implements AsyncDisposable {
  readonly #server: Server;
  readonly #traffic: Traffic;

  private constructor(server: Server, traffic: Traffic) {
    this.#server = server;
    this.#traffic = traffic;
  }

  static async listen(address: string, traffic: Traffic): Promise<Meter> {
    const server = createServer();
    server.listen(0, address);
    await once(server, "listening");
    return new Meter(server, traffic);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Has a guest run the script, and measures what comes. */
  async of(runScript: (script: string) => Promise<unknown>, hostAddress: string): Promise<number> {
    const connected = once(this.#server, "connection") as Promise<[Socket]>;
    const running = runScript(`HOST=${hostAddress} PORT=${this.port}; ${this.#traffic.script}`);
    const failed = running.then(() => {
      throw new Error("the guest never connected");
    });
    const [connection] = await Promise.race([connected, failed]);
    failed.catch(() => {});
    connection.on("error", () => {});
    const took = await this.#traffic.measure(connection);
    connection.destroy();
    await running;
    return took;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, "close");
  }
}

interface NetworkSeen {
  readonly accel: Accel;
  readonly network: { readonly mode: string; readonly gateway: string; readonly via?: string };
}

/** A VM with `--nat` beside QEMU alone with `-netdev user`: same kernel, same machine, same busybox in the guest. */
function fromGuestToHost(name: string, unit: "ms" | "s", aim: number, rounds: number, traffic: Traffic): Comparison {
  return {
    name,
    unit,
    besideName: "QEMU alone, -netdev user, same kernel",
    aim,
    rounds,
    async prepare() {
      await using stack = new AsyncDisposableStack();
      const scratch = await mkdtemp(join(tmpdir(), "banger-bench-"));
      stack.defer(() => rm(scratch, { recursive: true, force: true }));
      const kernel = genericKernel();
      const busybox = stack.use(await busyboxImage());
      const host = stack.use(await TestHost.start());
      await host.ok(["kernel", "import", "bench", "--vmlinux", kernel]);
      await host.ok(["image", "pull", busybox.reference, "--name", "busybox", "--kernel-ref", "bench"]);
      await host.ok(["vm", "create", "--image", "busybox", "--name", "bench", "--nat", "--allow-host"]);
      const { network, accel } = await host.json<NetworkSeen>(["vm", "inspect", "bench"]);
      const bare = stack.use(await BareGuest.start(scratch, kernel, accel));
      // With --allow-host a guest's gateway is its host's loopback, as it always is in QEMU's own network.
      const meter = stack.use(await Meter.listen("127.0.0.1", traffic));
      const bareMeter = stack.use(await Meter.listen("127.0.0.1", traffic));
      const shell = (script: string) =>
        host.ok(["vm", "exec", "bench", "--", "busybox", "sh", "-c", script.replace("nc ", "busybox nc ")]);
      const resources = stack.move();
      return {
        ours: () => meter.of(shell, network.gateway),
        beside: () => bareMeter.of((script) => bare.run(script), "10.0.2.2"),
        [Symbol.asyncDispose]: () => resources.disposeAsync(),
      };
    },
  };
}

export const networkUpload = fromGuestToHost("32 MiB from guest to host, --nat", "s", 1.2, 5, upload);

export const networkLatency = fromGuestToHost("round trip between host and guest, --nat", "ms", 1.2, 9, roundTrip);
