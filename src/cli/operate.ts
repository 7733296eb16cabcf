import type { EndpointOf } from "../api/endpoints.ts";
import type { Input, Result } from "../client/client.ts";
import type { Cli } from "./command.ts";
import { forEach } from "./for-each.ts";
import { withInterrupts } from "./interrupts.ts";
import { type ProgressMode, progressView } from "./progress/pick-view.ts";

/** What became of an operation that was left behind: it goes on in the daemon. As JSON it is just that. */
class Begun {
  readonly operation: string;

  constructor(operation: string) {
    this.operation = operation;
  }
}

/**
 * Runs an operation as commands do: with its progress shown, and cancelled by Ctrl-C; then tells of its result. With
 * `--detach` it is begun and left behind, and its id is told.
 *
 * @param say tells people of the result; with `--json` it is printed as it is.
 */
export async function operate<N extends EndpointOf<"operation">>(
  cli: Cli,
  name: N,
  input: Input<N>,
  progress: ProgressMode | undefined,
  say: (result: Result<N>) => void,
): Promise<void> {
  const outcome = await runOrBegin(cli, name, input, progress);
  if (cli.json) cli.printJson(outcome);
  else if (outcome instanceof Begun) cli.print(wordsOf(cli, outcome));
  else say(outcome);
}

/** The same for each of several objects, in their order: see {@link forEach}. */
export function operateOnEach<N extends EndpointOf<"operation">>(
  cli: Cli,
  name: N,
  refs: readonly string[],
  inputOf: (ref: string) => Input<N>,
  progress: ProgressMode | undefined,
  say: (result: Result<N>, ref: string) => string,
): Promise<number> {
  return forEach(
    cli,
    refs,
    (ref) => runOrBegin(cli, name, inputOf(ref), progress),
    (outcome, ref) => (outcome instanceof Begun ? wordsOf(cli, outcome) : say(outcome, ref)),
  );
}

/** Runs an operation under a signal of the caller's, for commands of several steps. */
export async function operateUntil<N extends EndpointOf<"operation">>(
  cli: Cli,
  name: N,
  input: Input<N>,
  progress: ProgressMode | undefined,
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

async function runOrBegin<N extends EndpointOf<"operation">>(
  cli: Cli,
  name: N,
  input: Input<N>,
  progress: ProgressMode | undefined,
): Promise<Result<N> | Begun> {
  if (cli.detach) return new Begun(await cli.client.begin(name, input));
  return withInterrupts(cli, (signal) => operateUntil(cli, name, input, progress, signal));
}

/** The id alone goes to stdout, so that a script has it. */
function wordsOf(cli: Cli, { operation }: Begun): string {
  cli.note(`It goes on by itself. Follow it with: banger operation follow ${operation}`);
  return operation;
}
