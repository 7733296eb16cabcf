/** Of Debian, for all tests of servers: one image for them. */
export const SERVER_PACKAGES = [
  "udev",
  "kmod",
  "procps",
  "iproute2",
  "postgresql",
  "redis-server",
  "nginx-light",
  "curl",
  "ca-certificates",
  "python3-minimal",
] as const;
