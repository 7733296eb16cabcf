/** The agent as OpenRC starts it (openrc-run(8)): early and on its own, as systemd has it. */
export const AGENT_OPENRC_SERVICE = `#!/sbin/openrc-run
description="banger agent: answers the host"
supervisor=supervise-daemon
command=/usr/local/libexec/banger-vsock-agent
command_args=serve

depend() {
	after devfs
	keyword -shutdown
}
`;
