package sshd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"banger.dev/agent/internal/account"
	"banger.dev/agent/internal/children"
	"banger.dev/agent/internal/command"
)

// sftpJob makes this test binary the SFTP server, as the agent's own binary is.
const sftpJob = "BANGER_TEST_SFTP"

func TestMain(m *testing.M) {
	if os.Getenv(sftpJob) != "" {
		server, err := sftp.NewServer(struct {
			io.Reader
			io.WriteCloser
		}{os.Stdin, os.Stdout})
		if err == nil {
			err = server.Serve()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// testServer is a guest's SSH server on loopback, and what a user's ssh needs to log in.
type testServer struct {
	dir, port string
}

func serve(t *testing.T) testServer {
	t.Helper()
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("OpenSSH's client is not installed")
	}
	dir := t.TempDir()
	for _, name := range []string{"key", "stranger"} {
		generate := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, name))
		if out, err := generate.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	public, err := os.ReadFile(filepath.Join(dir, "key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	hostKey, err := LoadHostKey(filepath.Join(dir, "host", "key"), log)
	if err != nil {
		t.Fatal(err)
	}
	accounts := account.Database{Root: "/"}
	server := &Server{
		HostKey: hostKey, Accounts: accounts, Log: log,
		Runner: command.Runner{Nursery: &children.Nursery{}, Accounts: accounts},
		Keys:   func() []string { return []string{string(public)} },
		Env:    func() map[string]string { return map[string]string{"FROM_HOST": "yes", sftpJob: "1"} },
		SFTP:   []string{os.Args[0]},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _ = server.Serve(ctx, conn) }()
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	known := fmt.Sprintf("[127.0.0.1]:%s %s", port, ssh.MarshalAuthorizedKey(hostKey.PublicKey()))
	if err := os.WriteFile(filepath.Join(dir, "known_hosts"), []byte(known), 0o600); err != nil {
		t.Fatal(err)
	}
	return testServer{dir: dir, port: port}
}

func (s testServer) options(key string) []string {
	return []string{
		"-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes",
		"-o", "UserKnownHostsFile=" + filepath.Join(s.dir, "known_hosts"), "-i", filepath.Join(s.dir, key),
	}
}

func (s testServer) ssh(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	all := append(s.options("key"), "-p", s.port)
	return exec.CommandContext(ctx, "ssh", append(all, args...)...)
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return exit.ExitCode()
}

// dial is a client that waits for nothing it need not wait for, as OpenSSH's does not.
func (s testServer) dial(t *testing.T) *ssh.Client {
	t.Helper()
	private, err := os.ReadFile(filepath.Join(s.dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	client, err := ssh.Dial("tcp", net.JoinHostPort("127.0.0.1", s.port), &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestNoNewSizeIsLostWhileTheProgramStarts(t *testing.T) {
	client := serve(t).dial(t)
	for range 20 {
		session, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		if err := session.RequestPty("xterm", 24, 80, nil); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		session.Stdout = &out
		if err := session.Start("sleep 0.1; stty size"); err != nil {
			t.Fatal(err)
		}
		if err := session.WindowChange(43, 132); err != nil {
			t.Fatal(err)
		}
		if err := session.Wait(); err != nil || out.String() != "43 132\r\n" {
			t.Fatalf("%v %q", err, out.String())
		}
	}
}

func TestExec(t *testing.T) {
	s := serve(t)
	cmd := s.ssh(t, "root@127.0.0.1", "echo out $FROM_HOST; echo err >&2; exit 7")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if code := exitCode(t, cmd.Run()); code != 7 || stdout.String() != "out yes\n" || stderr.String() != "err\n" {
		t.Fatalf("%d %q %q", code, stdout.String(), stderr.String())
	}
}

func TestBinaryBothWays(t *testing.T) {
	s := serve(t)
	data := bytes.Repeat([]byte("\x00\xff\r\n\x1a~."), 4<<20)
	cmd := s.ssh(t, "root@127.0.0.1", "cat")
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil || sha256.Sum256(out) != sha256.Sum256(data) {
		t.Fatalf("%v: %d bytes of %d came back", err, len(out), len(data))
	}
}

func TestShellWithATerminal(t *testing.T) {
	s := serve(t)
	cmd := s.ssh(t, "-tt", "root@127.0.0.1")
	cmd.Stdin = strings.NewReader("test -t 0 && echo is-a-$((40+2))-tty; exit 5\n")
	out, err := cmd.Output()
	if code := exitCode(t, err); code != 5 || !strings.Contains(string(out), "is-a-42-tty") {
		t.Fatalf("%d %q", code, out)
	}
}

func TestAStrangersKeyIsRefused(t *testing.T) {
	s := serve(t)
	args := append(s.options("stranger"), "-p", s.port, "root@127.0.0.1", "true")
	out, err := exec.Command("ssh", args...).CombinedOutput()
	if code := exitCode(t, err); code != 255 || !strings.Contains(string(out), "Permission denied") {
		t.Fatalf("%d %s", code, out)
	}
}

func TestAnUnknownUserIsRefused(t *testing.T) {
	s := serve(t)
	out, err := s.ssh(t, "no-such-user@127.0.0.1", "true").CombinedOutput()
	if code := exitCode(t, err); code != 255 || !strings.Contains(string(out), "Permission denied") {
		t.Fatalf("%d %s", code, out)
	}
}

func TestAKeyWithOptionsLetsNobodyIn(t *testing.T) {
	private, err := LoadHostKey(filepath.Join(t.TempDir(), "key"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	plain := ssh.MarshalAuthorizedKey(private.PublicKey())
	restricted := append([]byte(`command="/bin/date",no-pty `), plain...)
	if holdsKey(restricted, private.PublicKey()) {
		t.Fatal("options that are not enforced were passed over")
	}
	if !holdsKey(append(append([]byte("# comment\n\n"), restricted...), plain...), private.PublicKey()) {
		t.Fatal("the plain line after it was not found")
	}
}

func TestCopyingFiles(t *testing.T) {
	s := serve(t)
	source, target := filepath.Join(s.dir, "source"), filepath.Join(s.dir, "target")
	data := bytes.Repeat([]byte("banger\x00"), 1<<17)
	if err := os.WriteFile(source, data, 0o640); err != nil {
		t.Fatal(err)
	}
	args := append(s.options("key"), "-P", s.port, "-p", source, "root@127.0.0.1:"+target)
	if out, err := exec.Command("scp", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	got, err := os.ReadFile(target)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%v: %d bytes of %d arrived", err, len(got), len(data))
	}
}

func TestForwards(t *testing.T) {
	s := serve(t)
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = echo.Close() }()
	go func() {
		for {
			conn, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				heard, _ := io.ReadAll(conn)
				_, _ = conn.Write(append([]byte("heard "), heard...))
				_ = conn.Close()
			}()
		}
	}()
	there := filepath.Join(s.dir, "there.sock")
	// -L: this side listens; -R: the guest's side does. Both lead to the echo.
	cmd := s.ssh(t, "-o", "ExitOnForwardFailure=yes",
		"-L", filepath.Join(s.dir, "here.sock")+":"+echo.Addr().String(),
		"-R", there+":"+echo.Addr().String(), "root@127.0.0.1", "echo ready; cat")
	stdin, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close(); _ = cmd.Wait() }()
	if _, err := io.ReadFull(stdout, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(s.dir, "here.sock"), there} {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = conn.Write([]byte("hello"))
		_ = conn.(*net.UnixConn).CloseWrite()
		if got, err := io.ReadAll(conn); err != nil || string(got) != "heard hello" {
			t.Errorf("%s: %q %v", filepath.Base(path), got, err)
		}
		_ = conn.Close()
	}
}

func TestTheHostKeyStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "etc", "key")
	log := slog.New(slog.DiscardHandler)
	first, err := LoadHostKey(path, log)
	if err != nil {
		t.Fatal(err)
	}
	second, err := LoadHostKey(path, log)
	if err != nil || !bytes.Equal(first.PublicKey().Marshal(), second.PublicKey().Marshal()) {
		t.Fatalf("another key on the second boot: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadHostKey(path, log); err != nil {
		t.Fatalf("a broken key was not replaced: %v", err)
	}
}
