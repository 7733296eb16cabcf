import type { vmFileRoutes } from "../../../api/routes/vm-files.ts";
import type { Handlers, Request } from "../../../core/handlers.ts";
import type { AgentFiles, GuestPlace } from "../../../guest/agent-client.ts";
import { askAgent } from "../guest/reach-agent.ts";
import type { VmContext } from "../vm-context.ts";

interface FileInput extends GuestPlace {
  readonly ref: string;
}

/** Answers what is asked of the files in running VMs: all by their agents, and nothing by the host's own view of a disk. */
export function vmFileHandlers(context: VmContext): Handlers<typeof vmFileRoutes> {
  const ask = <T>(
    { ref, path, user }: FileInput,
    { signal }: Request,
    work: (files: AgentFiles, place: GuestPlace, within: AbortSignal) => Promise<T>,
  ): Promise<T> =>
    askAgent(context, ref, signal, "answer for its files", (agent, _running, within) =>
      work(agent.files, { path, user }, within),
    );
  /** Calls whose answer says no more than that it is done. */
  const tell = async (
    input: FileInput,
    request: Request,
    work: (files: AgentFiles, place: GuestPlace, within: AbortSignal) => Promise<void>,
  ): Promise<Record<string, never>> => {
    await ask(input, request, work);
    return {};
  };
  return {
    async *vmFileRead({ offset, length, ...input }, request) {
      const what = { kind: "file", offset, length } as const;
      yield* (await ask(input, request, (files, place, within) => files.fetch(place, what, within))).bytes;
    },
    async *vmArchiveRead({ name, follow, ...input }, request) {
      const what = { kind: "archive", name, follow } as const;
      yield* (await ask(input, request, (files, place, within) => files.fetch(place, what, within))).bytes;
    },
    async vmFileWrite({ mode, owner, parents, exclusive, ...input }, body, request) {
      const what = { kind: "file", mode: bitsOf(mode), exclusive } as const;
      const under = await ask(input, request, (files, place, within) =>
        files.store(place, { what, owner, parents }, within),
      );
      return under.send(body);
    },
    async vmArchiveWrite({ owner, parents, keep, ...input }, body, request) {
      const what = { kind: "archive", keep } as const;
      const under = await ask(input, request, (files, place, within) =>
        files.store(place, { what, owner, parents }, within),
      );
      return under.send(body);
    },
    vmFileRemove: ({ recursive, ...input }, request) =>
      tell(input, request, (files, place, within) => files.remove(place, recursive, within)),
    vmFileStat: ({ follow, attributes, ...input }, request) =>
      ask(input, request, (files, place, within) => files.stat(place, { follow, attributes }, within)),
    vmFileList: ({ depth, limit, after, ...input }, request) =>
      ask(input, request, (files, place, within) => files.list(place, { depth, limit, after }, within)),
    vmFileMkdir: ({ parents, mode, owner, ...input }, request) =>
      tell(input, request, (files, place, within) =>
        files.makeFolder(place, { parents, mode: bitsOf(mode), owner }, within),
      ),
    vmFileMove: ({ to, replace, ...input }, request) =>
      tell(input, request, (files, place, within) => files.move(place, to, replace, within)),
    vmFileChange: ({ follow, mode, owner, mtime, attributes, removeAttributes, ...input }, request) => {
      const set = Object.entries(attributes).map(([name, value]): [string, Buffer] => [
        name,
        Buffer.from(value, "base64"),
      ]);
      const change = {
        follow,
        mode: bitsOf(mode),
        owner,
        mtime,
        attributes: Object.fromEntries(set),
        removeAttributes,
      };
      return tell(input, request, (files, place, within) => files.change(place, change, within));
    },
    async *vmFileWatch({ recursive, ...input }, request) {
      const events = await ask(input, request, async (files, place) => files.watch(place, recursive, request.signal));
      for await (const event of events) yield Buffer.from(`${JSON.stringify(event)}\n`);
    },
  };
}

/** Permission bits as chmod takes them. */
function bitsOf(mode: string | undefined): number | undefined {
  return mode === undefined ? undefined : Number.parseInt(mode, 8);
}
