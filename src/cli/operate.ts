import type { EndpointOf } from "../api/endpoints.ts";
import type { Input, Result } from "../client/client.ts";
import type { Cli } from "./command.ts";
import { withInterrupts } from "./interrupts.ts";
import { progressView } from "./progress/pick-view.ts";

/** Runs an operation as commands do: with its progress shown, and cancelled by Ctrl-C. */
export async function operate<N extends EndpointOf<"operation">>(
  cli: Cli,
  name: N,
  input: Input<N>,
  progress: string | undefined,
): Promise<Result<N>> {
  return withInterrupts(cli, (signal) => operateUntil(cli, name, input, progress, signal));
}

/** The same under a signal of the caller's, for commands of several steps. */
export async function operateUntil<N extends EndpointOf<"operation">>(
  cli: Cli,
  name: N,
  input: Input<N>,
  progress: string | undefined,
  signal: AbortSignal,
): Promise<Result<N>> {
  const view = progressView(cli, progress);
  const finish = (): void => view.finish();
  // Before the note on the cancelling is printed over the bars.
  signal.addEventListener("abort", finish, { once: true });
  try {
    return await cli.client.operate(name, input, { signal, progress: view.sink });
  } finally {
    view.finish();
    signal.removeEventListener("abort", finish);
  }
}
