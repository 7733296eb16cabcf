package agent

import (
	"net"
	"os"
	"time"
)

// notifyLimit is for an init that does not listen.
const notifyLimit = 5 * time.Second

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
	_ = conn.SetDeadline(time.Now().Add(notifyLimit))
	_, _ = conn.Write([]byte("READY=1"))
}
