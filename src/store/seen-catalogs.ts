import type { DatabaseSync } from "node:sqlite";

/** The newest edition of a catalog that was ever trusted. */
export interface SeenCatalog {
  readonly url: string;
  /** Who signed it; another key is another catalog, which begins anew. */
  readonly key: string;
  readonly serial: number;
  /** Of its bytes, in hex. */
  readonly sha256: string;
}

/** What is remembered of catalogs, so that an old one is not taken for the newest. */
export interface SeenCatalogs {
  find(url: string, key: string): SeenCatalog | undefined;
  note(seen: SeenCatalog): void;
}

export function openSeenCatalogs(database: DatabaseSync): SeenCatalogs {
  const select = database.prepare("SELECT serial, sha256 FROM catalogs WHERE url = :url AND key = :key");
  // Two commands may read at once: the higher serial stays, whoever writes last.
  const upsert = database.prepare(
    `INSERT INTO catalogs (url, key, serial, sha256) VALUES (:url, :key, :serial, :sha256)
     ON CONFLICT (url, key) DO UPDATE SET serial = excluded.serial, sha256 = excluded.sha256
     WHERE excluded.serial > catalogs.serial`,
  );
  return {
    find(url, key) {
      const row = select.get({ url, key });
      if (row === undefined) return undefined;
      return { url, key, serial: Number(row["serial"]), sha256: String(row["sha256"]) };
    },
    note: ({ url, key, serial, sha256 }) => void upsert.run({ url, key, serial, sha256 }),
  };
}
