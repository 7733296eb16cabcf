import assert from "node:assert/strict";
import { test } from "node:test";
import type { Image } from "../../model/image.ts";
import { builtKey, contentKey } from "./content-key.ts";

const image = (fields: object): Image => ({ history: [], rootfs: { uuid: "u" }, ...fields }) as unknown as Image;
const step = (key: string) => ({ key });

test("what was built here is known by how; what came from another banger by its digest, whatever it says of itself", () => {
  const own = image({ digest: "d1", history: [step("k")] });
  const foreign = image({ digest: "d2", history: [step("k")], packedFrom: { layers: [] } });
  assert.equal(builtKey(own), "k");
  assert.equal(builtKey(foreign), undefined);
  assert.notEqual(contentKey(own), contentKey(foreign));
  assert.notEqual(contentKey(foreign), contentKey({ ...foreign, digest: "d3" }));
  const changedHere = { ...foreign, history: [...foreign.history, step("l")] } as Image;
  assert.notEqual(contentKey(foreign), contentKey(changedHere));
  assert.equal(contentKey(own), contentKey({ ...own, digest: "d3" }));
});
