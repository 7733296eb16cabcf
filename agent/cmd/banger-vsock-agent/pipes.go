package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/pkg/sftp"

	"banger.dev/agent/internal/bridge"
	"banger.dev/agent/internal/vsock"
)

// vsockTimeout bounds a connection to a guest that does not answer.
const vsockTimeout = 5 * time.Second

// stdio is stdin and stdout as one stream.
type stdio struct{}

func (stdio) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (stdio) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (stdio) CloseWrite() error           { return os.Stdout.Close() }
func (stdio) Close() error                { return os.Stdin.Close() }

// sftpServer runs as the user: what the file system refuses him, SFTP does.
func sftpServer(context.Context, []string) error {
	server, err := sftp.NewServer(stdio{})
	if err != nil {
		return err
	}
	if err := server.Serve(); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("serve SFTP: %w", err)
	}
	return nil
}

// vsockConnect is for hosts' programs that do not know vsock, as Node does not.
func vsockConnect(_ context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: vsock-connect CID PORT")
	}
	cid, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil {
		return fmt.Errorf("context id: %w", err)
	}
	port, err := strconv.ParseUint(args[1], 10, 32)
	if err != nil {
		return fmt.Errorf("port: %w", err)
	}
	conn, err := vsock.Dial(uint32(cid), uint32(port), vsockTimeout)
	if err != nil {
		return err
	}
	return bridge.Join(stdio{}, conn)
}
