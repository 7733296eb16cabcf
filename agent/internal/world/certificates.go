package world

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"banger.dev/agent/internal/files"
)

const (
	// maxCertificates bounds what one host gives.
	maxCertificates = 100
	maxBundleBytes  = 4 << 20
	maxNames        = 10_000
	// mark begins every certificate of ours. Only named that begin with it are ever removed.
	mark = "# Given by the host, by way of banger. It is removed again when it is no longer given.\n"

	hostBundle   = runDir + "/host-ca.pem"
	mergedBundle = runDir + "/ca-bundle.pem"
)

// store is how a family of distributions has authorities added: a folder, and the program that makes bundles of it.
type store struct {
	// sign is a folder that only this family has; none: the program says enough.
	sign    string
	anchors string
	// update are the programs that do it, the first that is there; fresh is added where one was taken away.
	update [][]string
	fresh  []string
}

var stores = []store{
	{ // Fedora and its kin.
		sign: "etc/pki/ca-trust/source", anchors: "etc/pki/ca-trust/source/anchors", update: [][]string{{"update-ca-trust"}},
	},
	{ // Arch.
		sign: "etc/ca-certificates/trust-source", anchors: "etc/ca-certificates/trust-source/anchors",
		update: [][]string{{"update-ca-trust"}, {"trust", "extract-compat"}},
	},
	{ // SUSE.
		sign: "etc/pki/trust", anchors: "etc/pki/trust/anchors", update: [][]string{{"update-ca-certificates"}},
		fresh: []string{"--fresh"},
	},
	{ // Debian, Alpine, Void and others.
		anchors: "usr/local/share/ca-certificates", update: [][]string{{"update-ca-certificates"}}, fresh: []string{"--fresh"},
	},
}

// bundles are where distributions have all authorities in one file.
var bundles = []string{
	"etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt", "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"etc/ssl/ca-bundle.pem", "etc/ssl/cert.pem",
}

// Variables that name a bundle to trust in place of a program's own. The second list is of programs that bring one with
// them: without a bundle of the guest's they keep it.
var (
	systemVariables  = []string{"SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"}
	carriedVariables = []string{"REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO"}
	// addingVariables name authorities beside a program's own.
	addingVariables = []string{"NODE_EXTRA_CA_CERTS", "DENO_CERT"}
)

func (k *Keeper) setCertificates(_ context.Context, notes *notes, wanted Wanted) (map[string]string, error) {
	named, given, err := certificateFiles(wanted.Certificates)
	if err != nil {
		return nil, err
	}
	trusted, found := k.store()
	if !found {
		// Of an image that had the program once, or of another that this disk came from.
		_, failed := k.removeCertificates("", nil)
		notes.Stale = false
		env, err := k.mergeBundles(given)
		return env, errors.Join(failed, err)
	}
	changed, err := k.writeCertificates(trusted.anchors, named)
	removed, failed := k.removeCertificates(trusted.anchors, named)
	err = errors.Join(err, failed)
	// After a removal all is made afresh; so it is where the last removal may not have come to its end.
	argv := trusted.update[0]
	if removed || notes.Stale {
		argv = slices.Concat(argv, trusted.fresh)
	}
	isSame := !changed && !removed
	notes.Stale = notes.Stale || !isSame
	if notes.Stale {
		ended, failed := false, error(nil)
		if !isSame || k.running == nil {
			// On the disk before the program runs: one that is cut off is run again.
			err = errors.Join(err, notes.write())
			ended, failed = k.update(argv)
		}
		if failed != nil {
			failed = fmt.Errorf("%s: %w", argv[0], failed)
		} else if !ended {
			failed = errors.New("the guest is still making its bundles of authorities: until then only banger's sessions have the change")
		}
		if failed != nil {
			env, merging := k.mergeBundles(given)
			return env, errors.Join(err, failed, merging)
		}
		notes.Stale = false
	}
	if len(given) == 0 {
		return nil, errors.Join(err, k.removeBundles())
	}
	bundle, _, failed := k.systemBundle()
	if bundle == "" || err != nil {
		env, merging := k.mergeBundles(given)
		return env, errors.Join(err, failed, merging)
	}
	_, failed = removeFile(k.path(mergedBundle))
	err = errors.Join(failed, replaceFile(k.path(hostBundle), given, 0o644))
	return trustVariables("/"+bundle, true), err
}

