import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { worldInput } from "./world-options.ts";

const NOTHING = {
  "host-ca": false,
  "no-host-ca": false,
  "host-proxy": false,
  "no-host-proxy": false,
  "time-zone": undefined,
  locale: undefined,
};

test("the environment of whoever asks is sent, and only where it was asked for", () => {
  const env = {
    https_proxy: "http://p:1",
    SSL_CERT_FILE: "/a.pem",
    CURL_CA_BUNDLE: "b.pem",
    NODE_EXTRA_CA_CERTS: "/a.pem",
    LANG: "x",
  };
  assert.deepEqual(Object.values(worldInput(NOTHING, env)), [undefined, undefined, undefined, undefined, undefined]);
  assert.deepEqual(
    worldInput({ ...NOTHING, "host-ca": true, "host-proxy": true, "time-zone": "host", locale: "host" }, env),
    {
      hostCa: true,
      hostCaFiles: ["/a.pem", resolve("b.pem")],
      hostProxy: { https: "http://p:1", noneFor: "" },
      timeZone: "host",
      locale: "x",
    },
  );
  const none = worldInput({ ...NOTHING, "no-host-ca": true, "no-host-proxy": true }, env);
  assert.deepEqual([none.hostCa, none.hostCaFiles, none.hostProxy], [false, undefined, false]);
});

test("what cannot be meant is told", () => {
  for (const options of [{ "host-proxy": true }, { locale: "host" }, { "host-ca": true, "no-host-ca": true }]) {
    assert.throws(() => worldInput({ ...NOTHING, ...options }, {}), { code: "BAD_USAGE" });
  }
});
