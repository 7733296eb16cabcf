import type { Routes } from "../api/route.ts";
import type { BangerError } from "../lib/errors.ts";
import type { AnyHandlers } from "./any-handlers.ts";

/**
 * Handlers that answer everything with one error, but for routes that are always answered. So doctor can tell what is wrong
 * with a configuration that the daemon could not read.
 *
 * @param refused called once for each refusal.
 */
export function refuseAll(routes: Routes, handlers: AnyHandlers, error: BangerError, refused: () => void): AnyHandlers {
  const refuse = (): never => {
    refused();
    throw error;
  };
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [name, routes[name]?.always === true ? handler : refuse]),
  );
}
