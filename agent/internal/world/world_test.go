package world

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/files"
)

// guestRoot is a guest's file system in a folder, whose programs only write down that they were run.
type guestRoot struct {
	*Keeper
	t    *testing.T
	runs []string
	fail error
}

func newGuest(t *testing.T, files map[string]string) *guestRoot {
	t.Helper()
	g := &guestRoot{t: t}
	g.Keeper = &Keeper{Root: t.TempDir(), Run: func(_ context.Context, argv []string) error {
		g.runs = append(g.runs, strings.Join(argv, " "))
		return g.fail
	}}
	for name, text := range files {
		path := g.path(name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, isLink := strings.CutPrefix(text, "-> "); isLink {
			if err := os.Symlink(target, path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		mode := os.FileMode(0o644)
		if strings.Contains(name, "bin/") {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// tree is all that is in the guest; a link is its target.
func (g *guestRoot) tree() map[string]string {
	found := map[string]string{}
	err := filepath.WalkDir(g.Root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, _ := filepath.Rel(g.Root, path)
		if target, err := os.Readlink(path); err == nil {
			found[name] = "-> " + target
		} else if entry.Type().IsRegular() {
			text, err := os.ReadFile(path)
			found[name] = string(text)
			return err
		}
		return nil
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return found
}

func (g *guestRoot) set(wanted Wanted) map[string]string {
	g.t.Helper()
	env, failed := g.Set(g.t.Context(), wanted)
	if len(failed) > 0 {
		g.t.Fatal(failed)
	}
	return env
}

func certificate(t *testing.T, name string, isAuthority bool) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: isAuthority, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

var debian = map[string]string{
	"usr/sbin/update-ca-certificates":   "#!/bin/sh\n",
	"usr/bin/systemctl":                 "#!/bin/sh\n",
	"etc/ssl/certs/ca-certificates.crt": "the distribution's\n",
	"usr/local/share/ca-certificates/x": "the user's",
	"usr/share/zoneinfo/Europe/Berlin":  "TZif",
	"usr/share/zoneinfo/Asia/Tokyo":     "TZif",
	"usr/share/zoneinfo/Etc/UTC":        "TZif",
	"etc/localtime":                     "-> /usr/share/zoneinfo/Etc/UTC",
	"etc/timezone":                      "Etc/UTC\n",
	"etc/default/locale":                "# by the installer\nLANG=C.UTF-8\nLC_TIME=C\n",
	"usr/lib/locale/locale-archive":     "head\x00en_US.utf8\x00de_DE.utf8\x00",
	"usr/lib/locale/C.utf8/LC_CTYPE":    "",
	"etc/apt/apt.conf.d/01autoremove":   "x",
	"etc/profile.d/a.sh":                "x",
}

func TestAWholeWorldIsGivenChangedAndUndone(t *testing.T) {
	g := newGuest(t, debian)
	g.Systemd = true
	before := g.tree()
	one, other := certificate(t, "one", true), certificate(t, "other", true)
	env := g.set(Wanted{
		Certificates: []string{one, other},
		Proxies:      Proxies{HTTP: "http://u:p@proxy:3128", HTTPS: "http://proxy:3129", NoneFor: "localhost,.corp"},
		Zone:         Zone{Name: "Europe/Berlin"},
		Locale:       "de_DE.UTF-8",
	})
	now := g.tree()
	for name, want := range map[string]string{
		"LANG": "de_DE.UTF-8", "http_proxy": "http://u:p@proxy:3128", "HTTPS_PROXY": "http://proxy:3129",
		"no_proxy": "localhost,.corp", "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
		"NODE_EXTRA_CA_CERTS": "/run/banger-world/host-ca.pem",
	} {
		if env[name] != want {
			t.Errorf("%s is %q", name, env[name])
		}
	}
	if _, has := env["TZ"]; has {
		t.Error("TZ is set where the guest knows the zone")
	}
	for name, want := range map[string]string{
		"etc/localtime": "-> /usr/share/zoneinfo/Europe/Berlin", "etc/timezone": "Europe/Berlin\n",
		"etc/default/locale":           "# by the installer\nLC_TIME=C\nLANG=de_DE.UTF-8\n",
		"run/banger-world/host-ca.pem": one + other,
	} {
		if now[name] != want {
			t.Errorf("%s holds %q", name, now[name])
		}
	}
	if !strings.Contains(now[aptName], `Acquire::http::Proxy "http://u:p@proxy:3128";`) ||
		!strings.Contains(now[aptName], `Acquire::https::Proxy::localhost "DIRECT";`) {
		t.Errorf("apt has %q", now[aptName])
	}
	if len(anchors(now)) != 2 || g.runs[0] != "/usr/sbin/update-ca-certificates" {
		t.Errorf("%q, %q", anchors(now), g.runs)
	}
	if !strings.HasPrefix(g.runs[1], "/usr/bin/systemctl set-environment AWS_CA_BUNDLE=") {
		t.Errorf("%q", g.runs)
	}

	// Nothing is done again for the same, and less than before is less.
	g.runs = nil
	g.set(Wanted{Certificates: []string{other}, Zone: Zone{Name: "Asia/Tokyo"}})
	now = g.tree()
	if len(anchors(now)) != 1 || now["etc/localtime"] != "-> /usr/share/zoneinfo/Asia/Tokyo" || now["etc/default/locale"] != before["etc/default/locale"] {
		t.Errorf("%q", now)
	}
	if !slices.ContainsFunc(g.runs, func(run string) bool {
		return strings.HasPrefix(run, "/usr/bin/systemctl unset-environment") && strings.Contains(run, "http_proxy") && strings.Contains(run, "LANG")
	}) {
		t.Errorf("%q", g.runs)
	}
	g.runs = nil
	g.set(Wanted{Certificates: []string{other}, Zone: Zone{Name: "Asia/Tokyo"}})
	if slices.ContainsFunc(g.runs, func(run string) bool { return strings.Contains(run, "update-ca") }) {
		t.Errorf("made the bundles again: %q", g.runs)
	}

	g.runs = nil
	if env := g.set(Wanted{}); len(env) != 0 {
		t.Errorf("still has %q", env)
	}
	if after := g.tree(); !maps.Equal(before, after) {
		t.Errorf("it was %q, and is %q", before, after)
	}
	if len(g.runs) != 2 {
		t.Errorf("%q", g.runs)
	}
	g.runs = nil
	g.set(Wanted{})
	if len(g.runs) != 0 {
		t.Errorf("ran %q for nothing", g.runs)
	}
}

func anchors(tree map[string]string) (found []string) {
	for name, text := range tree {
		if strings.Contains(name, "/banger-") && strings.HasSuffix(name, ".crt") && strings.HasPrefix(text, mark) {
			found = append(found, name)
		}
	}
	return found
}

func TestAuthoritiesGoWhereEachFamilyHasThem(t *testing.T) {
	for family, of := range map[string]struct {
		files       map[string]string
		folder, run string
	}{
		"fedora": {map[string]string{"etc/pki/ca-trust/source/README": "", "usr/bin/update-ca-trust": "x"}, "etc/pki/ca-trust/source/anchors", "/usr/bin/update-ca-trust"},
		"arch":   {map[string]string{"etc/ca-certificates/trust-source/README": "", "usr/bin/trust": "x"}, "etc/ca-certificates/trust-source/anchors", "/usr/bin/trust extract-compat"},
		"suse":   {map[string]string{"etc/pki/trust/README": "", "usr/sbin/update-ca-certificates": "x"}, "etc/pki/trust/anchors", "/usr/sbin/update-ca-certificates --fresh"},
		"alpine": {map[string]string{"usr/sbin/update-ca-certificates": "x"}, "usr/local/share/ca-certificates", "/usr/sbin/update-ca-certificates --fresh"},
	} {
		g := newGuest(t, of.files)
		g.set(Wanted{Certificates: []string{certificate(t, family, true)}})
		found := anchors(g.tree())
		if len(found) != 1 || filepath.Dir(found[0]) != of.folder || !slices.Equal(g.runs, []string{strings.TrimSuffix(of.run, " --fresh")}) {
			t.Errorf("%s: %q, %q", family, found, g.runs)
		}
		g.set(Wanted{})
		if left := g.tree(); !maps.Equal(left, of.files) || len(g.runs) != 2 || g.runs[1] != of.run {
			t.Errorf("%s: left %q, ran %q", family, left, g.runs)
		}
	}
}

func TestAGuestWithoutToolsGetsABundleOfItsOwn(t *testing.T) {
	authority := certificate(t, "one", true)
	g := newGuest(t, map[string]string{"etc/ssl/cert.pem": "the image's"})
	env := g.set(Wanted{Certificates: []string{authority}, Zone: Zone{Name: "Europe/Berlin", Rule: "CET-1CEST,M3.5.0,M10.5.0/3"}})
	if got := g.tree()["run/banger-world/ca-bundle.pem"]; got != "the image's\n"+authority {
		t.Errorf("the bundle is %q", got)
	}
	if env["PIP_CERT"] != "/run/banger-world/ca-bundle.pem" || env["TZ"] != "CET-1CEST,M3.5.0,M10.5.0/3" {
		t.Errorf("%q", env)
	}
	g.set(Wanted{})
	if left := g.tree(); len(left) != 1 || left["etc/ssl/cert.pem"] != "the image's" {
		t.Errorf("left %q", left)
	}
	// Programs that bring their own bundle keep it where the guest has none.
	bare := newGuest(t, nil)
	env = bare.set(Wanted{Certificates: []string{authority}})
	if _, has := env["REQUESTS_CA_BUNDLE"]; has || env["SSL_CERT_FILE"] == "" || env["NODE_EXTRA_CA_CERTS"] == "" {
		t.Errorf("%q", env)
	}
}

func TestAToolThatFailsIsRunAgain(t *testing.T) {
	g := newGuest(t, debian)
	g.fail = errors.New("out of memory")
	wanted := Wanted{Certificates: []string{certificate(t, "one", true)}}
	env, failed := g.Set(t.Context(), wanted)
	if len(failed) != 1 || env["SSL_CERT_FILE"] != "/run/banger-world/ca-bundle.pem" {
		t.Errorf("%v, %q", failed, env)
	}
	g.fail, g.runs = nil, nil
	g.set(wanted)
	if len(g.runs) != 1 {
		t.Errorf("ran %q", g.runs)
	}
	g.fail = errors.New("out of memory")
	if _, failed := g.Set(t.Context(), Wanted{}); len(failed) != 1 {
		t.Errorf("%v", failed)
	}
	g.fail, g.runs = nil, nil
	g.set(Wanted{})
	if len(g.runs) != 1 {
		t.Errorf("the bundle was left as it was: ran %q", g.runs)
	}
}

func TestASlowToolIsNotWaitedFor(t *testing.T) {
	g := newGuest(t, debian)
	before := g.tree()
	// Its end comes by what the test sends; it ends at once when it is cancelled.
	starts, ends := make(chan string, 10), make(chan error)
	g.Patience = time.Millisecond
	g.Run = func(ctx context.Context, argv []string) error {
		starts <- strings.Join(argv, " ")
		select {
		case err := <-ends:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	wanted := Wanted{Certificates: []string{certificate(t, "one", true)}}
	for range 2 {
		env, failed := g.Set(t.Context(), wanted)
		if len(failed) != 1 || env["SSL_CERT_FILE"] != "/run/banger-world/ca-bundle.pem" {
			t.Errorf("%v, %q", failed, env)
		}
	}
	if first := <-starts; first != "/usr/sbin/update-ca-certificates" || len(starts) != 0 {
		t.Errorf("ran %q, and %d more", first, len(starts))
	}
	// What was wanted has changed: the first is ended, and its end says nothing of the second.
	if _, failed := g.Set(t.Context(), Wanted{}); len(failed) != 1 {
		t.Errorf("%v", failed)
	}
	if second := <-starts; second != "/usr/sbin/update-ca-certificates --fresh" {
		t.Errorf("ran %q", second)
	}
	if _, err := os.Stat(g.path(notesName)); err != nil {
		t.Errorf("a guest that is cut off now would not run it again: %v", err)
	}
	g.mu.Lock()
	done := g.running.done
	g.mu.Unlock()
	ends <- nil
	<-done
	for g.isUpdating() {
		runtime.Gosched()
	}
	if after := g.tree(); !maps.Equal(before, after) {
		t.Errorf("it was %q, and is %q", before, after)
	}
}

func (g *guestRoot) isUpdating() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running != nil
}

func TestAPasswordIsInNoMessage(t *testing.T) {
	g := newGuest(t, debian)
	g.Systemd = true
	g.fail = errors.New("invalid assignment: http_proxy=http://u:s3cret@proxy")
	for _, url := range []string{"http://u:s3cret@proxy", "http://u:s3cret@'"} {
		_, failed := g.Set(t.Context(), Wanted{Proxies: Proxies{HTTP: url}})
		if len(failed) != 1 || strings.Contains(failed[0].Error(), "s3cret") {
			t.Errorf("%v", failed)
		}
	}
}

func TestWhatTheGuestChangedStays(t *testing.T) {
	g := newGuest(t, debian)
	g.set(Wanted{Zone: Zone{Name: "Europe/Berlin"}, Locale: "de_DE.UTF-8"})
	if err := errors.Join(
		files.ReplaceLink(g.path(localtimeName), "/usr/share/zoneinfo/Asia/Tokyo"),
		os.WriteFile(g.path(defaultLocale), []byte("LANG=en_US.UTF-8\n"), 0o644),
	); err != nil {
		t.Fatal(err)
	}
	g.set(Wanted{})
	now := g.tree()
	if now[localtimeName] != "-> /usr/share/zoneinfo/Asia/Tokyo" || now[defaultLocale] != "LANG=en_US.UTF-8\n" || now[timezoneName] != "Etc/UTC\n" {
		t.Errorf("%q", now)
	}
}

func TestWhatAGuestHasNotIsTold(t *testing.T) {
	g := newGuest(t, debian)
	before := g.tree()
	env, failed := g.Set(t.Context(), Wanted{Locale: "fr_FR.UTF-8", Zone: Zone{Name: "Mars/Olympus"}})
	if len(failed) != 2 || len(env) != 0 || !maps.Equal(before, g.tree()) {
		t.Errorf("%v, %q", failed, env)
	}
	for _, lang := range []string{"de_DE.UTF-8", "C.UTF-8", "C", "en_US.utf8"} {
		if !g.hasLocale(lang) {
			t.Errorf("%s is there", lang)
		}
	}
}

func TestWhatIsNoAuthorityAndWhatIsNoURLIsRefused(t *testing.T) {
	g := newGuest(t, debian)
	before := g.tree()
	for name, wanted := range map[string]Wanted{
		"leaf":     {Certificates: []string{certificate(t, "server", false)}},
		"no PEM":   {Certificates: []string{"x"}},
		"too many": {Certificates: make([]string, maxCertificates+1)},
		"quote":    {Proxies: Proxies{HTTP: "http://a'; touch /x; '"}},
		"apt":      {Proxies: Proxies{HTTPS: `http://a"; x "`}},
		"no":       {Proxies: Proxies{HTTP: "http://a", NoneFor: "a'b"}},
		"zone":     {Zone: Zone{Name: "../../../etc/passwd"}},
		"rule":     {Zone: Zone{Name: "Mars/Olympus", Rule: "'; x"}},
		"locale":   {Locale: "C/../x"},
	} {
		env, failed := g.Set(t.Context(), wanted)
		if len(failed) != 1 || len(env) != 0 || strings.Contains(failed[0].Error(), "touch") {
			t.Errorf("%s: %v, %q", name, failed, env)
		}
	}
	if after := g.tree(); !maps.Equal(before, after) {
		t.Errorf("%q", after)
	}
}

func TestHostilePlacesKeepNobodyWaiting(t *testing.T) {
	fifo := func(path string) error { return unix.Mkfifo(path, 0o644) }
	folder := func(path string) error { return os.Mkdir(path, 0o755) }
	loop := func(path string) error { return os.Symlink(filepath.Base(path), path) }
	endless := func(path string) error { return os.Symlink("/dev/zero", path) }
	for kind, hostile := range map[string]func(string) error{"fifo": fifo, "folder": folder, "loop": loop, "endless": endless} {
		g := newGuest(t, nil)
		for _, name := range []string{
			notesName, localtimeName, timezoneName, defaultLocale, localeArchive, aptName, profileName, variablesName,
			managedName, hostBundle, mergedBundle, "etc/ssl/certs/ca-certificates.crt", "usr/local/share/ca-certificates",
			"etc/pki/trust/anchors/banger-0.crt", "usr/sbin/update-ca-certificates", "usr/share/zoneinfo/UTC",
		} {
			path := g.path(name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), hostile(path)); err != nil {
				t.Fatal(err)
			}
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			wanted := Wanted{
				Certificates: []string{certificate(t, "one", true)}, Proxies: Proxies{HTTP: "http://proxy:1"},
				Zone: Zone{Name: "UTC"}, Locale: "de_DE.UTF-8",
			}
			g.Set(t.Context(), wanted)
			g.Set(t.Context(), Wanted{})
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: it waits", kind)
		}
	}
}

func TestNotesOfAnImageNameNoOtherPlaces(t *testing.T) {
	g := newGuest(t, map[string]string{
		"etc/passwd": "root",
		notesName:    `{"places":{"etc/passwd":{"ours":{"file":"cm9vdA=="},"was":{"file":"eA=="}},"../x":{"ours":{},"was":{"file":"eA=="}}}}`,
	})
	g.set(Wanted{})
	if now := g.tree(); now["etc/passwd"] != "root" {
		t.Errorf("%q", now)
	}
	if _, err := os.Lstat(filepath.Join(filepath.Dir(g.Root), "x")); err == nil {
		t.Error("it wrote outside of the root")
	}
}
