/**
 * A stand-in for Firecracker, for hosts where KVM runs no guests: its command line and API, held to the official
 * description and to the rules that are written in Firecracker's own documentation, and the same machine on QEMU's
 * emulated processor behind them. BANGER_STAND_IN_VERSION says which release it stands for.
 */
import { once } from "node:events";
import { apiServer } from "./api-server.ts";
import { type Arguments, EXIT_ARGUMENTS, isInstanceId, parseArguments } from "./arguments.ts";
import { findDescription, readDescription } from "./description.ts";
import { Log } from "./log.ts";
import { Vmm } from "./vmm.ts";

const EXIT_ERROR = 1;
/** FcExitCode::SIGHUP: Firecracker does not outlive its terminal. */
const EXIT_HANGUP = 156;
const MAX_BODY_BYTES = 51_200;

async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const version = env["BANGER_STAND_IN_VERSION"] ?? "1.16.1";
  let options: Arguments;
  try {
    options = parseArguments(argv);
  } catch (error) {
    console.error(`Error: ParseArguments(${String(error)})`);
    return EXIT_ARGUMENTS;
  }
  const id = options.id ?? "anonymous-instance";
  const log = new Log(id);
  if (options.version !== undefined) {
    console.log(`Firecracker v${version}\n`);
    log.write("INFO", "Firecracker exiting successfully. exit_code=0");
    return 0;
  }
  if (!isInstanceId(id)) {
    console.error(`thread 'main' panicked: Invalid instance ID: ${id}`);
    process.kill(process.pid, "SIGABRT");
  }
  if (options["log-path"] !== undefined) log.open(options["log-path"]);
  log.write("INFO", `Running Firecracker v${version}`);
  process.on("SIGHUP", () => {
    // No status follows in its log where a signal ends it.
    log.write("ERROR", `Shutting down VM after intercepting signal 1, code 0.`);
    process.exit(EXIT_HANGUP);
  });
  return serve(options, version, new Vmm(id, version, log, env), log, env);
}

async function serve(options: Arguments, version: string, vmm: Vmm, log: Log, env: NodeJS.ProcessEnv): Promise<number> {
  const file = findDescription(env);
  if (file === undefined)
    log.write("WARN", "The official description of the API is not at hand: bodies are not held to it.");
  const server = apiServer({
    vmm,
    version,
    log,
    maxBodyBytes: Number(options["http-api-max-payload-size"] ?? MAX_BODY_BYTES),
    description: file === undefined ? undefined : await readDescription(file),
  });
  const path = options["api-sock"] ?? "/run/firecracker.socket";
  server.listen(path);
  try {
    await once(server, "listening");
  } catch {
    const what = `Failed to open the API socket at: ${path}. Check that it is not already used.`;
    log.write("ERROR", `RunWithApiError error: ${what}`);
    console.error(`Error: RunWithApi(FailedToBindSocket(${JSON.stringify(path)}))`);
    log.write("ERROR", `Firecracker exiting with error. exit_code=${EXIT_ERROR}`);
    return EXIT_ERROR;
  }
  const clean = await vmm.ended;
  vmm.flushMetrics();
  log.write(
    clean ? "INFO" : "ERROR",
    `Firecracker exiting ${clean ? "successfully" : "with error"}. exit_code=${clean ? 0 : EXIT_ERROR}`,
  );
  return clean ? 0 : EXIT_ERROR;
}

// Neither sockets nor what Firecracker wrote is removed: it does not, either.
process.exit(await main(process.argv.slice(2), process.env));
