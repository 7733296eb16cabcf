import type { Interceptor } from "@connectrpc/connect";

/** The header of a call that names the operation which it is part of; the API has it under the same name. */
export const OPERATION_HEADER = "banger-operation";

/** Of which operation the running code is, if of any. Asked at each call: one connection serves many. */
export type OperationNow = () => string | undefined;

/** Has each call name its operation, so that it stands in the agent's log as it does in the daemon's. */
export function nameOperation(operationNow: OperationNow): Interceptor {
  return (next) => (request) => {
    const operation = operationNow();
    if (operation !== undefined) request.header.set(OPERATION_HEADER, operation);
    return next(request);
  };
}
