/*
 * The binary indexes that kmod reads (modules.dep.bin and its kin): a trie of keys with values, as the comment at the head
 * of kmod's libkmod/libkmod-index.c describes it. Numbers are 32 bits, most significant byte first.
 */
const INDEX_MAGIC = 0xb007f457;
const INDEX_VERSION = 0x00020001;
const HEAD_BYTES = 12;
const INDEX_NODE_PREFIX = 0x80000000;
const INDEX_NODE_VALUES = 0x40000000;
const INDEX_NODE_CHILDS = 0x20000000;
/** No name or alias of a kernel is as long; a trie is as deep as its keys may be long. */
const MAX_KEY_LENGTH = 1024;
/** A key is made of what a C string of ASCII can hold. */
const isKey = (key: string): boolean =>
  key.length <= MAX_KEY_LENGTH && /^\p{ASCII}*$/u.test(key) && !key.includes("\0");

interface Value {
  readonly text: string;
  readonly priority: number;
}

interface Node {
  prefix: string;
  /** By the character that leads to each. */
  readonly children: Map<number, Node>;
  readonly values: Value[];
}

/** A trie that is filled key by key and then written out. The same calls give the same bytes as kmod's depmod. */
export class IndexTrie {
  #root: Node = newNode("");

  /**
   * Adds a value to a key; of several the one of the lowest priority comes first, and of equals the one that was added last.
   *
   * @returns whether the key can be in an index; nothing is added where not.
   */
  add(key: string, text: string, priority: number): boolean {
    if (!isKey(key)) return false;
    const { values } = this.#find(key);
    const at = values.findIndex((value) => value.priority >= priority);
    values.splice(at === -1 ? values.length : at, 0, { text, priority });
    return true;
  }

  toBytes(): Buffer {
    const parts: Buffer[] = [];
    const root = writeNode(this.#root, parts, { end: HEAD_BYTES });
    return Buffer.concat([numbers(INDEX_MAGIC, INDEX_VERSION, root), ...parts]);
  }

  /** The node of a key, made where there is none; what shares a part of its way with others is parted where they differ. */
  #find(key: string): Node {
    let node = this.#root;
    for (let at = 0; ;) {
      let shared = 0;
      while (shared < node.prefix.length && node.prefix[shared] === key[at + shared]) shared += 1;
      if (shared < node.prefix.length) split(node, shared);
      at += shared;
      if (at === key.length) return node;
      const letter = key.charCodeAt(at);
      const next = node.children.get(letter);
      if (next === undefined) {
        const leaf = newNode(key.slice(at + 1));
        node.children.set(letter, leaf);
        return leaf;
      }
      node = next;
      at += 1;
    }
  }
}

function newNode(prefix: string): Node {
  return { prefix, children: new Map(), values: [] };
}

/** Leaves the node the first `length` characters of its prefix, and puts all else into a child. */
function split(node: Node, length: number): void {
  const child = newNode(node.prefix.slice(length + 1));
  for (const [letter, grandchild] of node.children) child.children.set(letter, grandchild);
  child.values.push(...node.values.splice(0));
  node.children.clear();
  node.children.set(node.prefix.charCodeAt(length), child);
  node.prefix = node.prefix.slice(0, length);
}

/** Writes children first: a node names where each of them lies. */
function writeNode(node: Node, parts: Buffer[], place: { end: number }): number {
  const letters = [...node.children.keys()];
  const first = Math.min(...letters);
  const last = Math.max(...letters);
  const offsets: number[] = [];
  for (let letter = first; letter <= last; letter += 1) {
    const child = node.children.get(letter);
    offsets.push(child === undefined ? 0 : writeNode(child, parts, place));
  }
  let offset = place.end;
  const put = (bytes: Buffer): void => {
    parts.push(bytes);
    place.end += bytes.length;
  };
  if (node.prefix !== "") {
    put(cString(node.prefix));
    offset += INDEX_NODE_PREFIX;
  }
  if (letters.length > 0) {
    put(Buffer.from([first, last]));
    put(numbers(...offsets));
    offset += INDEX_NODE_CHILDS;
  }
  if (node.values.length > 0) {
    put(numbers(node.values.length));
    for (const { text, priority } of node.values) {
      put(numbers(priority));
      put(cString(text));
    }
    offset += INDEX_NODE_VALUES;
  }
  return offset;
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, "utf8");
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}