// certificateFiles names each certificate by its digest, and joins all.
func certificateFiles(certificates []string) (map[string][]byte, []byte, error) {
	if len(certificates) > maxCertificates {
		return nil, nil, fmt.Errorf("%d certificates are too many: at most %d can be given", len(certificates), maxCertificates)
	}
	named := map[string][]byte{}
	var all bytes.Buffer
	for _, text := range certificates {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			return nil, nil, errors.New("a certificate is not in PEM")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, fmt.Errorf("read a certificate: %w", err)
		}
		if !certificate.IsCA {
			return nil, nil, fmt.Errorf("%s is no authority's certificate", certificate.Subject)
		}
		digest := sha256.Sum256(block.Bytes)
		name := "banger-" + hex.EncodeToString(digest[:8]) + ".crt"
		if named[name] != nil {
			continue
		}
		plain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes})
		named[name] = append([]byte(mark), plain...)
		all.Write(plain)
	}
	return named, all.Bytes(), nil
}

// store finds what this guest has, with its program as what is to be run.
func (k *Keeper) store() (store, bool) {
	for _, s := range stores {
		if s.sign != "" && !isFolder(k.path(s.sign)) {
			continue
		}
		for _, words := range s.update {
			if program := k.tool(words[0]); program != "" {
				s.update = [][]string{append([]string{program}, words[1:]...)}
				return s, true
			}
		}
	}
	return store{}, false
}

func (k *Keeper) writeCertificates(folder string, named map[string][]byte) (changed bool, err error) {
	for _, name := range slices.Sorted(maps.Keys(named)) {
		path := k.path(filepath.Join(folder, name))
		if now, err := files.Read(path, maxKeptBytes); err == nil && bytes.Equal(now, named[name]) {
			continue
		}
		if err := replaceFile(path, named[name], 0o644); err != nil {
			return changed, err
		}
		changed = true
	}
	return changed, nil
}

// removeCertificates removes ours from every store, but for these in this one.
func (k *Keeper) removeCertificates(kept string, named map[string][]byte) (removed bool, failed error) {
	for _, s := range stores {
		// An anchors folder may be anything in an image: one that cannot be read has nothing of ours.
		entries, err := files.Names(k.path(s.anchors), maxNames)
		if err != nil {
			continue
		}
		for _, name := range entries {
			if s.anchors == kept && named[name] != nil || !isOurs(k.path(filepath.Join(s.anchors, name)), name) {
				continue
			}
			done, err := removeFile(k.path(filepath.Join(s.anchors, name)))
			removed = removed || done
			failed = errors.Join(failed, err)
		}
	}
	return removed, failed
}

func isOurs(path, name string) bool {
	if !strings.HasPrefix(name, "banger-") || !strings.HasSuffix(name, ".crt") {
		return false
	}
	text, err := files.Read(path, maxKeptBytes)
	return err == nil && bytes.HasPrefix(text, []byte(mark))
}

// mergeBundles serves a guest without a program for it: what its bundle says and what the host gives, in a file of ours.
func (k *Keeper) mergeBundles(given []byte) (map[string]string, error) {
	if len(given) == 0 {
		return nil, k.removeBundles()
	}
	_, own, err := k.systemBundle()
	if err != nil {
		return nil, err
	}
	separator := []byte("\n")
	if len(own) == 0 || bytes.HasSuffix(own, separator) {
		separator = nil
	}
	err = errors.Join(
		replaceFile(k.path(hostBundle), given, 0o644),
		replaceFile(k.path(mergedBundle), slices.Concat(own, separator, given), 0o644),
	)
	return trustVariables("/"+mergedBundle, len(own) > 0), err
}

func (k *Keeper) removeBundles() error {
	_, first := removeFile(k.path(hostBundle))
	_, second := removeFile(k.path(mergedBundle))
	return errors.Join(first, second)
}

// systemBundle is the guest's own, which need not be there.
func (k *Keeper) systemBundle() (name string, text []byte, err error) {
	for _, name := range bundles {
		text, err := files.Read(k.path(name), maxBundleBytes)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		if len(bytes.TrimSpace(text)) > 0 {
			return name, text, nil
		}
	}
	return "", nil, nil
}

func trustVariables(bundle string, isWhole bool) map[string]string {
	env := map[string]string{}
	for _, name := range systemVariables {
		env[name] = bundle
	}
	if isWhole {
		for _, name := range carriedVariables {
			env[name] = bundle
		}
	}
	for _, name := range addingVariables {
		env[name] = "/" + hostBundle
	}
	return env
}
