package world

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"banger.dev/agent/internal/files"
)

const (
	aptFolder = "etc/apt/apt.conf.d"
	aptName   = aptFolder + "/95banger-proxy"
)

// Words that stand in a configuration of apt and in a shell's quotes as they are.
var (
	proxyPattern = regexp.MustCompile(`^[a-z][a-z0-9]{1,9}://[!#-&(-:<-\[\]-~]+$`)
	hostsPattern = regexp.MustCompile(`^[!#-&(-:<-\[\]-~ ]*$`)
)

func (k *Keeper) setProxies(_ context.Context, _ *notes, wanted Wanted) (map[string]string, error) {
	p := wanted.Proxies
	if p.HTTP == "" && p.HTTPS == "" {
		_, err := removeFile(k.path(aptName))
		return nil, err
	}
	for _, url := range []string{p.HTTP, p.HTTPS} {
		// The value may hold a password: it is in no message.
		if url != "" && !proxyPattern.MatchString(url) {
			return nil, errors.New("a proxy is not a URL that a guest can be given")
		}
	}
	if !hostsPattern.MatchString(p.NoneFor) {
		return nil, errors.New("the list of hosts without a proxy cannot be given to a guest")
	}
	env := map[string]string{}
	for name, value := range map[string]string{"http_proxy": p.HTTP, "https_proxy": p.HTTPS, "no_proxy": p.NoneFor} {
		if value != "" {
			env[name], env[strings.ToUpper(name)] = value, value
		}
	}
	if !isFolder(k.path(aptFolder)) {
		return env, nil
	}
	return env, k.write(aptName, aptText(p))
}

func aptText(p Proxies) string {
	var text strings.Builder
	text.WriteString("// Given by the host, by way of banger. It is removed again when it is no longer given.\n")
	for _, of := range []struct{ scheme, url string }{{"http", p.HTTP}, {"https", p.HTTPS}} {
		if of.url == "" {
			continue
		}
		fmt.Fprintf(&text, "Acquire::%s::Proxy \"%s\";\n", of.scheme, of.url)
		for host := range strings.FieldsFuncSeq(p.NoneFor, func(r rune) bool { return r == ',' || r == ' ' }) {
			if aptHost.MatchString(host) {
				fmt.Fprintf(&text, "Acquire::%s::Proxy::%s \"DIRECT\";\n", of.scheme, host)
			}
		}
	}
	return text.String()
}

// aptHost is what apt takes as a single host; it knows no patterns.
var aptHost = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)

// write is of a file with a name of our own.
func (k *Keeper) write(name, text string) error {
	if now, err := files.Read(k.path(name), maxKeptBytes); err == nil && string(now) == text {
		return nil
	}
	return replaceFile(k.path(name), []byte(text), 0o644)
}
