import type { WebSocket } from "ws";
import type { Contract } from "../api/contract.ts";
import type { EndpointOf } from "../api/endpoints.ts";
import type { RouteParsedInput, RouteResult } from "../api/route.ts";
import type { OperationContext } from "../lib/progress.ts";

type InputOf<N extends keyof Contract> = RouteParsedInput<Contract[N]>;
type ResultOf<N extends keyof Contract> = RouteResult<Contract[N]>;

/** One function a route, by kind; the compiler holds this table against the contract. */
export interface Handlers {
  readonly calls: {
    readonly [N in EndpointOf<"call">]: (input: InputOf<N>, signal: AbortSignal) => Promise<ResultOf<N>> | ResultOf<N>;
  };
  readonly operations: {
    readonly [N in EndpointOf<"operation">]: (input: InputOf<N>, context: OperationContext) => Promise<ResultOf<N>>;
  };
  readonly texts: {
    readonly [N in EndpointOf<"text">]: (input: InputOf<N>, signal: AbortSignal) => AsyncIterable<Uint8Array>;
  };
  readonly sockets: {
    readonly [N in EndpointOf<"socket">]: (input: InputOf<N>, socket: WebSocket, signal: AbortSignal) => Promise<void>;
  };
}
