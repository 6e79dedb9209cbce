// This file keeps keys that have names: DIR/keys/NAME, libp2p private keys as `ipfs key export` writes them, for their owner alone.

package node

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/libp2p/go-libp2p/core/crypto"
)

const maxKeyFile = 16 << 10 // an RSA key of 8192 bits is some 5 kB

var keyName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$`)

// NamedKey returns the key of a name of the store in dir, and makes an Ed25519 key when there is none. Of several processes that make it at once
// all get the same.
func NamedKey(dir, name string) (crypto.PrivKey, error) {
	if !keyName.MatchString(name) {
		return nil, fmt.Errorf("got %.80q, want the name of a key: letters, digits, _, - and . (not first), at most 64", name)
	}
	file := filepath.Join(dir, "keys", name)
	key, err := readKey(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	fresh, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, err
	}
	data, err := crypto.MarshalPrivateKey(fresh)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".new-*") // its mode is 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if err := errors.Join(err, tmp.Close()); err != nil {
		return nil, err
	}
	// A hard link is made by one of them only, and of a file that is whole.
	if err := os.Link(tmp.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return readKey(file)
}

func readKey(file string) (crypto.PrivKey, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: got a %s, want a file with a private key", file, info.Mode().Type())
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s: its mode is %04o, so others may have read this private key; if nobody has: chmod 600 %s", file, mode, file)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("%s: got more than %d bytes, want a private key", file, maxKeyFile)
	}
	key, err := crypto.UnmarshalPrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: not a libp2p private key: %w", file, err)
	}
	return key, nil
}
