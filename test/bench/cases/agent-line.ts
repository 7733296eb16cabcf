import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Accel } from "../../../src/model/vm.ts";
import { TestHost } from "../../helpers/test-host.ts";
import { busyboxImage } from "../../helpers/test-images.ts";
import { genericKernel } from "../../helpers/tiny-guest.ts";
import { BareGuest, PORT } from "../bare-guest.ts";
import type { Comparison } from "../comparison.ts";
import { timed } from "../timing.ts";

const BYTES = 32 * 1024 ** 2;
const PIECE = Buffer.alloc(65536, 7);

/** Bytes between host and guest: how a shell in the guest moves them, and what the host does at a bare port. */
interface Direction {
  readonly name: string;
  /** What a session, a command and flow control cost beyond the device: each of them copies, switches and answers. */
  readonly aim: number;
  readonly script: string;
  readonly input: Buffer | undefined;
  readonly host: (socket: Socket) => Promise<void>;
}

const into: Direction = {
  name: "32 MiB into a guest, vm exec",
  aim: 4,
  script: `head -c ${BYTES} >/dev/null`,
  input: Buffer.alloc(BYTES, 7),
  async host(socket) {
    for (let sent = 0; sent < BYTES; sent += PIECE.length) {
      if (!socket.write(PIECE)) await once(socket, "drain");
    }
  },
};

const outOf: Direction = {
  name: "32 MiB out of a guest, vm exec",
  aim: 6,
  script: `dd if=/dev/zero bs=65536 count=${BYTES / 65536} 2>/dev/null`,
  input: undefined,
  async host(socket) {
    let seen = 0;
    while (seen < BYTES) seen += ((await once(socket, "data")) as [Buffer])[0].length;
  },
};

/** A port reads as ended until QEMU has told of its host: the word comes first, then the bytes. */
function onPort(script: string): string {
  return `exec 3<>${PORT}; until read -r word <&3 && [ "$word" = go ]; do busybox usleep 1000; done; { ${script}; } <&3 >&3; exec 3>&-`;
}

/**
 * `vm exec` with much to say, beside the least that can be done with the device that carries it: one process that reads
 * or writes a virtio-serial port, with no session, no command and no flow control.
 */
function overTheLine({ name, aim, script, input, host: hostSide }: Direction): Comparison {
  return {
    name,
    unit: "s",
    besideName: "a virtio-serial port of QEMU alone",
    aim,
    rounds: 5,
    async prepare() {
      await using stack = new AsyncDisposableStack();
      const scratch = await mkdtemp(join(tmpdir(), "banger-bench-"));
      stack.defer(() => rm(scratch, { recursive: true, force: true }));
      const kernel = genericKernel();
      const busybox = stack.use(await busyboxImage());
      const host = stack.use(await TestHost.start());
      await host.ok(["kernel", "import", "bench", "--vmlinux", kernel]);
      await host.ok(["image", "pull", busybox.reference, "--name", "busybox", "--kernel-ref", "bench"]);
      await host.ok(["vm", "create", "--image", "busybox", "--name", "bench"]);
      const { accel } = await host.json<{ accel: Accel }>(["vm", "inspect", "bench"]);
      const bare = stack.use(await BareGuest.start(scratch, kernel, accel));
      const resources = stack.move();
      return {
        ours: () => timed(() => host.ok(["vm", "exec", "bench", "--", "sh", "-c", script], { input })),
        async beside() {
          const socket = createConnection(bare.portSocket);
          await once(socket, "connect");
          try {
            socket.write("go\n");
            return await timed(() => Promise.all([hostSide(socket), bare.run(onPort(script))]));
          } finally {
            socket.destroy();
          }
        },
        [Symbol.asyncDispose]: () => resources.disposeAsync(),
      };
    },
  };
}

export const lineIn = overTheLine(into);

export const lineOut = overTheLine(outOf);
