/** Port of the agent where its line is a vsock (agent/internal/vsock). */
export const AGENT_VSOCK_PORT = 1024;
