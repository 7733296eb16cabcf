import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type Counts, withExitStatus } from "./counts.ts";
import { type GoEvent, GoTally } from "./go-events.ts";

/** Runs `go test ./...` in a module, prints what a person wants of it, and counts. */
export async function runGoSuite(directory: string): Promise<Counts> {
  const child = spawn("go", ["test", "-json", "./..."], { cwd: directory, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close") as Promise<[number | null]>;
  const tally = new GoTally();
  for await (const line of createInterface(child.stdout)) {
    process.stdout.write(tally.take(parseEvent(line)));
  }
  const [exitStatus] = await ended;
  return withExitStatus(tally.counts, "go test", exitStatus);
}

/** go mixes words of its own among the events, such as which release it fetches. */
function parseEvent(line: string): GoEvent {
  try {
    return JSON.parse(line) as GoEvent;
  } catch {
    return { Action: "build-output", Output: `${line}\n` };
  }
}
