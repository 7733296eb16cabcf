import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { after, before, suite, test } from "node:test";
import { cutPowerDuring } from "./power-cut.ts";
import { PROGRAM_KERNELS, ProgramGuest } from "./program-guest.ts";
import { SERVER_PACKAGES } from "./server-packages.ts";

const CUTS = 2;
const PAGE = "/var/www/html/index.html";
/** Redis answers an INCR when its log of it is on disk; redis-cli then prints the number. */
const COUNT = "exec stdbuf -oL redis-cli -r 1000000 incr counted 1>&2";
const ALWAYS = "redis-cli config get appendfsync | tail -n 1";
const COUNTED =
  "for n in $(seq 60); do redis-cli ping 2>/dev/null | grep -q PONG && exec redis-cli get counted; sleep 1; done";

/** The same two servers as services of systemd, and as the one command of a VM in which the agent is PID 1. */
const WAYS = {
  systemd: {
    options: [],
    setUp: `sed -i 's/^appendonly .*/appendonly yes/; s/^appendfsync .*/appendfsync always/' /etc/redis/redis.conf
      systemctl restart redis-server; systemctl is-active redis-server nginx`,
  },
  agent: {
    options: [
      "--init",
      "agent",
      "--service",
      "--",
      "sh",
      "-c",
      "mkdir -p /srv/redis && nginx && exec redis-server --dir /srv/redis --appendonly yes --appendfsync always --save ''",
    ],
    setUp: "grep -q banger /proc/1/comm",
  },
} as const;

for (const kernel of PROGRAM_KERNELS) {
  for (const [init, { options, setUp }] of Object.entries(WAYS)) {
    suite(`redis and nginx on ${kernel}, with ${init} as init`, { timeout: 1_800_000 }, () => {
      let guest: ProgramGuest;
      let url: string;

      before(async () => {
        const port = await freePort();
        url = `http://127.0.0.1:${port}/`;
        const all = ["--nat", "--publish", `${port}:80`, ...options];
        guest = await ProgramGuest.start({ kernel, packages: SERVER_PACKAGES, memory: "512M", options: all });
        await guest.run(setUp);
      });

      after(() => guest[Symbol.asyncDispose]());

      test("nginx answers this host by a published port", async () => {
        await guest.run(`echo 'page of ${kernel}' > ${PAGE}; sync`);
        assert.equal(await answer(url), `page of ${kernel}\n`);
      });

      test("ten megabytes come through whole, ten at once", async () => {
        const sum = await guest.run("head -c 10000000 /dev/urandom > /var/www/html/big; sha256sum < /var/www/html/big");
        const digests = await Promise.all(
          Array.from({ length: 10 }, async () => {
            const response = await fetch(`${url}big`);
            return Buffer.from(await crypto.subtle.digest("SHA-256", await response.arrayBuffer())).toString("hex");
          }),
        );
        assert.deepEqual(new Set(digests), new Set([sum.slice(0, 64)]));
      });

      test("what redis has acknowledged survives power cuts, and nginx answers again after them", async (t) => {
        assert.equal(await guest.run(ALWAYS), "always");
        for (let cut = 1, least = 0; cut <= CUTS; cut += 1) {
          const acknowledged = await cutPowerDuring(guest, COUNT, least + 200);
          await assert.rejects(answer(url, 1));
          await guest.startAgain();
          const kept = Number(await guest.run(COUNTED));
          t.diagnostic(`cut ${cut}: ${acknowledged} acknowledged, ${kept} kept`);
          assert.ok(kept >= acknowledged, `${kept} of ${acknowledged}`);
          assert.equal(await answer(url), `page of ${kernel}\n`);
          least = kept;
        }
      });

      test("without its log on disk, redis forgets: the cuts are real", async () => {
        const before = Number(await guest.run(COUNTED));
        await guest.run("sysctl -q -w vm.dirty_writeback_centisecs=0; redis-cli config set appendfsync no");
        const acknowledged = await cutPowerDuring(guest, COUNT, before + 200);
        await guest.startAgain();
        assert.ok(Number(await guest.run(COUNTED)) < acknowledged);
      });
    });
  }
}

/** What the web server says, which may be about to start. */
async function answer(url: string, tries = 60): Promise<string> {
  for (let left = tries - 1; ; left -= 1) {
    try {
      return await (await fetch(url, { signal: AbortSignal.timeout(5000) })).text();
    } catch (error) {
      if (left <= 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
