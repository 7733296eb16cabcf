package command

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	"banger.dev/agent/internal/account"
)

// DefaultPath is where programs are looked for when neither the image nor the caller says.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// DefaultTerm is TERM on a terminal of whose kind nothing is known.
const DefaultTerm = "xterm-256color"

// environment lays the layers over one another, the caller's own on top.
func environment(user account.User, spec Spec) map[string]string {
	shell := user.Shell
	if shell == "" {
		shell = "/bin/sh"
	}
	env := map[string]string{
		"PATH":    DefaultPath,
		"HOME":    user.Home,
		"USER":    user.Name,
		"LOGNAME": user.Name,
		"SHELL":   shell,
	}
	if lang := systemLocale("/"); lang != "" {
		env["LANG"] = lang
	}
	if spec.TTY != nil {
		env["TERM"] = DefaultTerm
	}
	maps.Copy(env, spec.Defaults)
	if spec.TTY != nil && spec.TTY.Term != "" {
		env["TERM"] = spec.TTY.Term
	}
	maps.Copy(env, spec.Env)
	return env
}

func environ(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}

// workingDirectory is what the caller asked for, which must exist, or the home, which need not.
func workingDirectory(spec Spec, user account.User) (string, error) {
	if spec.Cwd == "" {
		if isDirectory(user.Home) {
			return user.Home, nil
		}
		return "/", nil
	}
	cwd := filepath.Join("/", spec.Cwd)
	if !isDirectory(cwd) {
		return "", rejectf(NoSuchDirectory, 126, "%s is not a directory in the guest", cwd)
	}
	return cwd, nil
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// program finds what to run as execvp(3) would: in the PATH of the command's own environment.
func program(name, searchPath, cwd string) (string, error) {
	if name == "" {
		return "", rejectf(NotFound, 127, "the command is empty")
	}
	if filepath.Base(name) != name {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(cwd, path)
		}
		return path, executable(path)
	}
	var refused error
	for _, dir := range filepath.SplitList(searchPath) {
		if !filepath.IsAbs(dir) {
			continue
		}
		path := filepath.Join(dir, name)
		err := executable(path)
		if err == nil {
			return path, nil
		}
		if refused == nil && isReason(err, NotExecutable) {
			refused = err
		}
	}
	if refused != nil {
		return "", refused
	}
	return "", rejectf(NotFound, 127, "%s: not found in PATH (%s)", name, searchPath)
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return rejectf(NotFound, 127, "%s: not found", path)
	case info.IsDir():
		return rejectf(NotExecutable, 126, "%s: is a directory", path)
	case info.Mode()&0o111 == 0:
		return rejectf(NotExecutable, 126, "%s: permission denied", path)
	}
	return nil
}
