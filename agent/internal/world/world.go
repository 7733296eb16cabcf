// Package world gives a guest what its host lives with: the authorities that it trusts, its proxies, its time zone, its
// locale. Each is off unless asked for, and whatever is no longer asked for is undone, in a later boot too. So every file
// of ours has a name of our own, and what is put in the place of a file of the guest's is written down with what was there.
package world

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"sync"
	"time"
)

// runDir has what need not outlive a boot. All users of the guest read there.
const runDir = "run/banger-world"

// Wanted is all that the host gives; what is empty is not given.
type Wanted struct {
	// Certificates are authorities in PEM, one each.
	Certificates []string
	Proxies      Proxies
	Zone         Zone
	Locale       string
}

// Proxies are URLs.
type Proxies struct {
	HTTP, HTTPS string
	// NoneFor lists hosts that are reached without, as NO_PROXY does.
	NoneFor string
}

// Zone is a time zone by its name in the data base, and by its rule, as TZ has it.
type Zone struct {
	Name, Rule string
}

// Keeper gives a guest its world, one at a time.
type Keeper struct {
	// Root is where the guest's files begin: "/".
	Root string
	// Run runs a program of the guest's to its end. Its first word is a path.
	Run func(ctx context.Context, argv []string) error
	// Systemd says that systemd is PID 1 and starts services, which are to have the variables.
	Systemd bool
	// Patience is how long Set waits for the program that makes the guest's bundles of authorities; 0: for its end. It goes
	// on in the background: under emulation Debian's takes two minutes, which no start is to wait for.
	Patience time.Duration

	mu      sync.Mutex
	running *updating
}

// Set makes the guest's world what is wanted and nothing else.
//
// It returns the variables that sessions are to have, and what could not be done: the rest is done all the same.
func (k *Keeper) Set(ctx context.Context, wanted Wanted) (map[string]string, []error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	kept, err := readNotes(k.Root)
	failed := []error{err}
	env := map[string]string{}
	for _, part := range []func(context.Context, *notes, Wanted) (map[string]string, error){
		k.setCertificates, k.setProxies, k.setZone, k.setLocale,
	} {
		variables, err := part(ctx, kept, wanted)
		failed = append(failed, err)
		maps.Copy(env, variables)
	}
	failed = append(failed, k.publish(ctx, env), kept.write())
	return env, flatten(failed)
}

func flatten(failed []error) []error {
	var all []error
	for _, err := range failed {
		var several interface{ Unwrap() []error }
		switch {
		case err == nil:
		case errors.As(err, &several):
			all = append(all, flatten(several.Unwrap())...)
		default:
			all = append(all, err)
		}
	}
	return all
}

func (k *Keeper) path(name string) string { return filepath.Join(k.Root, name) }

// tool finds a program of the guest's.
func (k *Keeper) tool(name string) string {
	for _, dir := range []string{"usr/local/sbin", "usr/sbin", "usr/bin", "sbin", "bin"} {
		if isProgram(k.path(filepath.Join(dir, name))) {
			return "/" + filepath.Join(dir, name)
		}
	}
	return ""
}
