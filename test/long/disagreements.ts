/** Where banger means to differ from umoci or libarchive, and why. */
export const DISAGREEMENTS: readonly {
  /** Fixtures by name. */
  readonly name: RegExp;
  /** What is said of them. */
  readonly says: RegExp;
  readonly reason: string;
}[] = [
  {
    name: /sparse/,
    says: /unknown typeflag '\\x53'/,
    reason: "umoci refuses GNU's sparse files; Docker and containerd take them",
  },
  {
    name: /sparse/,
    says: /^libarchive: ".*": content: /,
    reason: "libarchive hashes the stored parts of a sparse file, we the file",
  },
  {
    name: /pax-global-records\.tar$/,
    says: /unknown typeflag '\\x67'/,
    reason: "umoci refuses global records; Docker and containerd pass over them",
  },
  {
    name: /invalid-go17\.tar$/,
    says: /^libarchive: .*: only in /,
    reason: "written by Go before 1.8: only Go knows of its mistaken prefix",
  },
  {
    name: /(?:gnu-incremental|pax-bad-mtime-file|pax-nul-path)\.tar$/,
    says: /^libarchive: ours refuses: LAYER_INVALID/,
    reason: "libarchive passes over what is wrong; Go's archive/tar, and so umoci and each engine, refuses it",
  },
  {
    name: /pax-multi-hdrs\.tar$/,
    says: /^libarchive: theirs refuses: .*malformed pax/,
    reason: "libarchive stumbles over an extended header that follows another",
  },
  {
    name: /pax-path-hdr\.tar$/,
    says: /^layer: ours refuses: LAYER_INVALID: .*cut off/,
    reason: "an extended header at the end is of a file that is missing; Go's archive/tar passes over it",
  },
  {
    name: /(?:layout\/testdata\/test_index|testdata\/testrepo)$/,
    says: /theirs refuses: .*(?:invalid digest: ""|tag is ambiguous)/,
    reason: "umoci chooses no platform from an index",
  },
  {
    name: /./,
    says: /ours refuses: PLATFORM_MISSING/,
    reason: "umoci unpacks an image of any platform, a VM boots this host's",
  },
];
