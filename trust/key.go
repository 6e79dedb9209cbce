// This file keeps keys: DIR/key is the key of this machine, DIR/keys/NAME others, libp2p private keys, for their owner alone.

package trust

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

// KeyFile is where the key of the store in dir stands.
func KeyFile(dir string) string { return filepath.Join(dir, "key") }

// Key returns the key of the store in dir, and makes an Ed25519 key when there is none. Of several processes that make it at once all get the same.
func Key(dir string) (crypto.PrivKey, error) { return keyAt(KeyFile(dir)) }

var keyName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$`)

const self = "self" // what IPFS nodes call the key that they are known by

// NamedKey is Key for one of the store's other keys; self is the key of this machine. Such a file is what `ipfs key export` writes.
func NamedKey(dir, name string) (crypto.PrivKey, error) {
	if !keyName.MatchString(name) {
		return nil, fmt.Errorf("got %.80q, want the name of a key: letters, digits, _, - and . (not first), at most 64", name)
	}
	if name == self {
		return Key(dir)
	}
	return keyAt(filepath.Join(dir, "keys", name))
}

// Keys returns the keys that the store in dir has, with what is wrong with those that cannot be read.
func Keys(dir string) (keys []crypto.PrivKey, err error) {
	paths := []string{KeyFile(dir)}
	files, err := os.ReadDir(filepath.Join(dir, "keys"))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	for _, f := range files {
		if keyName.MatchString(f.Name()) {
			paths = append(paths, filepath.Join(dir, "keys", f.Name()))
		}
	}
	errs := []error{err}
	for _, path := range paths {
		key, err := readKey(path)
		switch {
		case err == nil:
			keys = append(keys, key)
		case !errors.Is(err, fs.ErrNotExist):
			errs = append(errs, err)
		}
	}
	return keys, errors.Join(errs...)
}

func keyAt(path string) (crypto.PrivKey, error) {
	key, err := readKey(path)
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
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	tmp, err := writeBeside(path, data)
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp)
	// A hard link is made by one of them only, and of a file that is whole.
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return readKey(path)
}

func readKey(path string) (crypto.PrivKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: got a %s, want a file with a private key", path, info.Mode().Type())
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s: its mode is %04o, so others may have read this private key; if nobody has: chmod 600 %s, else remove it, and a new one is made", path, mode, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("%s: got more than %d bytes, want a private key", path, maxKeyFile)
	}
	key, err := crypto.UnmarshalPrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: not a libp2p private key (%w); remove it, and a new one is made, which nobody knows yet", path, err)
	}
	return key, nil
}

// writeBeside writes a file that is to stand at path, for its owner alone, to a name beside it, which it returns.
func writeBeside(path string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // its mode is 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
