import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { HttpAgents } from "./http-agents.ts";

/** Each with whether a proxy is asked for http://registry.test. */
const CASES: readonly (readonly [Readonly<Record<string, string>>, boolean])[] = [
  [{}, true],
  [{ no_proxy: "*" }, false],
  [{ no_proxy: "registry.test" }, false],
  [{ NO_PROXY: "other.test, Registry.TEST" }, false],
  [{ no_proxy: ".test" }, false],
  [{ no_proxy: ".registry.test" }, false],
  [{ no_proxy: "test" }, true],
  [{ no_proxy: ".try.test" }, true],
  [{ no_proxy: "other.test", NO_PROXY: "registry.test" }, true],
  [{ no_proxy: "", NO_PROXY: "registry.test" }, false],
];

test("a proxy counts as asked exactly where Node asks it, for the plain entries of no_proxy", async () => {
  // It is both the proxy and the registry: a proxy is asked for a whole URL.
  const server = createServer((request, response) => response.end(request.url)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = new URL(`http://registry.test:${port}/v2/`);
  const lookup: LookupFunction = (_name, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]);
  try {
    for (const [exceptions, asked] of CASES) {
      using agents = new HttpAgents({ http_proxy: `http://127.0.0.1:${port}`, ...exceptions }, []);
      const request = get(url, { agent: agents.for(url, undefined), lookup });
      const [response] = (await once(request, "response")) as [IncomingMessage];
      const because = JSON.stringify(exceptions);
      assert.equal(await text(response), asked ? url.href : "/v2/", because);
      assert.equal(agents.mayAskProxy(url), asked, because);
    }
  } finally {
    server.close();
  }
});
