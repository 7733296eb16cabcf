import type { Client } from "@connectrpc/connect";
import type { GuestFile, GuestFileEvent, GuestFilePage } from "../model/guest-file.ts";
import { agentProtocol } from "./agent-errors.ts";
import { guestFile, type GuestPlace } from "./agent-file-info.ts";
import { fileError } from "./agent-file-errors.ts";
import {
  fetchFrom,
  openStore,
  watchFiles,
  type Fetched,
  type FetchWhat,
  type StoreRequest,
  type StoreUnderWay,
} from "./agent-file-streams.ts";
import type { FilesService } from "./gen/banger/agent/v1/files_pb.ts";

export interface ListRequest {
  readonly depth: number;
  readonly limit: number;
  /** Last path of the page before; empty: from the beginning. */
  readonly after: string;
}

export interface FolderRequest {
  readonly parents: boolean;
  readonly mode?: number | undefined;
  /** `USER:GROUP`; empty: the user's own. */
  readonly owner: string;
}

export interface ChangeRequest {
  readonly follow: boolean;
  readonly mode?: number | undefined;
  readonly owner: string;
  /** Seconds since 1970. */
  readonly mtime?: number | undefined;
  readonly attributes: Readonly<Record<string, Uint8Array>>;
  readonly removeAttributes: readonly string[];
}

/** A guest's files. All throw BangerError: `PATH_NOT_FOUND`, `FILE_DENIED`, `FILE_EXISTS`, `FILE_UNFIT`, `GUEST_FULL`, `FILE_FAILED`, `GUEST_UNSUPPORTED`, `AGENT_UNREACHABLE`. */
export interface AgentFiles {
  stat(
    place: GuestPlace,
    how: { readonly follow: boolean; readonly attributes: boolean },
    signal: AbortSignal,
  ): Promise<GuestFile>;
  list(place: GuestPlace, request: ListRequest, signal: AbortSignal): Promise<GuestFilePage>;
  makeFolder(place: GuestPlace, request: FolderRequest, signal: AbortSignal): Promise<void>;
  move(place: GuestPlace, to: string, replace: boolean, signal: AbortSignal): Promise<void>;
  remove(place: GuestPlace, recursive: boolean, signal: AbortSignal): Promise<void>;
  change(place: GuestPlace, request: ChangeRequest, signal: AbortSignal): Promise<void>;
  /** Resolves once the guest has opened it; its bytes come as they are taken. */
  fetch(place: GuestPlace, what: FetchWhat, signal: AbortSignal): Promise<Fetched>;
  /** Resolves once the guest is ready for what is to be written. */
  store(place: GuestPlace, request: StoreRequest, signal: AbortSignal): Promise<StoreUnderWay>;
  watch(place: GuestPlace, recursive: boolean, signal: AbortSignal): AsyncGenerator<GuestFileEvent>;
}

/** One bounded call, as the agent's client makes them. */
export type BoundedCall = <T>(
  signal: AbortSignal,
  awaited: string,
  work: (within: AbortSignal) => Promise<T>,
) => Promise<T>;

/** Most entries of a page that is taken; the agent sends no more than it is asked for. */
const MAX_ENTRIES = 1000;

/** The files of a guest, over its agent's connection. */
export function agentFiles(client: Client<typeof FilesService>, bounded: BoundedCall): AgentFiles {
  const call = <T>(doing: string, signal: AbortSignal, work: (within: AbortSignal) => Promise<T>): Promise<T> =>
    bounded(signal, `the guest to ${doing}`, async (within) => {
      try {
        return await work(within);
      } catch (error) {
        throw fileError(error, doing, within);
      }
    });
  return {
    stat: (place, { follow, attributes: withAttributes }, signal) =>
      call(`look at ${place.path}`, signal, async (within) => {
        const said = await client.stat({ place: { ...place }, follow, withAttributes }, { signal: within });
        const file = guestFile(said.info);
        if (!withAttributes) return file;
        const attributes = Object.entries(said.attributes).map(([name, value]): [string, string] => [
          name,
          Buffer.from(value).toString("base64"),
        ]);
        return { ...file, attributes: Object.fromEntries(attributes) };
      }),
    list: (place, request, signal) =>
      call(`list ${place.path}`, signal, async (within) => {
        const { depth, limit, after } = request;
        const said = await client.list(
          { place: { ...place }, depth, limit, after: Buffer.from(after) },
          { signal: within },
        );
        if (said.entries.length > MAX_ENTRIES) throw agentProtocol(`a page of ${said.entries.length} files`);
        return { entries: said.entries.map(guestFile), more: said.more };
      }),
    makeFolder: (place, { parents, mode, owner }, signal) =>
      call(`make the folder ${place.path}`, signal, async (within) => {
        await client.makeFolder({ place: { ...place }, parents, mode: mode ?? 0, owner }, { signal: within });
      }),
    move: (place, to, replace, signal) =>
      call(`rename ${place.path} to ${to}`, signal, async (within) => {
        await client.move({ place: { ...place }, to, replace }, { signal: within });
      }),
    remove: (place, recursive, signal) =>
      call(`remove ${place.path}`, signal, async (within) => {
        await client.remove({ place: { ...place }, recursive }, { signal: within });
      }),
    change: (place, request, signal) =>
      call(`change ${place.path}`, signal, async (within) => {
        const { follow, mode, owner, mtime, attributes, removeAttributes } = request;
        await client.change(
          {
            place: { ...place },
            follow,
            owner,
            ...(mode !== undefined && { mode }),
            ...(mtime !== undefined && { modifiedNs: BigInt(Math.round(mtime * 1e6)) * 1000n }),
            setAttributes: { ...attributes },
            removeAttributes: [...removeAttributes],
          },
          { signal: within },
        );
      }),
    fetch: (place, what, signal) => fetchFrom(client, place, what, signal),
    store: (place, request, signal) => openStore(client, place, request, signal),
    watch: (place, recursive, signal) => watchFiles(client, place, recursive, signal),
  };
}
