package world

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"banger.dev/agent/internal/files"
)

const (
	profileFolder = "etc/profile.d"
	profileName   = profileFolder + "/banger-world.sh"
	variablesName = runDir + "/environment.sh"
	// managedName lists what systemd was given in this boot.
	managedName = runDir + "/systemd-variables"
)

// The values are in /run: nothing secret of theirs stays on the disk, and a boot without them has none.
const profileText = `# Given by the host, by way of banger. It is removed again when it is no longer given.
if [ -r /` + variablesName + ` ]; then . /` + variablesName + `; fi
`

// publish gives the variables to those who are not started by the agent: login shells, and services of systemd's.
func (k *Keeper) publish(ctx context.Context, env map[string]string) error {
	failed := k.publishToSystemd(ctx, env)
	if len(env) == 0 {
		_, profile := removeFile(k.path(profileName))
		_, variables := removeFile(k.path(variablesName))
		return errors.Join(failed, profile, variables)
	}
	failed = errors.Join(failed, k.write(variablesName, shellText(env)))
	if isFolder(k.path(profileFolder)) {
		failed = errors.Join(failed, k.write(profileName, profileText))
	}
	return failed
}

// shellText leaves alone what a session has been given already.
func shellText(env map[string]string) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(env)) {
		fmt.Fprintf(&text, "[ -n \"${%s+set}\" ] || export %s='%s'\n", name, name, env[name])
	}
	return text.String()
}

func (k *Keeper) publishToSystemd(ctx context.Context, env map[string]string) error {
	if !k.Systemd {
		return nil
	}
	now, _ := files.Read(k.path(managedName), maxKeptBytes)
	before := strings.Fields(string(now))
	var gone, words []string
	for _, name := range before {
		if _, stays := env[name]; !stays && isVariable(name) {
			gone = append(gone, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		words = append(words, name+"="+env[name])
	}
	if len(gone) == 0 && len(words) == 0 {
		return nil
	}
	systemctl := k.tool("systemctl")
	if systemctl == "" {
		return errors.New("services are not told: there is no systemctl")
	}
	var failed error
	if len(gone) > 0 {
		failed = k.Run(ctx, append([]string{systemctl, "unset-environment"}, gone...))
	}
	if len(words) > 0 {
		failed = errors.Join(failed, k.Run(ctx, append([]string{systemctl, "set-environment"}, words...)))
	}
	if failed != nil {
		// What it said may repeat a proxy's password.
		return errors.New("services are not told: systemctl has failed")
	}
	if len(env) == 0 {
		_, err := removeFile(k.path(managedName))
		return err
	}
	return k.write(managedName, strings.Join(slices.Sorted(maps.Keys(env)), "\n")+"\n")
}

func isVariable(name string) bool {
	return name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_") == ""
}
