package agent

import (
	"net"
	"os"
)

// NotifyReady tells systemd (sd_notify(3)), where it asked to be told.
func NotifyReady() {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	// Of this service only, not of what it runs.
	_ = os.Unsetenv("NOTIFY_SOCKET")
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = conn.Write([]byte("READY=1"))
}
