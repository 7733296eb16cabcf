import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProgramGuest } from "./program-guest.ts";

/** Two threads and a child; it goes on until its counter is told to stop. */
const PROGRAM = `#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/wait.h>
volatile int going = 1;
volatile long counted;
static void *count(void *unused) { while (going) { counted++; usleep(1000); } return unused; }
static long thrice(long n) { return n * 3; }
int main(void) {
  pthread_t thread;
  setvbuf(stdout, NULL, _IONBF, 0);
  pid_t child = fork();
  if (child == 0) { execl("/bin/true", "true", NULL); _exit(1); }
  waitpid(child, NULL, 0);
  pthread_create(&thread, NULL, count, NULL);
  while (going) usleep(10000);
  pthread_join(thread, NULL);
  printf("ended by %ld\\n", thrice(14));
  return 0;
}
`;
const timeoutMs = 600_000;

/** What looks into other processes, and counts what they do. */
export function debuggerTests(guest: () => ProgramGuest): void {
  test("gcc compiles a program of two threads and a child", async () => {
    await guest().write("/root/tried.c", Buffer.from(PROGRAM), "644");
    await guest().run("cd /root; gcc -g -O0 -pthread -o tried tried.c", { timeoutMs });
  });

  test("gdb attaches, shows both threads, calls a function, and lets the program go on", async () => {
    const commands = ["info threads", "print thrice(14)", "break count if counted > 0", "set var going = 0", "detach"];
    const gdb = `gdb -nx -batch -p $! ${commands.map((command) => `-ex '${command}'`).join(" ")}`;
    const said = await guest().run(
      `cd /root; ./tried >out & until [ $(ls /proc/$!/task | wc -l) = 2 ]; do sleep 1; done; ${gdb} 2>&1; wait $!; cat out`,
      { timeoutMs },
    );
    assert.equal(said.match(/^[* ] +\d+ +Thread 0x/gm)?.length, 2, said);
    assert.match(said, /^\$1 = 42$/m);
    assert.match(said, /^Breakpoint 1 at /m);
    assert.match(said, /^ended by 42$/m);
  });

  test("gdb stops a program where it is told, and shows its stack", async () => {
    const commands = ["set var going = 0", "break thrice", "continue", "backtrace", "print n", "kill"];
    const gdb = `gdb -nx -batch -ex 'break count' -ex run ${commands.map((command) => `-ex '${command}'`).join(" ")}`;
    const said = await guest().run(`cd /root; ${gdb} ./tried 2>&1`, { timeoutMs });
    assert.match(said, /^#0 +thrice \(n=14\) at tried\.c:8$/m);
    assert.match(said, /^#1 +0x[0-9a-f]+ in main \(\) at tried\.c:18$/m);
    assert.match(said, /^\$1 = 14$/m);
  });

  test("strace follows children and threads", async () => {
    const traced = "strace -f -o trace -e trace=execve,clone,clone3,exit_group";
    await guest().run(
      `cd /root; (${traced} ./tried) & until grep -q CLONE_THREAD trace; do sleep 1; done; kill $(pgrep -x tried); wait || true`,
      { timeoutMs },
    );
    const trace = await guest().run("cat /root/trace");
    const pids = new Set([...trace.matchAll(/^(\d+) /gm)].map(([, pid]) => pid));
    assert.equal(pids.size, 3, trace);
    assert.match(trace, /execve\("\/bin\/true", \["true"\]/);
    assert.match(trace, /clone3?\(.*CLONE_THREAD/);
    assert.match(trace, /\+\+\+ killed by SIGTERM \+\+\+/);
  });

  test("perf counts the kernel's own events", async () => {
    const events = ["task-clock", "context-switches", "page-faults", "cpu-migrations"];
    const said = await guest().run(
      `cd /root; perf stat -x, -e ${events.join()} -- sh -c 'for n in 1 2 3 4 5 6 7 8; do /bin/true; done' 2>&1`,
      { timeoutMs },
    );
    for (const event of events) {
      const [count] =
        said
          .split("\n")
          .find((line) => line.split(",")[2]?.startsWith(event))
          ?.split(",") ?? [];
      assert.match(count ?? "", /^[\d.]+$/, said);
      if (event !== "cpu-migrations") assert.ok(Number(count) > 0, said);
    }
  });
}
