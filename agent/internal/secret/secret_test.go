package secret

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func filled(b byte) []byte { return bytes.Repeat([]byte{b}, Size) }

func TestTheFirstSecretStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "banger/secret")
	k := Load(path, "boot-1")
	if k.Known() || k.Proves(k.Proof(Host, filled(1), filled(2)), Host, filled(1), filled(2)) {
		t.Fatal("without a secret nothing is proven")
	}
	if err := k.Take(filled(7)[1:]); err == nil {
		t.Fatal("half a secret was taken")
	}
	for _, b := range []byte{7, 8} {
		if err := k.Take(filled(b)); err != nil {
			t.Fatal(err)
		}
	}
	mine := &Keeper{value: filled(7)}
	proof := mine.Proof(Host, filled(1), filled(2))
	if !k.Proves(proof, Host, filled(1), filled(2)) {
		t.Error("the first secret is gone")
	}
	for name, ok := range map[string]bool{
		"the other end's":         k.Proves(proof, Guest, filled(1), filled(2)),
		"another connection's":    k.Proves(proof, Host, filled(3), filled(2)),
		"another nonce's":         k.Proves(proof, Host, filled(1), filled(3)),
		"none":                    k.Proves(nil, Host, filled(1), filled(2)),
		"one without a challenge": k.Proves(mine.Proof(Host, nil, filled(2)), Host, nil, filled(2)),
	} {
		if ok {
			t.Errorf("%s was taken for a proof", name)
		}
	}
}

func TestASecretIsOfOneBootAndOfRoot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := Load(path, "boot-1").Take(filled(7)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if !Load(path, "boot-1").Known() {
		t.Error("an agent that is started again has forgotten it")
	}
	if Load(path, "boot-2").Known() || Load(path, "").Known() {
		t.Error("it is known after the boot that it was for")
	}
}
